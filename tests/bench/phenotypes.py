"""How often "housebound" and "lives in a care home" are right: the levels beside the true state of artificial people.

    python -m tests.bench.phenotypes --home demo

Needs a home made by `anticipate demo`. Of people of 65 and over registered on the newest Monday it asks, for each
level, how many of those truly so have it or a higher one (sensitivity), and how many of those who have it are truly so
(positive predictive value); in all, and by how well practices record. What comes out describes the artificial people;
the rules are not tuned to it. Nothing here is part of the product, and no delivery holds any of it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
from pathlib import Path

import polars as pl

import features
from data_contracts.identity import pseudonyms
from pipelines import stages
from pipelines.store import Store

LEVELS = {"housebound_class": {1: "possible", 2: "probable", 3: "confirmed"}, "care_home_class": {2: "in a care home"}}
STATE = {"housebound_class": "housebound", "care_home_class": "home"}
THIRDS = ("a third of practices that record least", "the middle third", "a third that record most")


def main() -> None:
    """Measures and prints as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    store = Store.at(parser.parse_args().home)
    told = json.loads((store.home / "demo" / "truth" / "manifest.json").read_text(encoding="utf-8"))
    week = max(dt.date.fromisoformat(day) for day in told["deliveries"])
    with tempfile.TemporaryDirectory() as scratch, stages.record_opened(store) as con:
        matrix = features.build_matrix(con, [week], out=Path(scratch))[week]
        people = features.people(Path(scratch), week).filter("aged_65_flag").select("person_id", "practice_code")
        levels = pl.read_parquet(matrix, columns=["person_id", "housebound_coded", *LEVELS])
        agreement = features.care_home_agreement(Path(scratch), week)
    truth = true_states(store, week)
    frame = people.join(levels, on="person_id").join(truth, on="person_id", how="left")
    frame = frame.with_columns(pl.col("housebound", "home").fill_null(0) >= 1)
    print(f"{frame.height:,} people of 65 and over on {week}, of {told['people']:,} artificial people\n")
    for name in LEVELS:
        print(as_markdown(measured(frame, name)), "\n")
    print(agreement)


def true_states(store: Store, week: dt.date) -> pl.DataFrame:
    """person_id, and the true value of each state on the Monday (missing: not so)."""
    spells = pl.read_parquet(store.home / "demo" / "truth" / "state" / "spell" / "*.parquet")
    now = spells.filter(pl.col("start_date") <= week, pl.col("end_date").is_null() | (pl.col("end_date") >= week))
    wide = now.pivot("state", index="nhs_number", values="value", aggregate_function="max")
    key = stages.open_key(store)
    return wide.select(
        "housebound", "home", person_id=pseudonyms(key, "nhs_number", wide["nhs_number"].cast(pl.String))
    )


def measured(frame: pl.DataFrame, level: str) -> pl.DataFrame:
    """One row a group of practices and level: people, truly so, sensitivity and predictive value in percent.

    Args:
        frame: one row a person: practice_code, the level, housebound_coded, and the true states as flags.
        level: the feature looked at.
    """
    true = STATE[level]
    share = frame.filter("housebound").group_by("practice_code").agg(share=pl.col("housebound_coded").mean())
    third = pl.col("share").rank("ordinal").sub(1).mul(3).floordiv(pl.len()).cast(pl.Int8)
    grouped = frame.join(share.sort("share", "practice_code").with_columns(third=third), on="practice_code", how="left")
    rows = []
    parts = {"all practices": grouped} | {said: grouped.filter(third=n) for n, said in enumerate(THIRDS)}
    if level == "housebound_class":
        parts["all practices, people outside care homes"] = grouped.filter(~pl.col("home"))
    for said, part in parts.items():
        for value, words in LEVELS[level].items():
            at_least, exactly = part.filter(pl.col(level) >= value), part.filter(pl.col(level) == value)
            found = at_least if level == "care_home_class" else exactly
            rows.append({
                "practices": said, "level": words, "people": found.height, "truly": part[true].sum(),
                "sensitivity": percent(at_least[true].sum(), part[true].sum()),
                "predictive value": percent(found[true].sum(), found.height),
                "unknown": part[level].is_null().sum(),
            })  # fmt: skip
    return pl.DataFrame(rows)


def percent(part: int, whole: int) -> float | None:
    """Share in percent with one decimal; None of nobody."""
    return round(100 * part / whole, 1) if whole else None


def as_markdown(frame: pl.DataFrame) -> str:
    """The frame as a table for the documentation."""
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * frame.width]
    lines += ["| " + " | ".join("" if v is None else str(v) for v in row) + " |" for row in frame.iter_rows()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
