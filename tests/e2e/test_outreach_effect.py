"""From a list to what came of it: released, seen, lived on, delivered, read, evaluated.

Small: whether an effect is found is for `tests/bench/outreach_effect.py`, which has the people for it. Here every step
must hand on to the next, and what is evaluated must be what has happened.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from data_contracts.identity import pseudonyms
from outreach.design import load_design
from outreach.evaluation import OUTCOMES, Effect, evaluate
from outreach.ledger import ledgers
from outreach.links import follow, linked
from pipelines import stages
from pipelines.store import Store
from synthetic import resume
from tests.bench.outreach_effect import HORIZON_WEEKS, LAST, County, Found, released_and_returned

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    return County(tmp_path_factory.mktemp("effect"), people=3_000, seed=1)


@pytest.fixture(scope="module")
def lived(county: County) -> dict[str, tuple[Store, Found, int]]:
    """After contacts that help and after none: the home, what was found, how many were released."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTICIPATE_HOME", str(county.folder / "home"))
        listed = county.list_made()
        numbers = released_and_returned(listed)
        return {
            kind: (
                Store.at(county.folder / f"home-{kind}"),
                county.lived_on(listed, kind, numbers, futures=1),
                len(numbers),
            )
            for kind in ("help", "nothing")
        }


def happened(county: County, store: Store, contacts: Path) -> Effect:
    """What the design says of the lives themselves, without any delivery between."""
    stopped = county.stopped()
    told = resume.live_on(stopped, weeks=HORIZON_WEEKS, contacts=contacts)
    people = told.select(
        pseudonyms(stages.open_key(store), "nhs_number", told["nhs_number"].cast(pl.String)).alias("person_id"),
        pl.col("emergency_admissions").alias("admissions"),
    )
    ((_, path),) = ledgers(stages.list_folder(store))
    units = pl.read_parquet(path).filter(pl.col("arm").is_not_null())
    with stages.record_opened(store) as con:
        units = follow(units, linked(con, LAST))
    others = {o: pl.lit(0.0) for o in OUTCOMES if o != "admissions"}
    return evaluate(
        units.join(people, on="person_id").with_columns(**others), load_design(store.home / "site/design.yaml")
    )[0]


def test_everybody_released_comes_back_as_seen(lived: dict[str, tuple[Store, Found, int]]) -> None:
    for _, found, released in lived.values():
        assert found.contacts == released > 30


def test_what_is_evaluated_is_what_has_happened(county: County, lived: dict[str, tuple[Store, Found, int]]) -> None:
    for kind, (store, found, _) in lived.items():
        truth = happened(county, store, county.folder / f"{kind}.csv")
        assert (found.admissions.shown, found.admissions.not_shown) == (truth.shown, truth.not_shown)
        assert found.admissions.estimate == pytest.approx(truth.estimate, abs=0.03)


def test_no_harm_is_found_where_there_was_none_and_help_lowers_what_would_have_been(
    lived: dict[str, tuple[Store, Found, int]],
) -> None:
    help_, nothing = lived["help"][1], lived["nothing"][1]
    assert not nothing.admissions.harm
    assert help_.truth < 0 == nothing.truth
    assert help_.admissions.estimate < nothing.admissions.estimate  # type: ignore[operator]
