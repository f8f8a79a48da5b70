"""`anticipate model …`: kept models, what was measured of them, which is in use, and who decided that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.promotion import in_words, put_back, put_into_use, said, scored_weeks
from pipelines.store import Store

if TYPE_CHECKING:
    from models import Promotion

model = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Kept models: list, show, compare, promote, roll back. Example: `anticipate model list`",
)
Id = Annotated[str, typer.Argument(metavar="MODEL_ID", help="As `anticipate model list` says it.")]
Why = Annotated[str, typer.Option("--why", help="The reason, in your words; it is kept with your account's name.")]
Week = Annotated[
    str | None, typer.Option(help="The Monday from which it scores.", show_default="the first that is not yet scored")
]


@model.command("list")
def list_models(context: typer.Context) -> None:
    """All kept models, what was measured, and which is in use.

    Example: `anticipate model list`
    """
    from models.promotion import overview
    from pipelines.terminal import console, show

    with said():
        found = overview(context.obj.models)
    if found.is_empty():
        console.print("No model is kept yet; `anticipate train` makes one.")
    else:
        show(found, "Kept models")


@model.command("show")
def show_model(context: typer.Context, model_id: Id) -> None:
    """One model: its card, and every decision about it.

    Example: `anticipate model show 4bc79c48b8563cfa`
    """
    from models import load, promotions
    from models.promotion import state
    from pipelines.terminal import console

    store: Store = context.obj
    with said():
        kept = load(store.models, model_id)
        console.print(f"[bold]{model_id}[/] {kept.about['outcome']['name']}, {kept.about['kind']}: ", end="")
        console.print(state(store.models, kept), highlight=False)
        for decision in (p for p in promotions(store.models) if p.model_id == model_id):
            _print(decision)
    card = kept.folder / "card.md"
    if card.is_file():
        console.print(card.read_text(encoding="utf-8"), markup=False, highlight=False)
        console.print(f"The same with figures: {kept.folder / 'card.html'}", soft_wrap=True)
    else:
        console.print("It has no card: a simpler step of the ladder, kept to be compared with.")


@model.command("compare")
def compare_models(context: typer.Context, model_id: Id, other: Id) -> None:
    """Two models on the same people: each metric, and the paired difference with its interval.

    Example: `anticipate model compare 4bc79c48b8563cfa 02219dc0dc44b6f3`
    """
    from models.promotion import compare
    from pipelines.terminal import console, show

    with said():
        found = compare(context.obj.models, model_id, other)
    show(found.metrics, f"{model_id} minus {other}, {found.rows:,} person-weeks that both were tested on")
    alike = found.agreement
    console.print(
        f"Ranks agree with a Spearman correlation of {alike['spearman']:.2f}; "
        f"of the highest 5 % they share {alike['top_share_overlap']:.0%}."
    )
    _print_shadow(context.obj, model_id, other)


def _print_shadow(store: Store, one: str, other: str) -> None:
    """The weeks that both scored, one of them in shadow; and, where windows have closed, how right each was."""
    from pipelines.challengers import beside
    from pipelines.terminal import console, show
    from pipelines.weeks import choose_week

    with said():
        found = beside(store, one, other, choose_week(store, None))
    if found is None or found.weeks.is_empty():
        console.print("They have scored no week side by side.")
        return
    show(found.weeks, "Weeks that both scored, one of them in shadow")
    if found.metrics is None:
        console.print("No window of these weeks has closed yet, so only ranks can be compared.")
    else:
        show(found.metrics, f"{one} minus {other}, in the weeks that have closed")


@model.command("hidden")
def hidden_housebound(context: typer.Context, week: Week = None) -> None:
    """How many people are expected to be housebound without a code, by neighbourhood; and what teams found.

    Example: `anticipate model hidden --week 2026-02-23`
    """
    from pipelines.errors import ProblemError
    from pipelines.hidden import confirmed_by_teams, expected_by_neighbourhood
    from pipelines.terminal import console, show
    from pipelines.weeks import parse_week

    scored = scored_weeks(context.obj)
    if not week and not scored:
        raise ProblemError("No week has been scored; `anticipate run` does that.")
    monday = parse_week(week) if week else scored[-1]
    show(expected_by_neighbourhood(context.obj, monday), f"Expected to be housebound without a code, week of {monday}")
    console.print("Rounded to 5; * for fewer than 8, and where another number would give it away.")
    told = confirmed_by_teams(context.obj, monday)
    if told.is_empty():
        console.print("Teams have not yet answered on a register about eight people who had no code.")
        return
    show(told, "Of those whom teams looked at on a register: the share expected, and found to be housebound")


@model.command("promote")
def promote_model(
    context: typer.Context,
    model_id: Id,
    why: Why,
    *,
    week: Week = None,
    override: Annotated[
        bool,
        typer.Option("--override", help="Although it has not passed every test: under your name, with the reason."),
    ] = False,
) -> None:
    """Let a model score from a Monday on. What has not passed the gate needs an override.

    Example: `anticipate model promote 4bc79c48b8563cfa --why "agreed by the clinical safety group on 3 March"`
    """
    _print(put_into_use(context.obj, model_id, week, why=why, override=override))


@model.command("rollback")
def rollback_model(context: typer.Context, outcome: str, why: Why, *, week: Week = None) -> None:
    """Put the model that was in use before back into use, from a Monday on.

    Example: `anticipate model rollback emergency_admission_12m --why "scores drifted after the coding change"`
    """
    _print(put_back(context.obj, outcome, week, why=why))


def _print(decision: Promotion) -> None:
    from pipelines.terminal import console

    console.print(in_words(decision), highlight=False, soft_wrap=True)
