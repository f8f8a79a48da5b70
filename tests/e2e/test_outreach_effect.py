"""From a list to what came of it: released, seen, lived on, delivered, read, evaluated.

Small: whether an effect is found is for `tests/bench/outreach_effect.py`, which has the people for it. Here every step
must hand on to the next, and what is evaluated must be what has happened.
"""

from __future__ import annotations

import polars as pl
import pytest

from data_contracts.identity import pseudonyms
from outreach.design import load_design
from outreach.ledger import ledgers
from outreach.links import follow, linked
from pipelines import stages
from pipelines.evaluate import compared_in, outcomes_of
from pipelines.store import Store
from synthetic import resume
from tests.bench.outreach_effect import HORIZON_WEEKS, LAST, County, Found, released_and_returned

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    return County(tmp_path_factory.mktemp("effect"), people=5_000, seed=1)


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


def admissions(county: County, store: Store, kind: str) -> pl.DataFrame:
    """For each person compared, stays as the product counts them and as they were lived, no delivery between."""
    ((_, path),) = ledgers(stages.list_folder(store))
    units = compared_in(path)
    counted = outcomes_of(store, units, load_design(store.home / "site/design.yaml"), LAST)
    told = resume.live_on(county.stopped(), weeks=HORIZON_WEEKS, contacts=county.folder / f"{kind}.csv")
    key = stages.open_key(store)
    lived = told.select(
        pseudonyms(key, "nhs_number", told["nhs_number"].cast(pl.String)).alias("person_id"),
        lived="emergency_admissions",
    )
    both = units.select("person_id", "arm").join(counted, on="person_id")
    with stages.record_opened(store) as con:
        return follow(both, linked(con, LAST)).join(lived, on="person_id")


def test_everybody_released_comes_back_as_seen(lived: dict[str, tuple[Store, Found, int]]) -> None:
    for _, found, released in lived.values():
        assert found.contacts == released > 30


def test_what_is_evaluated_is_what_has_happened(county: County, lived: dict[str, tuple[Store, Found, int]]) -> None:
    for kind, (store, found, _) in lived.items():
        people = admissions(county, store, kind)
        listed = found.admissions.shown + found.admissions.not_shown
        assert listed > 30
        assert listed - len(people) <= 2  # a death or a move that the Monday could not know
        assert people["lived"].sum() > 5
        differ = people.filter(pl.col("admissions") != pl.col("lived"))
        assert len(differ) <= 0.05 * len(people), differ


def test_no_harm_is_found_where_there_was_none_and_only_those_shown_live_otherwise(
    county: County, lived: dict[str, tuple[Store, Found, int]]
) -> None:
    assert not lived["nothing"][1].admissions.harm
    assert lived["help"][1].truth < 0 == lived["nothing"][1].truth
    helped, usual = (admissions(county, lived[kind][0], kind) for kind in ("help", "nothing"))

    def stays(people: pl.DataFrame, arm: str) -> int:
        return int(people.filter(arm=arm)["admissions"].sum())

    assert stays(helped, "shown") < stays(usual, "shown")
    assert stays(helped, "not shown") == stays(usual, "not shown")
