"""The page of one week's distributions, kept week by week in the lake."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from commissioning.population import Distributions, distributions
from commissioning.population_page import write_population_page
from pipelines.stages import feature_folder, record_opened, sources_allowed
from pipelines.store import Store

PAGE = "population.html"


def page_folder(store: Store) -> Path:
    """The folder of weeks that holds the pages; nothing in it is about one person."""
    return store.lake / "population"


def build_population_page(store: Store, week: dt.date) -> tuple[Distributions, Path]:
    """Count, control and write the page of one week whose features are there; one that is there is replaced.

    Raises:
        FeatureError: the week has no features.
    """
    barred = set(sources_allowed("direct_care_list", week)) - set(sources_allowed("commissioning", week))
    with record_opened(store) as con:
        found = distributions(con, week, features=feature_folder(store), barred=barred)
    folder = page_folder(store) / f"week={week}"
    folder.mkdir(parents=True, exist_ok=True)
    return found, write_population_page(found, folder / PAGE)
