"""Putting a model into use, or the one before it back: decided by an account, with a reason, from a Monday on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from pipelines.account import account
from pipelines.errors import MistakeError
from pipelines.lock import writing
from pipelines.store import Store

if TYPE_CHECKING:
    from models import Promotion


@contextmanager
def said() -> Iterator[None]:
    """A model error is one sentence and exit code 2."""
    from models import ModelError

    try:
        yield
    except ModelError as error:
        text = str(error)
        raise MistakeError(f"{text[0].upper()}{text[1:]}.") from error


def put_into_use(store: Store, model_id: str, week: str | None, *, why: str, override: bool = False) -> Promotion:
    """Let a model score from a Monday on; the account that runs this process is kept as who decided.

    Args:
        store: the home; held for writing meanwhile.
        model_id: a kept model.
        week: the Monday, YYYY-MM-DD; None: the first that is delivered for and not yet scored.
        why: the reason, kept.
        override: although it has not passed every test.

    Raises:
        MistakeError: there is no such model, no reason, or it did not pass and nobody overrides that.
    """
    from models.promotion import promote

    return _decided(store, "model promote", week, why, partial(promote, store.models, model_id, override=override))


def put_back(store: Store, outcome: str, week: str | None, *, why: str) -> Promotion:
    """Put the model that was in use before back into use, from a Monday on.

    Raises:
        MistakeError: there was none before, or no reason is given.
    """
    from models.promotion import roll_back

    return _decided(store, "model rollback", week, why, partial(roll_back, store.models, outcome))


def _decided(store: Store, doing: str, week: str | None, why: str, decide: Callable[..., Promotion]) -> Promotion:
    """Makes a decision under this account while the home is held, and writes the model's card anew."""
    from features import load_features
    from models import write_card

    with writing(store.home, doing), said():
        done = decide(
            from_week(store, week),
            account=account(),
            why=why,
            declarations=load_features().fingerprint,
            scored=scored_weeks(store),
        )
        write_card(store.models, done.model_id, status=done.status, reasons=done.reasons)
    return done


def from_week(store: Store, asked: str | None) -> dt.date:
    """The Monday asked for, else the first Monday that is delivered for and not yet scored."""
    from pipelines.weeks import choose_week, parse_week

    if asked:
        return parse_week(asked)
    return max([choose_week(store, None), *(w + dt.timedelta(days=7) for w in scored_weeks(store))])


def scored_weeks(store: Store) -> list[dt.date]:
    """Mondays that have scores, in order."""
    from pipelines.stages import score_folder

    return sorted(dt.date.fromisoformat(p.parent.name[5:]) for p in score_folder(store).glob("week=*/score.parquet"))


def in_words(decision: Promotion) -> str:
    """A decision as a sentence or two."""
    why = f" Why: {decision.why}" if decision.why else ""
    over = f" Overridden: {', '.join(decision.overridden)}." if decision.overridden else ""
    return (
        f"{decision.outcome}: {decision.model_id} scores from {decision.week} on, as {decision.status}. "
        f"Decided by {decision.decided_by or 'the gate'}.{why}{over}"
    )
