"""The tutorial on new sources does what it says: every command of the page, in order, on a demonstration."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.query import query
from pipelines.store import Store
from tests.e2e.conftest import environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "new-source.md").read_text(encoding="utf-8")
SOURCES = ("ambulance", "virtual_ward", "falls_service")
LINEAGE = """
import json
from pipelines.definitions import defs
graph = defs.resolve_asset_graph()
print(json.dumps({k.to_user_string(): sorted(p.to_user_string() for p in graph.get(k).parent_keys)
                  for k in graph.get_all_asset_keys()}))
"""


def tutorial(home: Path) -> str:
    """The page's blocks as one script, in the home given."""
    blocks = []
    for kind, text in re.findall(r"```(bash|yaml)\n(.*?)```", PAGE, flags=re.DOTALL):
        if kind == "yaml":
            target = home / "site" / "features" / "new_services.yaml"
            blocks.append(f"mkdir -p {target.parent}\ncat > {target} <<'END'\n{text}END\n")
        else:
            blocks.append(text.replace("home/", f"{home}/"))
    command = f"{shlex.quote(sys.executable)} -m pipelines.cli --home {shlex.quote(str(home))}"
    return "set -e\n" + re.sub(r"^anticipate ", f"{command} ", "\n".join(blocks), flags=re.MULTILINE)


@pytest.mark.slow
def test_three_services_are_added_from_their_files_as_the_tutorial_says(own_home: Store) -> None:
    home = own_home.home
    done = subprocess.run(
        ["bash", "-c", tutorial(home)], capture_output=True, text=True, check=False, env=environment(), cwd=ROOT
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "Nothing changed that matters to reading." in done.stdout
    told = query(own_home, "select source, sum(records) r, sum(accepted) a, sum(unmatched) u from delivery group by 1")
    rows = {source: counts for source, *counts in told.rows() if source in SOURCES}
    assert rows == {
        "ambulance": [48, 48, 5],
        "virtual_ward": [30, 30, 0],
        "falls_service": [26, 26, rows["falls_service"][2]],
    }
    counted = query(
        own_home,
        "select sum(ambulance_incidents_365) a, sum(virtual_ward_nights_365) v, sum(falls_visits_365) f, "
        "sum(falls_hazards_365) h, count(ambulance_falls_365) known from feature where week = date '2026-03-02'",
        analyst=True,
    ).row(0)
    asked = query(
        own_home,
        "select count(*) from ambulance a join feature f on f.person_id = a.person_id and f.week = date '2026-03-02' "
        "where a.event_date >= date '2025-03-02' and a.event_date < date '2026-03-02'",
        analyst=True,
    ).item()
    assert counted[0] == asked > 20
    assert min(counted) > 0
    asked = {**environment(), "ANTICIPATE_HOME": str(home)}
    said = subprocess.run(
        [sys.executable, "-c", LINEAGE], capture_output=True, text=True, check=True, env=asked, cwd=ROOT
    )
    parents = json.loads(said.stdout)
    for source in SOURCES:
        assert parents[f"conform/{source}"] == ["inbox"]
        assert parents[f"record/{source}"] == [f"conform/{source}"]
        assert f"record/{source}" in parents["feature"]
