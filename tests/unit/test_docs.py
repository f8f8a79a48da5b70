"""What is written for people holds: links and files exist, commands exist, words are fit to be read."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from data_contracts.words import refused_in
from pipelines.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = "|".join([*sorted(p.name for p in ROOT.iterdir() if (p / "__init__.py").exists()), "docs"])
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@every_page
def test_every_relative_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(found), f"{target}: no such heading"


@every_page
def test_every_file_that_is_named_exists(page):
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


@every_page
def test_no_page_holds_a_word_that_may_not_reach_people(page):
    assert refused_in(page.read_text(encoding="utf-8")) == []


@every_page
def test_no_page_names_a_place_on_one_machine(page):
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"(?:^|[\s(`\"'])(/[A-Za-z][\w.-]*/[^\s`)]*|[A-Z]:\\\S*)", text) == []


@every_page
def test_every_command_that_is_named_exists(page):
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    commands = set(get_command(app).commands)
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.MULTILINE)) <= targets
    assert set(re.findall(r"(?:^ *\.venv/bin/|`)anticipate ([a-z]+)", text, flags=re.MULTILINE)) <= commands


def test_the_readme_shows_the_two_commands():
    assert re.search(r"^make demo ", README, flags=re.MULTILINE)
    assert re.search(r"^make test ", README, flags=re.MULTILINE)


def test_the_licence_is_the_one_that_the_package_declares():
    declared = re.search(r'^license = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert declared
    assert declared[1] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text[:200]
    assert "Version 2.0, January 2004" in text[:200]
