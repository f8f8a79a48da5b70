"""How many people of this week's lists may have died or been admitted without our knowing: from measured delays."""

from __future__ import annotations

import datetime as dt

import polars as pl

from outreach import wording
from outreach.eligibility import Sight


def unseen_in_words(chosen: pl.DataFrame, sight: Sight, week: dt.date, horizon_days: int) -> tuple[str, ...]:
    """Sentences for the heading: counts over all lists, never about one person.

    Deaths: those of the last year for each person of the cohort and day, times the mean days until one is known, times
    the people on the lists. People on a list die more often than the cohort, so it is at the low end. Admissions: the
    lists' own risk spread evenly over its horizon, for the days since the in-patient snapshot.

    Args:
        chosen: the choice; who is shown or still there counts.
        sight: what could be seen.
        week: the index Monday.
        horizon_days: days that the risk runs over.
    """
    listed = chosen.filter(pl.col("status").is_in(["shown", "still_here"]))
    said: list[str] = []
    if sight.death_lag_days is not None and sight.deaths_a_day is not None and len(listed):
        deaths = len(listed) * sight.deaths_a_day * sight.death_lag_days
        said.append(
            wording.UNSEEN_DEATHS.format(
                days=round(sight.death_lag_days), people=f"{len(listed):,}", count=_about(deaths)
            )
        )
        if sight.hospital_to is not None:
            days = (week - sight.hospital_to).days
            admitted = float(listed["score"].sum()) * days / horizon_days
            date = wording.uk_date(sight.hospital_to)
            said.append(wording.UNSEEN_ADMISSIONS.format(date=date, count=_about(admitted)))
    return (" ".join(said),) if said else ()


def _about(count: float) -> str:
    return f"about {round(count):,}" if count >= 1 else wording.LESS_THAN_ONE
