"""How a model serves groups of people: who they are, whether their risk is right, and who is missed.

Group and model meet only here: what describes a group is no predictor. Who is missed is judged on one list of the
highest risks, as a team would get it.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import polars as pl

from models.evaluation import TestRows, by_practice, interval
from models.limits import Limits

ETHNICITY = {
    "A": "White British",
    **dict.fromkeys("BC", "White, other"),
    **dict.fromkeys("DEFG", "Mixed"),
    **dict.fromkeys("HJKL", "Asian"),
    **dict.fromkeys("MNP", "Black"),
    **dict.fromkeys("RS", "Chinese or other"),
}
"""Broad groups of the ethnic category codes of 2001 (NHS Data Model and Dictionary); anything else is not known."""
NOT_KNOWN = "not known"


def describe(keys: pl.DataFrame, feature: dict[str, np.ndarray], places: pl.DataFrame) -> dict[str, np.ndarray]:
    """The group of each row in each grouping.

    Args:
        keys: the rows: practice_code, sex_code, ethnic_code, lsoa_code.
        feature: values of the features age, care_home_level, care_home_placement, housebound_coded and deficit_count.
        places: lsoa_code, imd_decile, rural_flag.
    """
    by_place = keys.select("lsoa_code").join(places, on="lsoa_code", how="left", maintain_order="left")
    fifth = ((by_place["imd_decile"] + 1) // 2).to_numpy()
    age, home = feature["age"], np.fmax(feature["care_home_level"], feature["care_home_placement"])
    bands = pl.Series(age).cut([64.5, 74.5, 84.5], labels=["under 65", "65 to 74", "75 to 84", "85 and over"])
    sex = keys["sex_code"].replace_strict({"1": "men", "2": "women"}, default=NOT_KNOWN)
    rural = by_place["rural_flag"].cast(pl.Int8).replace_strict({0: "urban", 1: "rural"}, default=NOT_KNOWN)
    words = keys["ethnic_code"].replace_strict(ETHNICITY, default=NOT_KNOWN)
    fifths = {1.0: "most deprived fifth", 2.0: "second", 3.0: "third", 4.0: "fourth", 5.0: "least deprived fifth"}
    return {
        "age": bands.cast(pl.String).fill_null(NOT_KNOWN).to_numpy(),
        "sex": sex.fill_null(NOT_KNOWN).to_numpy(),
        "deprivation": pl.Series(fifth).cast(pl.Float64).replace_strict(fifths, default=NOT_KNOWN).to_numpy(),
        "ethnicity": words.fill_null(NOT_KNOWN).to_numpy(),
        "rurality": rural.fill_null(NOT_KNOWN).to_numpy(),
        "care_home": _flag(home, "lives in a care home", "does not"),
        "housebound": _flag(feature["housebound_coded"], "housebound by code", "no code"),
        "coding": _thirds(keys["practice_code"], feature["deficit_count"]),
    }


def places_of(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Deprivation and rurality of each small area."""
    return con.sql("select lsoa_code, imd_decile, rural_flag from place order by lsoa_code").pl()


def _flag(value: np.ndarray, yes: str, no: str) -> np.ndarray:
    return np.where(np.isnan(value), NOT_KNOWN, np.where(value >= 1, yes, no))


def _thirds(practice: pl.Series, deficits: np.ndarray) -> np.ndarray:
    """Practices in thirds by the mean number of deficits that they recorded of the people tested."""
    frame = pl.DataFrame({"practice": practice, "deficits": pl.Series(deficits).fill_nan(None)})
    mean = frame.group_by("practice").agg(pl.col("deficits").mean()).sort("deficits", "practice")
    third = (pl.int_range(pl.len()) * 3 // pl.len()).replace_strict({0: "codes least", 1: "middle", 2: "codes most"})
    named = mean.with_columns(third=third)
    return frame.join(named, on="practice", how="left", maintain_order="left", nulls_equal=True)["third"].to_numpy()


def assess(
    predicted: np.ndarray, rows: TestRows, groups: dict[str, np.ndarray], limits: Limits
) -> list[dict[str, Any]]:
    """One entry a group: size, events, calibration, share missed, share of list and of need, and whether it passes.

    ``verdict`` is ``passes``, ``does not pass``, ``not assessable`` (too few events or people without one) or ``small``
    (too few people to show anything). Counts are of person-weeks, rounded to 5.
    """
    draws = rows.draws()
    listed = on_list(predicted, limits.list_share)
    need = rows.weight * rows.quantity
    sums = {"need": need, "met": need * listed, "expected": rows.weight * predicted, "listed": listed}
    whole = {name: by_practice(rows, value, draws) for name, value in sums.items()}
    found = []
    for grouping, tolerance in limits.groups.items():
        for group in np.unique(groups[grouping]):
            here = groups[grouping] == group
            said: dict[str, Any] = {"grouping": grouping, "group": str(group)}
            events = int((rows.event & (rows.weight > 0) & here).sum())
            others = int((~rows.event & (rows.weight > 0) & here).sum())
            if int(here.sum()) < limits.smallest_group:
                found.append({**said, "verdict": "small"})
                continue
            own = {name: by_practice(rows, value * here, draws) for name, value in sums.items()}
            rate = ratio_of(own["need"], by_practice(rows, rows.weight * here, draws))
            said |= {"rows": fives(int(here.sum())), "events": fives(events) if events >= 8 else None}
            if min(events, others) < limits.fewest_events:
                found.append({**said, "verdict": "not assessable"})
                continue
            measured = _measures(own, whole)
            good = _within(measured["observed_over_expected"], tolerance.observed_over_expected)
            if tolerance.missed is not None and measured["missed_more"] is not None:
                good &= measured["missed_more"]["low"] <= tolerance.missed
            verdict = "passes" if good else "does not pass"
            found.append({**said, "event_rate": rate, **measured, "verdict": verdict})
    return found


def on_list(predicted: np.ndarray, share: float) -> np.ndarray:
    """How much of each row is on a list of the highest ``share``: 1, 0, or an even part of a tie at the cut."""
    cut = np.sort(predicted)[::-1][max(0, round(share * len(predicted)) - 1)]
    above, level = predicted > cut, predicted == cut
    return np.asarray(above + level * (share * len(predicted) - above.sum()) / level.sum())


def _measures(own: dict[str, np.ndarray], whole: dict[str, np.ndarray]) -> dict[str, Any]:
    rest = {name: whole[name] - own[name] for name in own}
    with np.errstate(invalid="ignore", divide="ignore"):
        missed = 1 - own["met"] / own["need"]
        elsewhere = 1 - rest["met"] / rest["need"]
        more = missed - elsewhere
    return {
        "observed_over_expected": ratio_of(own["need"], own["expected"]),
        "missed": interval(missed),
        "missed_more": interval(more) if np.isfinite(more[0]) else None,
        "share_of_list": ratio_of(own["listed"], whole["listed"]),
        "share_of_need": ratio_of(own["need"], whole["need"]),
    }


def ratio_of(over: np.ndarray, under: np.ndarray) -> dict[str, float]:
    """Estimate and interval of a ratio of sums."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return interval(over / under)


def _within(ratio: dict[str, float], bounds: tuple[float, float]) -> bool:
    return ratio["low"] <= bounds[1] and ratio["high"] >= bounds[0]


def fives(count: int) -> int:
    """A count as it is shown: the nearest multiple of 5."""
    return 5 * round(count / 5)
