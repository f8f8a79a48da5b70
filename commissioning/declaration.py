"""Reads the indicators: `commissioning/indicators/<id>.yaml`, the only place where each is defined."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from commissioning.ties import Link
from features.codelist import FOLDER as CODELISTS
from features.codelist import read

INDICATORS = Path(__file__).parent / "indicators"
ADMISSION_GROUPS = Path(__file__).parent / "admission_group.csv"
CODE_GROUPS = Path(__file__).parent / "code_group.yaml"
FRAILTY_BANDS = Path(__file__).parent / "frailty_band.yaml"
LINKS = Path(__file__).parent / "link.yaml"
Period = Literal["month", "quarter", "year"]
BOARD_MOST = 12
OLDER_AGES: dict[str, tuple[int, int]] = {"65 to 74": (65, 75), "75 to 84": (75, 85), "85 and over": (85, 200)}
"""Age bands from 65, as the statements of the marts name them: from, and before."""
PERIODS: tuple[Period, ...] = ("month", "quarter", "year")
A_YEAR: dict[Period, int] = {"month": 12, "quarter": 4, "year": 1}
"""How many of a period make a year."""

PERSON_DIMENSIONS: dict[str, str] = {
    "frailty_band": "frailty recorded by a clinician, as known at the time; 'All' is the margin",
    "age_band": "age in whole years at the time; 'All' is the margin",
    "age_group": "18 to 64, or 65 and over; 'All' is the margin",
    "place": "Place of residence by small area; the map of areas to Places is not yet confirmed; 'All' is the margin",
    "pcn": "primary care network of the practice, as known today; 'All' is the margin",
    "residence": "whether the GP registration says care home, as known at the time; 'All' is the margin",
    "housebound_level": (
        "whether the person can leave home, by all evidence of GP, community and council records as known on the first "
        "of the month; who lives in a care home is apart; 'All' is the margin"
    ),
    "deprivation": "fifth of small areas of England by deprivation (2025), 1 most deprived; 'All' is the margin",
}
"""What is known about the person on the day; any fact can be cut by it."""

DIMENSIONS: dict[str, str] = PERSON_DIMENSIONS | {
    "response": "how soon the visit came; 'All' is the margin",
    "stay_length": "nights of the stay; 'All' is the margin",
    "afterwards": "what followed; 'All' is the margin",
    "plan_made": "when the personalised plan was made; 'All' is the margin",
    "pathway": "discharge pathway; 'All' is the margin",
    "source_of_referral": "who referred; 'All' is the margin",
    "part_of_day": "time of day, local; 'All' is the margin",
    "care_type": "kind of care arranged by a council; 'All' is the margin",
    "support_reason": "why, as a council recorded it last: primary support reason; 'All' is the margin",
    "council": "code of the council that arranges the care, as it sends it; 'All' is the margin",
    "provider_type": "NHS, council or independent, by the site's dated table of places; 'All' is the margin",
    "home_area": "where the care home lies; 'All' is the margin",
    "register_level": "level on the register, by all evidence; 'All' is the margin",
    "seen": "whether anybody has seen them in 12 months, as far as delivered; 'All' is the margin",
    "review": "whether a review of the entry is due; 'All' is the margin",
}
ORDER: dict[str, tuple[str, ...]] = {
    "frailty_band": ("All", "None recorded", "Mild", "Moderate", "Severe"),
    "housebound_level": ("All", "Confirmed", "Probable", "Possible", "Not indicated", "Care home", "Not known"),
    "response": ("All", "Within two hours", "Within two days", "Later", "Later than two hours", "No visit recorded"),
    "plan_made": ("All", "Within seven working days", "Later", "No plan recorded"),
    "stay_length": ("All", "7 to 13 nights", "14 to 20 nights", "21 nights and more"),
}
"""The order in which the values of a dimension are read; a dimension that is not here is ordered by name."""

GROUPS: dict[str, str] = {
    "hospital": "Hospital",
    "discharge": "Leaving hospital",
    "urgent": "Urgent response and home visits",
    "recovery": "Reablement and Home First",
    "homes": "Care homes",
    "care": "Care arranged by councils, and carers",
    "outreach": "Outreach",
    "people": "People",
}
"""Parts of the page, in order."""


def _declared_dimension(name: str) -> str:
    if name not in DIMENSIONS:
        raise ValueError(f"{name!r} is no dimension; declare it in DIMENSIONS")
    return name


Dimension = Annotated[str, AfterValidator(_declared_dimension)]


class IndicatorError(ValueError):
    """An indicator's declaration cannot be carried out; the message says what to change."""


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cut(_Declared):
    """One published table: the whole board, or by one or two dimensions, at the finest period that is safe."""

    by: tuple[Dimension, ...] = Field(max_length=2)
    periods: tuple[Period, ...] = PERIODS

    @property
    def words(self) -> str:
        """As it is said: `by place and frailty band`."""
        return f"by {' and '.join(d.replace('_', ' ') for d in self.by)}" if self.by else "of the whole board"


class Indicator(_Declared):
    """One indicator.

    Attributes:
        fact: statement `sql/marts/<fact>.sql`: person_id, day, month_start, value.
        measure: `people` (distinct people on a day), `events` (each counts one) or `sum` (of a quantity).
        snapshot: counted on the first day of a period; otherwise over it.
        ages: from this age on; 0 for everyone.
        denominator: an indicator of the same cuts, for a rate; null for none.
        among: of the denominator, and of `part_of`, only the cells with these values of these dimensions.
        part_of: the indicator whose published cells these are; nothing is counted or controlled anew.
        rate_of: of whom a rate is, in words.
        per_year: the rate is that of a year, whatever the period.
        share_of, share: the dimension and value whose part of the whole is the indicator.
        standard: national standard for that part, in per cent.
        provisional_days: days after a period in which it still fills up.
        gap_when_empty: a month without any record is a gap in delivery, not a nought.
        group: part of the page, a key of `GROUPS`.
        better: whether a lower or a higher figure is better; `neither` gives no colour and no assurance.
        board: one of at most twelve that the overview shows with a signal.
        parameters: further parameters of the statement, by name.
        ask_for: what to ask whom for when nothing is delivered.
    """

    id: str
    name: str
    order: int
    group: str
    fact: str
    parameters: dict[str, int | str] = {}
    better: Literal["lower", "higher", "neither"] = "neither"
    board: bool = False
    ask_for: str = ""
    measure: Literal["people", "events", "sum"]
    snapshot: bool = False
    ages: int = Field(ge=0)
    numerator: str
    denominator: str | None
    rate_per: int | None = None
    among: dict[Dimension, str] = {}
    part_of: str | None = None
    rate_of: str = "registered people aged 65 and over"
    per_year: bool = False
    share_of: Dimension | None = None
    share: str | None = None
    standard: float | None = None
    definition: str
    source: str
    unit: str
    direction: str
    caveat: str
    provisional_days: int = Field(ge=0)
    gap_when_empty: bool = True
    disclosure: Literal["people behind a cell"]
    cuts: tuple[Cut, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Indicator:
        if (self.denominator is None) != (self.rate_per is None):
            raise ValueError("denominator and rate_per belong together")
        if (self.share_of is None) != (self.share is None):
            raise ValueError("share_of and share belong together")
        if self.share_of and any(self.share_of not in cut.by for cut in self.cuts):
            raise ValueError(f"every cut of a share is by {self.share_of}")
        if self.group not in GROUPS:
            raise ValueError(f"group {self.group!r} is no part of the page")
        return self

    @property
    def rate_words(self) -> str:
        """What a rate is per, as it is said: `per 1,000`, `per 100 and year`, or `per person and year`."""
        count = "person" if self.rate_per == 1 else f"{self.rate_per or 0:,}"
        return f"per {count}{' and year' if self.per_year else ''}"

    def whole(self, indicator: str, by: tuple[str, ...]) -> str:
        """Name of another indicator's table by these dimensions and those of `among`."""
        return table_name(indicator, (*by, *(d for d in self.among if d not in by)))

    def cells_among(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Those of a table that `among` names, without its dimensions."""
        named = [pl.col(d) == value for d, value in self.among.items()]
        return frame.filter(*named).drop(self.among) if named else frame

    def table(self, cut: Cut) -> str:
        """Name of the published table of a cut, e.g. `emergency_bed_days_by_place_and_frailty_band`."""
        return table_name(self.id, cut.by)


def table_name(indicator: str, by: tuple[str, ...]) -> str:
    """Name of the published table of one indicator by these dimensions; without any, the indicator's own name.

    >>> table_name("ed_attendances", ("place", "frailty_band")), table_name("ed_attendances", ())
    ('ed_attendances_by_place_and_frailty_band', 'ed_attendances')
    """
    return f"{indicator}_by_{'_and_'.join(by)}" if by else indicator


@cache
def load_indicators(folder: Path = INDICATORS) -> tuple[Indicator, ...]:
    """All indicators in their declared order.

    Raises:
        IndicatorError: a file says something that cannot be carried out, or a denominator is no indicator.
    """
    found = [_read(path) for path in sorted(folder.glob("*.yaml"))]
    ids = {i.id for i in found}
    for indicator in found:
        if indicator.denominator and indicator.denominator not in ids:
            raise IndicatorError(f"{indicator.id}: denominator {indicator.denominator!r} is no indicator")
        if indicator.part_of and indicator.part_of not in ids:
            raise IndicatorError(f"{indicator.id}: part_of {indicator.part_of!r} is no indicator")
    if sum(i.board for i in found) > BOARD_MOST:
        raise IndicatorError(f"more than {BOARD_MOST} board indicators: each further one adds false alarms")
    return tuple(sorted(found, key=lambda i: (i.order, i.id)))


@cache
def load_links(path: Path = LINKS) -> tuple[Link, ...]:
    """Which indicators count all that others count, so that their tables are attacked together.

    Raises:
        IndicatorError: a link names no indicator, or one whose cells do not add up as numbers of events do.
    """
    known = {i.id: i for i in load_indicators()}
    found = []
    for said in yaml.safe_load(path.read_text(encoding="utf-8")):
        named = (said["whole"], *said["parts"])
        for name in named:
            if name not in known or known[name].measure != "events" or known[name].snapshot:
                raise IndicatorError(f"{path.name}: {name!r} is no indicator that counts events of a period")
        if any(known[part].ages < known[said["whole"]].ages for part in said["parts"]):
            raise IndicatorError(f"{path.name}: a part of {said['whole']!r} counts younger people than it does")
        shared = frozenset({*PERSON_DIMENSIONS, *(_declared_dimension(d) for d in said.get("shared", []))})
        found.append(Link(said["whole"], tuple(said["parts"]), shared))
    return tuple(found)


def _read(path: Path) -> Indicator:
    try:
        said = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return Indicator.model_validate(said)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"]) or "declaration"
        raise IndicatorError(f"{path.name}: {place}: {fault['msg']}") from error


def frailty_codes(codelists: Path = CODELISTS) -> tuple[tuple[int, str], ...]:
    """SNOMED code and frailty band, by `commissioning/frailty_band.yaml` and the codelists in use.

    Raises:
        IndicatorError: a code is given two bands.
    """
    bands = yaml.safe_load(FRAILTY_BANDS.read_text(encoding="utf-8"))
    pairs = sorted({(code, band) for name, band in bands.items() for code in read(codelists, name).codes})
    codes = [code for code, _ in pairs]
    for code in sorted({c for c in codes if codes.count(c) > 1}):
        raise IndicatorError(f"frailty_band.yaml: code {code} stands for two bands")
    return tuple(pairs)


def code_flags(codelists: Path = CODELISTS) -> tuple[tuple[str, int, int], ...]:
    """Group, SNOMED code and whether the code says yes (1) or no longer, or not (0), by `code_group.yaml`."""
    groups = yaml.safe_load(CODE_GROUPS.read_text(encoding="utf-8"))
    found = set()
    for group, lists in groups.items():
        for name, says_yes in lists.items():
            found |= {(group, code, int(says_yes)) for code in read(codelists, name).codes}
    return tuple(sorted(found))
