"""What commissioners see: bed days and services by month and place, safe to publish, each number with its definition.

Belongs here: the declared indicators, the facts and cuts made from them, disclosure control (the only way out), the
published tables and the dashboard.

Does not belong here: anything about one person after the facts are counted, identity, lists (outreach), how the record
is made, any path or connection of its own.
"""

from commissioning.dashboard import PageHeading, write_dashboard
from commissioning.declaration import Indicator, IndicatorError, load_indicators
from commissioning.marts import build_marts
from commissioning.population import distributions
from commissioning.population_page import write_population_page
from commissioning.tables import PLAIN_TABLES, MartReport, MartTable, read_catalogue

__all__ = [
    "PLAIN_TABLES",
    "Indicator",
    "IndicatorError",
    "MartReport",
    "MartTable",
    "PageHeading",
    "build_marts",
    "distributions",
    "load_indicators",
    "read_catalogue",
    "write_dashboard",
    "write_population_page",
]
