"""Models: one asset for the model in use, which trains when one is due, and the scores of each Monday."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from pipelines import stages, training
from pipelines.assets.features import KEY as FEATURE
from pipelines.assets.record import table_key
from pipelines.challengers import build_shadow
from pipelines.drift import CHECKS, TOLD, drift_findings
from pipelines.findings import Finding, keep
from pipelines.partitions import WEEKLY, week_of_run, weeks_of
from pipelines.presentation import code_reference, markdown
from pipelines.resources import Writer

MODEL = dg.AssetKey("model")
SCORE = dg.AssetKey("score")
OWNERS = ["team:analytics"]
OUTCOMES = Path(__file__).parents[2] / "models" / "outcomes"


class TrainingForm(dg.Config):
    """Filled in already: press Launch to train now."""

    retrain: bool = Field(default=False, description="Train even when none is due this month.")
    outcomes: list[str] = Field(
        default=[], description="Which outcomes; none named: the routine ones and those that have a model already."
    )
    thorough: bool = Field(
        default=False, description="Also hold out practices and leave out sources: takes several times as long."
    )


@dg.asset(
    key=MODEL,
    deps=[table_key(t) for t in ("registration", "person", "death", "inpatient_spell", "opt_out")],
    group_name="models",
    owners=OWNERS,
    kinds={"lightgbm", "scikitlearn"},
    description="The models in use. Trains in the first run of a month, or when there is none: several past Mondays, "
    "split in time with a gap, calibrated, tested against simple comparators; the gate decides what may be shown. In "
    "every other run it stays as it is. `model card` says what was measured.",
    metadata={"dagster/code_references": code_reference(*sorted(OUTCOMES.glob("*.yaml")))},
    check_specs=[
        dg.AssetCheckSpec(
            "passed_the_gate",
            asset=MODEL,
            description="The model of the primary outcome passed every gate. Until one has, the simplest calibrated "
            "comparator is shown, marked as not yet validated. Tells, does not stop.",
        )
    ],
)
def model(context: dg.AssetExecutionContext, config: TrainingForm, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Train when a model is due; say which model is in use."""
    store = writer.store
    week = week_of_run(context, store)
    done = training.train_when_due(
        store, week, retrain=config.retrain, outcomes=config.outcomes, thorough=config.thorough
    )
    used = training.models_in_use(store, week)
    finding = _gate(used, done)
    keep(store, [finding], run_id=context.run_id, step="model", week=week)
    cards = {
        f"model card, {row['outcome']}": dg.MetadataValue.path(str(store.models / row["model_id"] / "card.html"))
        for row in used.rows(named=True)
    }
    yield dg.MaterializeResult(
        metadata={
            "trained in this run": done.trained,
            "why": done.why,
            **done.numbers,
            "models in use": dg.MetadataValue.md(markdown(used)),
            "measured": dg.MetadataValue.md(markdown(training.measured(store, week))),
            **cards,
        },
        check_results=[finding.result()],
    )


def _gate(used: pl.DataFrame, done: training.Training) -> Finding:
    if used.is_empty():
        return Finding(("model",), "passed_the_gate", passed=False, says=f"{training.NO_MODEL} {done.why}")
    primary = used.row(0, named=True)
    passed = primary["status"] == "champion"
    says = f"{primary['outcome']}: {primary['status']}. {primary['reasons']}"
    return Finding(("model",), "passed_the_gate", passed, says)


@dg.asset(
    key=SCORE,
    deps=[FEATURE, MODEL],
    group_name="models",
    owners=OWNERS,
    kinds={"parquet", "lightgbm"},
    partitions_def=WEEKLY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    description="Calibrated risk of each outcome for everyone in the cohort on a Monday, by the model promoted on or "
    "before it. A past week is never changed by later data.",
    check_specs=[
        dg.AssetCheckSpec(
            "one_score_a_person",
            asset=SCORE,
            blocking=True,
            description="Nobody has two scores of one outcome in a week. Stops the run.",
        ),
        dg.AssetCheckSpec(
            "past_scores_reproduced",
            asset=SCORE,
            description="A week scored again has the same scores. Where it has not, what was there stays. Tells, does "
            "not stop.",
        ),
        *(dg.AssetCheckSpec(name, asset=SCORE, description=says + TOLD) for name, says in CHECKS.items()),
    ],
)
def score(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Score the weeks asked for."""
    weeks = weeks_of(context)
    if any(training.models_in_use(writer.store, week).is_empty() for week in weeks):
        yield from _nobody(context, writer, weeks)
        return
    built = [stages.build_scores(writer.store, week) for week in weeks]
    shadow = {str(week): build_shadow(writer.store, week) for week in weeks}
    twice = {str(b.week): b.rows - b.people for b in built if b.rows != b.people}
    changed = [str(b.week) for b in built if b.settled == "different"]
    findings = [
        Finding(
            ("score",),
            "one_score_a_person",
            not twice,
            "One score a person and outcome." if not twice else f"Surplus rows: {twice}.",
            blocking=True,
            counts={"scores": sum(b.rows for b in built), "weeks": len(built)},
        ),
        Finding(
            ("score",),
            "past_scores_reproduced",
            not changed,
            "As before." if not changed else f"Would differ now, and stay as they were: {', '.join(changed)}.",
        ),
    ]
    findings += drift_findings(writer.store, weeks[-1])
    keep(writer.store, findings, run_id=context.run_id, step="score", week=weeks[-1])
    spread = (
        pl.read_parquet(built[-1].folder / "score.parquet")
        .group_by("outcome", "model_id", "model_status")
        .agg(
            people=pl.len(),
            mean=pl.col("score").mean().round(4),
            top_percent=pl.col("score").quantile(0.99).round(4),
            unknown_share=pl.col("unknown_share").mean().round(4),
            most_unknown=pl.col("unknown_share").max().round(4),
        )
    )
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": built[-1].rows,
            "weeks": len(built),
            "settled": ", ".join(sorted({b.settled for b in built})),
            "scores": dg.MetadataValue.md(markdown(spread.sort("outcome"))),
            "folder": dg.MetadataValue.path(str(built[-1].folder)),
            "scores in shadow by challengers": ", ".join(sorted(set(shadow.values()))),
        },
        check_results=[f.result() for f in findings],
    )


def _nobody(
    context: dg.AssetExecutionContext, writer: Writer, weeks: Sequence[dt.date]
) -> Iterator[dg.MaterializeResult]:
    """No model may be shown: nobody is scored, and that is said."""
    checks = [("one_score_a_person", True), ("past_scores_reproduced", False)]
    checks += [(name, False) for name in CHECKS]
    findings = [Finding(("score",), name, passed=True, says=training.NO_MODEL, blocking=b) for name, b in checks]
    keep(writer.store, findings, run_id=context.run_id, step="score", week=weeks[-1])
    yield dg.MaterializeResult(
        metadata={"dagster/row_count": 0, "said": training.NO_MODEL}, check_results=[f.result() for f in findings]
    )
