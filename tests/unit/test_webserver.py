"""What the pages of `anticipate ui` hand out: the current publication's pages and workbooks, and nothing else."""

from pathlib import Path

import pytest

from pipelines.webserver import index_page, link_to, published_file, published_files

THERE = ("dashboard.html", "lists/week=2026-02-23/U1.xlsx", "lists/week=2026-02-23/U1.html", "analyst.duckdb")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    for name in (*THERE, "manifest.json"):
        path = tmp_path / "published" / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "published" / "current").symlink_to("run")
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "people.html").write_text("identity")
    return tmp_path / "published"


def test_pages_and_workbooks_are_handed_out_and_viewers_see_no_list(published: Path) -> None:
    assert set(published_files(published, lists=True)) == set(THERE) - {"analyst.duckdb"}
    assert published_files(published, lists=False) == ["dashboard.html"]
    found = published_file(published, THERE[1], lists=True)
    assert found is not None
    assert found.read_text() == THERE[1]
    assert published_file(published, THERE[1], lists=False) is None


@pytest.mark.parametrize(
    "name",
    [
        "analyst.duckdb",
        "manifest.json",
        "../../vault/people.html",
        "/etc/passwd",
        "lists",
        "",
        "./dashboard.html",
        "gone.html",
    ],
)
def test_nothing_else_of_a_home_can_be_had(published: Path, name: str) -> None:
    assert published_file(published, name, lists=True) is None


def test_the_page_of_links_leads_to_each_of_them_or_says_that_there_is_none(published: Path, tmp_path: Path) -> None:
    page = index_page(published, lists=True)
    assert all(f'href="{link_to(name)}"' in page for name in published_files(published, lists=True))
    assert "Nothing is published yet" in index_page(tmp_path / "empty", lists=True)
