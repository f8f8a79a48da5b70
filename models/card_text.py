"""What a model card says, under the headings of TRIPOD, as sections that `models.card` renders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from features import FeatureSet
from features.declaration import WINDOWED, Feature
from models import card_measured
from models.card_parts import Figure, Section, Table, made_from
from models.ladder import BOOSTED, HURDLE, TITLES, TOP
from models.limits import load_limits
from models.registry import Kept
from models.yardstick import RANKING_TITLES

METRICS = {
    "auroc": "AUROC",
    "auprc": "average precision",
    "brier": "Brier score",
    "scaled_brier": "scaled Brier score",
    "integrated_calibration_index": "integrated calibration index",
    "calibration_intercept": "calibration intercept",
    "calibration_slope": "calibration slope",
    "observed_over_expected": "observed / expected",
    "ppv_top_1_percent": "positive predictive value, highest 1 %",
    "ppv_top_5_percent": "positive predictive value, highest 5 %",
    "ppv_top_10_percent": "positive predictive value, highest 10 %",
    "sensitivity_top_1_percent": "sensitivity, highest 1 %",
    "sensitivity_top_5_percent": "sensitivity, highest 5 %",
    "sensitivity_top_10_percent": "sensitivity, highest 10 %",
    "lift_top_1_percent": "times the average risk, highest 1 %",
    "lift_top_5_percent": "times the average risk, highest 5 %",
    "events_top_1_percent_of_1000_people": "people with an event reached per 1,000, highest 1 %",
    "events_top_5_percent_of_1000_people": "people with an event reached per 1,000, highest 5 %",
}
METRICS_OF_DAYS = {
    "mean_days": "mean days",
    "share_with_any": "share of people with any",
    "observed_over_expected": "observed / expected",
    "calibration_slope": "calibration slope, on the logarithm",
    "mean_absolute_error": "mean absolute error, days",
    "deviance_explained": "share of Poisson deviance explained",
    "concentration": "concentration of days (0.5 by chance)",
    "share_of_days_top_1_percent": "share of all days, highest 1 %",
    "share_of_days_top_2_percent": "share of all days, highest 2 %",
    "share_of_days_top_5_percent": "share of all days, highest 5 %",
    "share_of_days_top_10_percent": "share of all days, highest 10 %",
}
PREDICTORS_SHOWN = 20


def sections(kept: Kept, declared: FeatureSet, *, status: str, reasons: Sequence[str]) -> list[Section]:
    """The whole card."""
    about = kept.about
    return [
        _use(about, status, reasons),
        _data(about),
        _outcome(about),
        _predictors(kept, declared),
        card_measured.dependence_section(kept, declared),
        _analysis(about),
        _performance(kept),
        card_measured.gate_section(kept),
        card_measured.groups_section(kept),
        card_measured.neighbourhoods_section(kept),
        card_measured.decision_section(kept),
        card_measured.horizon_section(kept),
        card_measured.stability_section(kept),
        card_measured.robustness_section(kept),
        card_measured.published_section(),
        _explanation(),
        _limits(),
        _provenance(kept),
    ]


def _use(about: dict[str, Any], status: str, reasons: Sequence[str]) -> Section:
    return Section(
        "Intended use",
        (
            "To order people aged 65 or over, or housebound at any adult age, by their "
            f"{'expected' if about['outcome'].get('counts') else 'risk of'} {about['outcome']['title']}, so that a "
            "neighbourhood team with few places a week can think first about "
            f"those who may gain: {about['outcome']['action']}.",
            "Not for: diagnosis; deciding on treatment, admission, eligibility or funding; people outside the cohort; "
            "any use without a person who looks at the record and decides. A low score is no reassurance.",
            f"Status: {status}. " + "; ".join(reasons) + ("." if reasons else ""),
        ),
    )


def _data(about: dict[str, Any]) -> Section:
    rows = []
    for name, words in (("train", "learned from"), ("test", "tested on")):
        part = about[name]
        rows.append(
            (
                words,
                f"{part['weeks'][0]} to {part['weeks'][-1]} ({len(part['weeks'])} Mondays)",
                f"{part['people']:,}",
                f"{part['person_weeks']:,}",
                f"{part['events']:,}",
                f"{part['died_before_any_event']:,}",
                f"{part['left_before_fate_known']:,}",
                f"{part['practices']:,}",
            )
        )
    head = (
        "",
        "index weeks",
        "people",
        "person-weeks",
        "events",
        "died first",
        "left before it was known",
        "practices",
    )
    return Section(
        "Source of data and participants",
        (
            "Pseudonymous records of the board's sources, each row with the day from which it could be known. A Monday "
            "uses only what had happened and was known by then. People who opted out are left out. Outcomes are read "
            f"as known on {about['data_date']}.",
            Table(head, tuple(rows)),
            "No person is in both parts. The test Mondays begin a whole outcome window after the last training Monday.",
        ),
    )


def _outcome(about: dict[str, Any]) -> Section:
    outcome = about["outcome"]
    estimand = (
        "Days after a death are none, and who died stays in every figure."
        if outcome.get("counts")
        else "The risk is a cumulative incidence: death before the event counts as no event, and stays in every figure."
    )
    return Section(
        "Outcome",
        (
            f"{outcome['definition'][0].upper()}{outcome['definition'][1:]}. {estimand} Who left the board before it "
            "was known is neither: those who stayed are weighted up (inverse probability of censoring).",
            f"A Monday is used only when its window has been over for {outcome['completeness_lag_days']} days: "
            f"{outcome['completeness_reason']}.",
        ),
    )


def _predictors(kept: Kept, declared: FeatureSet) -> Section:
    used, nobody = kept.candidate.features, kept.about.get("unknown_for_everyone", [])
    share = kept.about.get("importance", {})
    first = list(share)[:PREDICTORS_SHOWN] or list(used)
    rows = tuple(
        (name, _meaning(declared.by_name[name]), f"{share[name]:.1%}" if name in share else "")
        for name in first
        if name in declared.by_name
    )
    return Section(
        "Predictors",
        (
            f"{len(used)} features, each declared with its window and meaning. Ethnicity, language, deprivation and "
            "practice are not predictors. Codelists are a starter set: bands made from them are not comparable with "
            "published ones.",
            Table(("feature", "meaning", "share of gain" if kept.about["kind"] in TOP else "share of spread"), rows),
            "A missing value means unknown, never zero: trees learn a side for it; a comparator takes a fixed value.",
            *([f"Unknown for everyone it learnt from, so not used: {', '.join(nobody)}."] if nobody else []),
        ),
    )


def _meaning(feature: Feature) -> str:
    """The feature's description, with the window that it counts over."""
    counted = feature.measure in WINDOWED and "last" not in feature.description
    return f"{feature.description}, last {feature.window} days" if counted else feature.description


def _analysis(about: dict[str, Any]) -> Section:
    boosted = about["kind"] in TOP
    how = HOW.get(about["kind"], HOW_OF_DAYS if about["outcome"].get("counts") else HOW_OF_RISK)
    settings = ", ".join(f"{k} {v}" for k, v in about["parameters"].items()) if boosted else ""
    return Section("Analysis", (how, *([f"Settings: {settings}."] if settings else [])))


HOW_OF_RISK = "Ridge-penalised logistic regression on the listed features."
HOW_OF_DAYS = "Ridge-penalised log-linear regression of the days on the listed features (Poisson likelihood)."
_CALIBRATED = "fitted to predictions for people whom the model had not seen (cross-fitted by person)."
HOW = {
    BOOSTED: f"Boosted trees; calibrated by a straight line on the log-odds, {_CALIBRATED}",
    HURDLE: "Boosted trees of the chance of any day, calibrated, times boosted trees of the mean days where there are "
    f"any (gamma likelihood); made to add up by a straight line on the logarithm, {_CALIBRATED}",
}


def _performance(kept: Kept) -> Section:
    own, beside = kept.metrics["metrics"], kept.metrics["beside"]
    names = [kept.candidate.name, *beside]
    columns = [own, *beside.values()]
    days = bool(kept.about["outcome"].get("counts"))
    told = METRICS_OF_DAYS if days else METRICS
    ranking = "concentration" if days else "auroc"
    rows = tuple((words, *(_interval(c[metric]) for c in columns)) for metric, words in told.items())
    minus = tuple(
        (f"{RANKING_TITLES[ranking]} minus that of {TITLES[name]}", _interval(differences[ranking]))
        for name, differences in kept.metrics["minus"].items()
    )
    curve = tuple(kept.metrics["calibration_curve"])
    shown = ".1f" if days else ".0%"
    words = "; ".join(f"predicted {c['predicted']:{shown}}, observed {c['estimate']:{shown}}" for c in curve)
    return Section(
        "Performance on people and times not seen",
        (
            "Estimate and 95 % interval (200 bootstrap replicates that draw practices).",
            Table(("", *(TITLES[n] for n in names)), rows),
            Table(("paired comparison", "difference"), minus),
            f"A model passes calibration when slope and observed / expected have intervals that include 1, or that lie "
            f"wholly within {load_limits().slope[0]:.2f} to {load_limits().slope[1]:.2f}.",
            Figure(
                "calibration of days" if days else "calibration",
                curve,
                f"Calibration by tenths of {'expected days' if days else 'predicted risk'}: {words}.",
            ),
        ),
    )


def _explanation() -> Section:
    return Section(
        "Explanation",
        (
            "For people on a list, contributions of the features (TreeSHAP, or coefficient times distance from the "
            "average row) are summed to clinical themes that add up to the log-odds of the number. Themes that raise "
            "it most are said first, with the record's own sentence and date. They say how the number came about, not "
            "why something will happen: changing what a theme rests on need not change the risk.",
            "The person who looks at the record decides, and may set the number aside; what is decided is recorded on "
            "the sheet.",
        ),
    )


def _limits() -> Section:
    return Section(
        "Limits",
        (
            "The people are artificial unless a named officer has recorded otherwise; figures say nothing about a real "
            "population, and published models must not be compared with them as if they did.",
            "Not assessed: groups by language (not recorded well enough); real people; another place. Codelists are a "
            "starter set that no clinician has reviewed.",
            "The model learns what was recorded: people who are seldom seen and little recorded get low scores. In the "
            "only large randomised test of such a list in general practice (PRISM) admissions rose.",
        ),
    )


def _provenance(kept: Kept) -> Section:
    about = kept.about
    rows = (
        ("model", kept.model_id),
        ("kind", TITLES[about["kind"]]),
        *made_from(about),
        ("codelists", ", ".join(about["codelists"])),
    )
    return Section("Provenance", (Table(("", ""), rows),))


def _interval(metric: dict[str, float]) -> str:
    return f"{metric['estimate']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})"
