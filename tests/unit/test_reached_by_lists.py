"""A model is never watched on people whom outreach may have changed without saying so."""

import datetime as dt
from pathlib import Path

import polars as pl

from pipelines.drift import people_reached, reached_in_words

WEEK = dt.date(2025, 1, 6)


def listed(folder: Path, week: dt.date, people: range) -> None:
    place = folder / f"week={week}"
    place.mkdir(parents=True)
    ledger = pl.DataFrame({"person_id": list(people), "shown": [p % 2 == 0 for p in people]})
    ledger.write_parquet(place / "ledger.parquet")


def test_people_shown_within_the_window_count_once_and_others_not(tmp_path: Path) -> None:
    listed(tmp_path, WEEK - dt.timedelta(weeks=1), range(100, 200))
    listed(tmp_path, WEEK, range(20))
    listed(tmp_path, WEEK + dt.timedelta(weeks=1), range(10, 40))
    listed(tmp_path, WEEK + dt.timedelta(days=91), range(300, 400))
    assert people_reached(tmp_path, WEEK, 90) == 20
    assert people_reached(tmp_path / "none", WEEK, 90) == 0


def test_it_is_said_beside_the_events_that_were_seen() -> None:
    assert "20 were shown on lists" in reached_in_words(20)
    assert "fewer than 8 were shown" in reached_in_words(3)
    assert reached_in_words(0) == "Nobody was shown on a list in these days."
