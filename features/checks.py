"""What must hold of the declarations before anything is computed: the list and the SQL cannot drift apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from data_contracts.words import WordError, check_words
from features.conditions import check_tables, output_columns
from features.diagnoses import MAPPING
from features.errors import FeatureError
from features.phenotype import Around
from features.phenotype import check as check_phenotype

if TYPE_CHECKING:
    from features.declaration import Feature, FeatureSet

KIND_OF_MEASURE = {
    "count": "event",
    "sum": "amount",
    "days_since": "event",
    "ever": "event",
    "latest_status": "event",
    "lost": "event",
    "nights": "interval",
    "open_count": "interval",
    "open_sum": "interval",
    "open_more": "interval",
    "distinct": "item",
    "started": "item",
    "stopped": "item",
    "points": "item",
    "new": "event",
    "excess": "event",
    "fall": "measurement",
    "hospital_frailty": "diagnosis",
    "charlson": "diagnosis",
}
STATEMENT_OF_KIND = {
    "event": "event_long",
    "amount": "amount_long",
    "interval": "interval_long",
    "item": "distinct_long",
    "diagnosis": "diagnosis_long",
    "measurement": "measurement_long",
}
RESULT_OF_MEASURE = {
    "ever": "latest_status",
    "latest_status": "latest_status",
    "lost": "ever_held",
    "days_since": "latest_status",
    "open_count": "open_count",
    "open_sum": "open_sum",
    "open_more": "open_sum_{window}",
    "hospital_frailty": "frailty_low_{window}",
    "new": "count_{window}",
    "excess": "count_{window}",
    "fall": "earlier_{window}",
}
NEEDS_VALUE = ("sum", "open_sum", "open_more", "latest_status", "lost", "fall")
AUDIT_ONLY = ("ethnic", "language", "imd", "deprivation", "lsoa", "practice", "hiv")


def result_column(feature: Feature) -> str:
    """Column of the long statement that holds a feature's value, e.g. ``count_365``."""
    named = RESULT_OF_MEASURE.get(feature.measure, feature.measure + "_{window}")
    return named.format(window=feature.window)


def check_declarations(declared: FeatureSet) -> None:
    """Raises ``FeatureError`` at the first declaration that does not hold together."""
    names = [f.name for f in declared.features]
    for name in sorted({n for n in names if names.count(n) > 1}):
        raise FeatureError(f"feature {name!r} is declared twice")
    _check_groups(declared)
    check_tables(declared)
    produced = {kind: set(output_columns(f"features/{s}")) for kind, s in STATEMENT_OF_KIND.items()}
    described = {*output_columns("features/population"), *output_columns("features/area")}
    for phenotype in declared.phenotypes.values():
        before = [name for name in declared.phenotypes if name < phenotype.name]
        check_phenotype(phenotype, Around(declared.groups, declared.tables, described, before))
    for feature in declared.features:
        _check_feature(declared, feature, produced, described)
        _check_derived(declared, feature)
    if declared.deficits and declared.polypharmacy[0] not in names:
        raise FeatureError(f"polypharmacy names {declared.polypharmacy[0]!r}, which is no feature")


def _check_groups(declared: FeatureSet) -> None:
    used = {f.group for f in declared.features} | {g for p in declared.phenotypes.values() for g in p.groups}
    for group in declared.groups.values():
        if group.name not in used:
            raise FeatureError(f"group {group.name!r} is used by no feature")
        for member in group.members:
            table = declared.tables.get(member.table)
            if table is None:
                raise FeatureError(f"group {group.name!r} reads {member.table!r}, which tables.yaml does not declare")
            if group.kind == "interval" and table.end is None:
                raise FeatureError(f"group {group.name!r}: table {table.name!r} declares no end date")
            if member.codelist and table.code not in output_columns(f"record/{table.name}"):
                raise FeatureError(f"group {group.name!r}: the record table {table.name!r} has no codes")


def _check_feature(declared: FeatureSet, feature: Feature, produced: dict[str, set[str]], described: set[str]) -> None:
    if feature.model_use and any(re.search(rf"\b{w}|_{w}|^{w}", feature.name) for w in AUDIT_ONLY):
        raise FeatureError(f"feature {feature.name!r} may only audit a model: say model_use: false")
    _check_words(feature)
    if feature.measure in KIND_OF_MEASURE:
        _check_group_feature(declared, feature, produced)
    elif problem := _unmade(declared, feature, described):
        raise FeatureError(f"feature {feature.name!r}: {problem}")
    if feature.measure == "days_since" and feature.window is None:
        raise FeatureError(f"feature {feature.name!r}: days_since needs a window, the value that stands for never")
    if feature.reason and not {"one", "status"} & dict(feature.reason).keys():
        raise FeatureError(
            f"feature {feature.name!r}: its sentence needs the form for one, or one form for all (status)"
        )
    dated = any("{latest}" in text for _, text in feature.reason)
    if dated and latest_feature(declared, feature) is None:
        raise FeatureError(
            f"feature {feature.name!r}: its sentence has a date, so its group needs a days_since feature"
        )


def _unmade(declared: FeatureSet, feature: Feature, described: set[str]) -> str:
    """Why what the feature names is made by nothing; empty when it is made."""
    if feature.measure == "phenotype":
        phenotype = declared.phenotypes.get(feature.phenotype or "")
        if phenotype is None or feature.column not in phenotype.columns:
            return f"its file declares no phenotype with {feature.column!r}"
    if feature.measure == "demographic" and feature.column not in described:
        return f"neither population.sql nor area.sql of sql/features returns {feature.column!r}"
    if feature.measure == "deficit_change" and f"{feature.column}_mask" not in output_columns(
        "features/deficit_change"
    ):
        return f"sql/features/deficit_change.sql returns no {feature.column}_mask"
    return ""


def _check_group_feature(declared: FeatureSet, feature: Feature, produced: dict[str, set[str]]) -> None:
    group = declared.groups.get(feature.group or "")
    if group is None:
        raise FeatureError(f"feature {feature.name!r} names group {feature.group!r}, which is not declared")
    kind = KIND_OF_MEASURE[feature.measure]
    if group.kind != kind:
        raise FeatureError(f"feature {feature.name!r}: {feature.measure} needs a group of kind {kind!r}")
    if result_column(feature) not in produced[kind]:
        statement = STATEMENT_OF_KIND[kind]
        raise FeatureError(
            f"feature {feature.name!r}: sql/features/{statement}.sql returns no {result_column(feature)!r}"
        )
    if feature.measure in NEEDS_VALUE and any(m.value is None for m in group.members):
        raise FeatureError(f"feature {feature.name!r}: every member of {group.name!r} needs a value")


def _check_derived(declared: FeatureSet, feature: Feature) -> None:
    if feature.measure == "charlson" and feature.weights not in MAPPING:
        raise FeatureError(f"feature {feature.name!r}: weights are one of {', '.join(MAPPING)}")
    names = declared.names
    for name, _ in feature.of:
        if name not in names:
            raise FeatureError(f"feature {feature.name!r} is made of {name!r}, which is no feature")
        if declared.by_name[name].of and names.index(name) > names.index(feature.name):
            raise FeatureError(f"feature {feature.name!r} is made of {name!r}: declare that one before it")
    if feature.measure in ("band", "younger") and (len(feature.of) != 1 or not feature.cuts):
        raise FeatureError(f"feature {feature.name!r}: {feature.measure} needs one feature and its cuts")


def latest_feature(declared: FeatureSet, feature: Feature) -> Feature | None:
    """The ``days_since`` feature of the same group, from which the date in a sentence comes."""
    return next((f for f in declared.features if f.group == feature.group and f.measure == "days_since"), None)


def _check_words(feature: Feature) -> None:
    try:
        check_words([feature.description, feature.theme, *(text for _, text in feature.reason)])
    except WordError as problem:
        raise FeatureError(f"feature {feature.name!r}: {problem}") from problem
