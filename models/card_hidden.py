"""What the card of a hidden state says: there is no outcome to come, and nobody knows who is not in it."""

from __future__ import annotations

from collections.abc import Sequence

from features import FeatureSet
from models.card_measured import span
from models.card_parts import Section, Table, made_from
from models.registry import Kept

PREDICTORS_SHOWN = 15
METRICS = {
    "auroc": "AUROC for the code",
    "calibration_slope": "calibration slope for the code",
    "observed_over_expected": "observed / expected codes",
    "expected_without_code_per_coded": "people expected without a code, for each who has one",
}


def sections(kept: Kept, declared: FeatureSet, *, status: str, reasons: Sequence[str]) -> list[Section]:
    """The whole card."""
    about, outcome = kept.about, kept.about["outcome"]
    rows = tuple((words, span(kept.metrics["metrics"][name])) for name, words in METRICS.items())
    first = list(about["importance"].items())[:PREDICTORS_SHOWN]
    named = [(n, declared.by_name[n].description, f"{share:.1%}") for n, share in first if n in declared.by_name]
    return [
        Section(
            "Intended use",
            (
                f"To find people for {outcome['title']}: {outcome['action']}. Not for: diagnosis, eligibility, or any "
                "use without a person who looks. A low number is no reassurance.",
                f"Status: {status}. " + "; ".join(reasons) + ".",
            ),
        ),
        Section("State", (f"{outcome['definition'][0].upper()}{outcome['definition'][1:]}.",)),
        Section(
            "Analysis",
            (
                "Learned from positive and unlabelled people (Elkan and Noto, 2008): a code is trusted, its absence is "
                "not. Trees learn the chance of a code, calibrated by people not seen; divided by the share of the "
                "state that is coded it is the chance of the state. That share is the mean predicted chance among the "
                "coded: "
                + span(kept.metrics["share_coded"])
                + ". For somebody without a code, the share that their own "
                "practice codes is used, drawn towards the whole where the practice is small.",
                "Never looked at, because the code is in them: " + ", ".join(outcome["blind_to"]) + ".",
                "It holds when those who are coded are like those who are not. Where they are more plainly so, too few "
                "are expected; where trees tell people apart badly, too many. Only people who looked can say.",
            ),
        ),
        Section(
            "Performance on people and times not seen",
            (
                f"{about['test']['person_weeks']:,} person-weeks, {about['test']['events']:,} with a code. Estimate "
                "and 95 % interval (200 bootstrap replicates that draw practices). Who is in the state is not "
                "recorded, so only the code can be tested here.",
                Table(("", ""), rows),
            ),
        ),
        Section("Predictors", (Table(("feature", "meaning", "share of gain"), tuple(named)),)),
        Section(
            "Provenance",
            (
                Table(
                    ("", ""),
                    (
                        ("model", kept.model_id),
                        *made_from(about),
                    ),
                ),
            ),
        ),
    ]
