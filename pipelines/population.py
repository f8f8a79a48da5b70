"""The page of one week's distributions, kept week by week in the lake."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from commissioning.disclosure import Past
from commissioning.population import Distributions, distributions
from commissioning.population_page import write_population_page
from commissioning.releases import read_releases, write_release
from pipelines.stages import feature_folder, record_at_scale, sources_allowed
from pipelines.store import Store

PAGE = "population.html"
MEMORY = "memory"
"""Folder of what the pages of past weeks rest on, for the owner of the lake alone; never published."""
REMEMBERED = 1
"""Weeks before that are attacked together with a new one: each one more takes longer to attack than the one before it."""
FIGURES = "population"


def page_folder(store: Store) -> Path:
    """The folder of weeks that holds the pages; nothing in it is about one person."""
    return store.lake / "population"


def build_population_page(store: Store, week: dt.date) -> tuple[Distributions, Path]:
    """Count, control and write the page of one week whose features are there; one that is there is replaced.

    Raises:
        FeatureError: the week has no features.
    """
    barred = set(sources_allowed("direct_care_list", week)) - set(sources_allowed("commissioning", week))
    with record_at_scale(store) as con:
        found = distributions(con, week, features=feature_folder(store), barred=barred, earlier=_earlier(store, week))
    _remember(store, found)
    folder = page_folder(store) / f"week={week}"
    folder.mkdir(parents=True, exist_ok=True)
    return found, write_population_page(found, folder / PAGE)


def _memories(store: Store) -> Path:
    return page_folder(store) / MEMORY


def _earlier(store: Store, week: dt.date) -> list[list[Past]]:
    """The figures of the weeks before, newest first, with the truth behind them."""
    found = sorted(_memories(store).glob("*.parquet"), reverse=True)
    before = [path for path in found if dt.date.fromisoformat(path.stem) < week]
    return read_releases(before, REMEMBERED).get(FIGURES, [])


def _remember(store: Store, found: Distributions) -> None:
    """Keeps the week's figures with the truth behind them; forgets those that no later week needs."""
    folder = _memories(store)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{found.week}.parquet"
    write_release(path, {FIGURES: list(found.memory)})
    path.chmod(0o600)
    for old in sorted(folder.glob("*.parquet"), reverse=True)[REMEMBERED + 1 :]:
        old.unlink()
