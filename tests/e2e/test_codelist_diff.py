"""How many people another version of a codelist moves, counted on a home."""

from __future__ import annotations

from pipelines.codelists import difference, people_moved
from pipelines.store import Store


def test_people_whose_code_is_taken_out_lose_the_deficit_and_nobody_else_moves(demo_home, tmp_path):
    file = tmp_path / "arthritis.csv"
    file.write_text("code,term\n64859006,a code that no record has as arthritis\n", encoding="utf-8")
    week, moved = people_moved(Store.at(demo_home), difference("arthritis", file))
    assert week.weekday() == 0
    by_name = {row["feature"]: row for row in moved.iter_rows(named=True)}
    assert by_name["deficit_arthritis"]["lower"] > 0
    assert set(by_name) <= {
        "deficit_arthritis",
        "deficit_osteoporosis",
        "deficit_count",
        "frailty_index_band",
        "frailty_disagreement",
    } | {name for name in by_name if name.startswith(("household", "deficits_new"))}
