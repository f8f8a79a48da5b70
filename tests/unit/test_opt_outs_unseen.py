"""A list says so when no national opt-out list was there on its Monday."""

import datetime as dt

from pipelines.withholding import opt_outs_unseen
from tests.deliveries import World


def test_a_list_says_that_no_opt_out_list_was_received_until_one_is(tmp_path):
    world = World(tmp_path)
    monday = dt.date(2026, 1, 12)
    assert "No national opt-out list" in (opt_outs_unseen(world.lake, monday) or "")
    world.deliver("national_opt_out", "2026-01-12", [{"nhs_number": 1}])
    world.connect("national_opt_out")
    assert opt_outs_unseen(world.lake, monday) is None
    assert opt_outs_unseen(world.lake, monday - dt.timedelta(days=7)) is not None
