"""The handbook: every page is there, and every link of the built site leads somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest

from data_contracts.words import refused_in
from pipelines.handbook import build, sources
from pipelines.reference_pages import pages
from pipelines.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handbook") / "site"
    assert build(folder) == len(sources())
    return folder


def test_every_link_of_the_handbook_leads_somewhere(site: Path) -> None:
    followed, broken = 0, []
    for page in site.rglob("*.html"):
        for target in re.findall(r'(?:href|src)="([^"]+)"', page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = unquote(target).partition("#")
            found = (page.parent / path).resolve() if path else page
            outside = (ROOT / page.relative_to(site).parent / path).resolve()
            followed += 1
            if found.exists():
                if anchor and f'id="{anchor}"' not in found.read_text(encoding="utf-8"):
                    broken.append(f"{page.name}: {target}")
            elif not (outside.exists() and outside.suffix != ".md"):
                broken.append(f"{page.name}: {target}")
    assert followed > 200
    assert broken == []


def test_reference_pages_name_what_the_product_runs_by() -> None:
    made = pages()
    for page, name in (
        ("sources.md", "gp_event"),
        ("features.md", "ed_attendances_90"),
        ("outcomes.md", "emergency_admission_12m"),
        ("commands.md", "anticipate source new"),
        ("settings.md", "quality"),
    ):
        assert name in made[page]
    assert {name: refused_in(text) for name, text in made.items() if refused_in(text)} == {}


def test_the_example_settings_are_settings() -> None:
    text = (ROOT / "docs" / "deploy" / "anticipate.toml").read_text(encoding="utf-8")
    assert Settings.model_validate(tomllib.loads(text)).alerts.email is not None


def test_service_and_image_run_under_an_account_without_rights() -> None:
    unit = (ROOT / "docs/deploy/anticipate.service").read_text(encoding="utf-8")
    image = (ROOT / "docs/deploy/Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^User=anticipate$", unit, flags=re.MULTILINE)
    assert "NoNewPrivileges=true" in unit
    assert image.index("USER 10001") < image.index("ENTRYPOINT")
    assert "--require-hashes" in image
