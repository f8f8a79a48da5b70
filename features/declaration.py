"""Reads the declared features and refuses declarations that cannot be computed.

A feature is declared once, in ``declared/*.yaml``. From it come the SQL, the matrix's schema, the data dictionary, the
pandera schema and the sentence on a list; nothing else in the product names a feature's columns.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from data_contracts import site
from data_contracts.contract import load_contracts
from features import codelist, diagnoses, measurements
from features.checks import check_declarations
from features.errors import FeatureError
from features.local import implied_tables, site_documents
from features.phenotype import Phenotype, parse
from features.points import point_rows
from features.substances import substance_rows

DECLARED = Path(__file__).parent / "declared"

Kind = Literal["event", "amount", "interval", "item", "measurement", "diagnosis"]
Measure = Literal[
    "count",
    "sum",
    "days_since",
    "ever",
    "latest_status",
    "lost",
    "nights",
    "open_count",
    "open_sum",
    "open_more",
    "distinct",
    "started",
    "stopped",
    "points",
    "new",
    "excess",
    "fall",
    "household",
    "hospital_frailty",
    "charlson",
    "band",
    "younger",
    "spread",
    "demographic",
    "deficit",
    "deficit_count",
    "deficit_change",
    "phenotype",
]
WINDOWED: tuple[Measure, ...] = ("count", "sum", "nights", "distinct")
DERIVED: tuple[Measure, ...] = ("band", "younger", "spread")
DEFAULT_MISSING = "no source of it may be used, or none has told anything new for too long"


@dataclass(frozen=True)
class Table:
    """A record table that features may read.

    Attributes:
        date: column that says when it happened; ``end`` the column that says when it ended, for stays and services.
        sources: contracts that fill it; with none of them allowed for the purpose, its features are unknown.
        code: column of its codes.
        practice: rows carry ``practice_code``, and a practice that falls silent makes its own people's unknown.
        district: councils fill it, and what is told of a district is told of the people who live there; a district of
            whose people nothing new is told makes theirs unknown, and so does an address that is in none.
        silent_after_days: nothing newer known than this before the Monday means silent.
    """

    name: str
    date: str
    sources: tuple[str, ...]
    silent_after_days: int
    end: str | None = None
    practice: bool = False
    district: bool = False
    code: str = "code"


@dataclass(frozen=True)
class Member:
    """One set of rows that belong to a group: all of a table, those for which ``where`` holds, or those coded.

    ``date`` says when it happened, where that is not the table's own date.
    """

    table: str
    where: str | None = None
    codelist: str | None = None
    value: str | int | None = None
    date: str | None = None


@dataclass(frozen=True)
class Group:
    """Events that mean the same.

    Attributes:
        kind: an ``event`` has a date, an ``amount`` a date and a whole number to add up, an ``interval`` a start and an
            end, an ``item`` is a thing counted once, a ``diagnosis`` is an episode with the conditions it names.
    """

    name: str
    kind: Kind
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Feature:
    """One column of the matrix.

    Attributes:
        window: days before the Monday that are read; for ``days_since`` also the value that stands for longer or never.
        levels: for ``latest_status``, the meaning of each value; ``expires`` days after which a value falls back to 0.
        missing: what a missing value means; it never means zero.
        model_use: a model may see it.
        direction: what a clinician expects of the risk as the value rises.
        reason: sentence forms ``one``, ``many`` or ``status``; empty when it is never printed.
        reason_from: the smallest value for which the sentence is said.
        phenotype: for ``phenotype``, the file that declares its rules; ``column`` says what of the result.
        of: for a measure made of other features, those features, each with the value that says nothing, if any.
        cuts: where the bands of ``band`` begin; the age of ``younger``.
        age_from: under this age the value is unknown.
        weights: set of weights of ``charlson``.
        minimum: the smallest value that can be.
    """

    name: str
    measure: Measure
    description: str
    unit: str
    theme: str
    group: str | None = None
    window: int | None = None
    column: str | None = None
    bit: int | None = None
    levels: tuple[tuple[int, str], ...] = ()
    expires: tuple[tuple[int, int], ...] = ()
    missing: str = DEFAULT_MISSING
    model_use: bool = True
    direction: Literal["up", "down", "none"] = "none"
    reason: tuple[tuple[str, str], ...] = ()
    reason_from: int = 1
    phenotype: str | None = None
    of: tuple[tuple[str, int | None], ...] = ()
    cuts: tuple[int, ...] = ()
    age_from: int = 0
    weights: str = ""
    minimum: int = 0


@dataclass(frozen=True)
class FeatureSet:
    """All declarations, checked. ``features`` are in the order of the matrix's columns."""

    tables: dict[str, Table]
    groups: dict[str, Group]
    features: tuple[Feature, ...]
    deficits: tuple[str, ...]
    deficit_lookback: tuple[int | None, ...]
    deficit_table: str
    polypharmacy: tuple[str, int]
    codelists: Path
    phenotypes: dict[str, Phenotype] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """Features by name."""
        return {f.name: f for f in self.features}

    @property
    def names(self) -> list[str]:
        """Names of all features, in the order of the matrix."""
        return [f.name for f in self.features]

    @property
    def model_names(self) -> list[str]:
        """Names of the features that a model may see."""
        return [f.name for f in self.features if f.model_use]

    def tables_of(self, feature: Feature) -> tuple[str, ...]:
        """Record tables that a feature reads; empty for facts of the registration."""
        if feature.measure in ("deficit", "deficit_change"):
            return (self.deficit_table,)
        if feature.measure == "deficit_count":
            return (self.deficit_table, *self.tables_of(self.by_name[self.polypharmacy[0]]))
        if feature.phenotype:
            groups = sorted(self.phenotypes[feature.phenotype].groups)
            return tuple(dict.fromkeys(m.table for g in groups for m in self.groups[g].members))
        if feature.of:
            return tuple(dict.fromkeys(t for name, _ in feature.of for t in self.tables_of(self.by_name[name])))
        if feature.group is None:
            return ()
        return tuple(dict.fromkeys(m.table for m in self.groups[feature.group].members))

    def group_lookback(self, name: str) -> int | None:
        """Days before a Monday beyond which no feature of the group reads; None when history is read for ever."""
        lookbacks = [reach(f) for f in self.features if f.group == name and f.measure != "phenotype"]
        lookbacks += [days for p in self.phenotypes.values() for days in p.lookbacks(name)]
        return None if None in lookbacks else max((days for days in lookbacks if days), default=0)

    def codes(self, name: str) -> codelist.Codelist:
        """The codelist of that name; raises ``FeatureError`` when the file is missing or damaged."""
        return codelist.read(self.codelists, name)

    @cached_property
    def used_codelists(self) -> tuple[str, ...]:
        """Names of the codelists that the declarations use, in order."""
        named = {m.codelist for g in self.groups.values() for m in g.members if m.codelist}
        measured = {r.measure for r in measurements.value_rules() if r.deficit in self.deficits}
        return tuple(sorted(named | set(self.deficits) | measured))

    @cached_property
    def codelist_versions(self) -> dict[str, str]:
        """Version of every codelist that the declarations use, by name."""
        return codelist.versions(self.codelists, self.used_codelists)

    @property
    def index_codelists(self) -> str:
        """Versions of the lists behind the computed index, in words: every output that shows the index names them."""
        return codelist.in_words({name: self.codelist_versions[name] for name in self.deficits})

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what decides the values: declarations and codes, not the wording of a sentence."""
        decides = [
            [asdict(self.tables[name]) for name in sorted(self.tables)],
            [asdict(self.groups[name]) for name in sorted(self.groups)],
            [
                [f.name, f.measure, f.group, f.window, f.column, f.bit, f.levels, f.expires, f.model_use]
                for f in self.features
            ],
            [[f.name, f.of, f.cuts, f.age_from, f.weights] for f in self.features],
            [list(self.polypharmacy), self.deficit_lookback, measurements.fingerprint()],
            [asdict(self.phenotypes[name]) for name in sorted(self.phenotypes)],
            [asdict(self.codes(name)) for name in self.used_codelists],
            diagnoses.code_rows().rows(),
            diagnoses.weights(),
            substance_rows().rows(),
            point_rows().rows(),
        ]
        return hashlib.sha256(json.dumps(decides, default=str).encode()).hexdigest()


def reach(feature: Feature) -> int | None:
    """Days that a feature looks back, beyond its window where it compares with what was before; None: for ever."""
    if feature.measure == "new":
        return 730
    if feature.measure == "lost":
        return None
    return 365 if feature.measure in ("excess", "started", "stopped") else feature.window


def load_features(folder: Path = DECLARED, codelists: Path = codelist.FOLDER) -> FeatureSet:
    """All declared features, checked against each other and against ``sql/features``.

    With the shipped codelists, those of the site stand in the place of the shipped ones of the same name.

    Raises:
        FeatureError: a declaration cannot be computed; the message names it and what to change.
    """
    return _load(folder, codelists, site.stamp(*site.all_files()))


@cache
def _load(folder: Path, codelists: Path, _: site.Stamp) -> FeatureSet:
    documents = {p.stem: yaml.safe_load(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.yaml"))}
    shipped = documents.pop("tables")["tables"]
    if folder == DECLARED:
        documents |= site_documents(documents)
    shipped |= implied_tables({family: d for family, d in documents.items() if family != "deficits"})
    tables = {name: _table(name, declared) for name, declared in shipped.items()}
    deficits = documents.pop("deficits", {"deficits": [], "table": "", "polypharmacy": {}})
    groups: dict[str, Group] = {}
    features: list[Feature] = []
    phenotypes: dict[str, Phenotype] = {}
    for family, document in documents.items():
        for name, declared in document.get("groups", {}).items():
            if name in groups:
                raise FeatureError(f"{family}.yaml: group {name!r} is declared twice")
            groups[name] = _group(name, declared)
        for declared in document["features"]:
            features += [
                replace(f, phenotype=family) if f.measure == "phenotype" else f
                for f in _expand(declared, document["theme"])
            ]
        if "phenotype" in document:
            phenotypes[family] = parse(family, document["phenotype"])
    features += _deficit_features(deficits)
    lists = codelist.in_words(codelist.versions(codelists, [d["codelist"] for d in deficits["deficits"]]))
    features = [replace(f, description=f.description.replace("{codelists}", lists)) for f in features]
    declared_set = FeatureSet(
        tables=tables,
        groups=groups,
        features=tuple(features),
        deficits=tuple(d["codelist"] for d in deficits["deficits"]),
        deficit_lookback=tuple(d.get("lookback") for d in deficits["deficits"]),
        deficit_table=deficits["table"],
        polypharmacy=(deficits["polypharmacy"].get("feature", ""), deficits["polypharmacy"].get("at_least", 5)),
        codelists=codelists,
        phenotypes=phenotypes,
    )
    check_declarations(declared_set)
    return declared_set


def _table(name: str, declared: dict[str, Any]) -> Table:
    """A record table; without a limit of its own it falls silent at the longest limit of its contracts."""
    contracts = load_contracts()
    if unknown := [s for s in declared["sources"] if s not in contracts]:
        raise FeatureError(f"tables.yaml: {name} is filled by {unknown[0]!r}, which is no contract")
    limits = [contracts[s].staleness_days for s in declared["sources"]]
    declared = {"silent_after_days": max((d for d in limits if d), default=366), **declared}
    return Table(name=name, **{**declared, "sources": tuple(declared["sources"])})


def _group(name: str, declared: dict[str, Any]) -> Group:
    return Group(name, declared.get("kind", "event"), tuple(Member(**m) for m in declared["from"]))


def _expand(declared: dict[str, Any], theme: str) -> list[Feature]:
    """One feature per window; the window ends the name."""
    values = {"theme": theme, **declared}
    windows = values.pop("windows", None)
    reason = dict(values.pop("reason", {}))
    values["reason_from"] = reason.pop("from", 1)
    values["reason"] = tuple(reason.items())
    values["levels"] = tuple(values.pop("levels", {}).items())
    values["expires"] = tuple(values.pop("expires", {}).items())
    values["of"] = tuple(values.pop("of", {}).items())
    values["cuts"] = tuple(values.pop("cuts", ()))
    if windows is None:
        return [Feature(**values)]
    return [Feature(**{**values, "name": f"{declared['name']}_{days}", "window": days}) for days in windows]


def _deficit_features(document: dict[str, Any]) -> list[Feature]:
    features = [
        Feature(
            name=f"deficit_{d['codelist']}",
            measure="deficit",
            description=f"{d['description']}: {_deficit_words(d)} (one of the 36 deficits)",
            unit="flag",
            theme=d.get("theme", document["theme"]),
            bit=bit,
            direction="up",
            reason=(("status", d["reason"]),) if "reason" in d else (),
        )
        for bit, d in enumerate(document["deficits"])
    ]
    if document["deficits"]:
        count = document["count"]
        features.append(
            Feature(
                name=count["name"],
                measure="deficit_count",
                description=count["description"],
                unit="deficits",
                theme="function and frailty",
                direction="up",
                age_from=count.get("age_from", 0),
            )
        )
    return features


def _deficit_words(declared: dict[str, Any]) -> str:
    rules = [r for r in measurements.value_rules() if r.deficit == declared["codelist"]]
    since = f"recorded in the last {declared['lookback']} days" if "lookback" in declared else "ever recorded"
    measured = list(dict.fromkeys(rule.what for rule in rules))
    return f"{since}, or the newest {' or '.join(measured)} not normal" if measured else since
