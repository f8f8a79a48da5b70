"""Who is missed in each neighbourhood by a list of the highest risks, and what missing equally few would cost.

The list is the one that groups are judged on (`models.groups.on_list`): the highest share of everyone, wherever they
live. A neighbourhood is the primary care network of the practice; people of a practice in none are one of their own.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import numpy as np
import polars as pl

import sql
from models.evaluation import TestRows, by_practice, interval
from models.groups import NOT_KNOWN, fives, on_list
from models.limits import Limits


def areas_of(con: duckdb.DuckDBPyConnection, keys: pl.DataFrame, day: dt.date) -> np.ndarray | None:
    """The neighbourhood of each row, by its practice as known on a day; None where no table tells."""
    there = con.sql("select 1 from information_schema.tables where table_name = 'organisation'").fetchall()
    if not there:
        return None
    practices = con.sql(sql.load("outreach/practice"), params={"index": day}).pl()
    named = practices.select("practice_code", area=pl.coalesce("pcn_name", "pcn_code"))
    both = keys.select("practice_code").join(named, on="practice_code", how="left", maintain_order="left")
    return both["area"].fill_null(NOT_KNOWN).to_numpy()


def assess(predicted: np.ndarray, rows: TestRows, area: np.ndarray, mondays: int, limits: Limits) -> dict[str, Any]:
    """What the list misses by neighbourhood, and how many more people it would take to miss equally few everywhere.

    Args:
        predicted: risk, or expected days, of each row.
        rows: what became of them.
        area: the neighbourhood of each.
        mondays: how many index weeks the rows are of; numbers of people are for one.
        limits: how many events make a neighbourhood assessable; counts are rounded to 5.

    Returns:
        ``missed`` (of everyone), ``listed`` and ``more`` (people a Monday: on the list, and to add so that no
        neighbourhood is missed more than all together), and ``areas``: one entry a neighbourhood with its people,
        events, share missed, and people to add; without figures where there are too few events.
    """
    draws, listed, need = rows.draws(), on_list(predicted, limits.list_share), rows.weight * rows.quantity
    with np.errstate(invalid="ignore", divide="ignore"):
        missed = 1 - by_practice(rows, need * listed, draws) / by_practice(rows, need, draws)
    target, more, found = 1 - missed[0], 0.0, []
    for name in np.unique(area):
        here = area == name
        added = _to_add(predicted[here], need[here], listed[here], target) / mondays
        more += added
        events = int((rows.event & (rows.weight > 0) & here).sum())
        said: dict[str, Any] = {"area": str(name)}
        if events >= limits.fewest_events:
            with np.errstate(invalid="ignore", divide="ignore"):
                own = 1 - by_practice(rows, need * listed * here, draws) / by_practice(rows, need * here, draws)
            said |= {
                "people": fives(int(here.sum() / mondays)),
                "events": fives(events),
                "missed": interval(own),
                "more": fives(round(added)),
            }
        found.append(said)
    counts = {"listed": fives(round(float(listed.sum()) / mondays)), "more": fives(round(more))}
    return {"missed": interval(missed), **counts, "areas": found}


def _to_add(predicted: np.ndarray, need: np.ndarray, listed: np.ndarray, target: float) -> float:
    """How many more of a neighbourhood, by risk, until as much of its need is on the list as of all need."""
    if not need.sum() or (need * listed).sum() >= target * need.sum():
        return 0.0
    reached = need[np.argsort(-predicted, kind="stable")].cumsum()
    people = int(np.searchsorted(reached, target * need.sum() - 1e-9)) + 1
    return max(0.0, people - float(listed.sum()))
