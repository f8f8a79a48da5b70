"""A site's own teams file stands in for the one that the product ships."""

import pytest

from outreach.teams import TEAMS, load_teams, teams_path


def test_the_teams_file_of_the_site_is_read_where_there_is_one(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTICIPATE_SITE", str(tmp_path))
    assert teams_path() == TEAMS
    (tmp_path / "teams.yaml").write_text("default:\n  new_contact_slots: 4\n")
    assert load_teams().default.new_contact_slots == 4
