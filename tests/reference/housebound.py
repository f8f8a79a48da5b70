"""Housebound level of one person, slowly and plainly, from what happened and when. Only tests use it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

Events = list[tuple[dt.date, str]]
STATUS = {"housebound_ended": 0, "housebound_temporary": 1, "housebound": 2, "bedbound": 3}
SCALE = {"rockwood_5": 5, "rockwood_7": 7}
CARE_HOME = {"care_home_ended": 0, "care_home_residential": 2}
PALLIATIVE = {"palliative_ended": 0, "palliative_register": 1}
AT_HOME = ("visit at home", "home_visit")
AT_SURGERY = ("surgery", "surgery_attendance")


def newest(events: Events, statuses: dict[str, int]) -> tuple[dt.date, int] | None:
    """Day and status of the newest event of a kind; of several on a day the highest status."""
    return max(((day, statuses[what]) for day, what in events if what in statuses), default=None)


def days_with(events: Events, kinds: Collection[str], since: dt.date, after: dt.date | None) -> set[dt.date]:
    """Different days with an event of the kinds, from a day on, and later than another."""
    return {day for day, what in events if what in kinds and day >= since and (after is None or day > after)}


def last_end(events: Events) -> dt.date | None:
    """The newest day on which an end code stands alone."""
    by_day: dict[dt.date, int] = {}
    for day, what in events:
        if what in STATUS:
            by_day[day] = max(by_day.get(day, 0), STATUS[what])
    return max((day for day, status in by_day.items() if status == 0), default=None)


def housebound(events: Events, week: dt.date) -> tuple[int, int, int]:
    """Level, for now, review due. Every source is taken to be alive."""
    events = [(day, what) for day, what in events if day < week]
    year, two_years = week - dt.timedelta(days=365), week - dt.timedelta(days=730)
    code, end = newest(events, STATUS), last_end(events)
    visits = days_with(events, AT_HOME, year, end)
    nursed = days_with(events, ["nurse at home"], year, end)
    function = days_with(events, ["housebound_function"], two_years, end)
    surgery = days_with(events, AT_SURGERY, two_years, None)
    seen_at_surgery = any(day >= year for day in surgery)
    scale = newest(events, SCALE)
    very_frail = scale is not None and scale[1] >= 7 and scale[0] >= two_years and (end is None or scale[0] > end)
    support = bool(visits or nursed or very_frail or any(day >= year for day in function))

    given = []
    for_now = review_due = 0
    if code:
        day, status = code
        lower = 1 if any(s > day for s in surgery) else 0
        if status >= 2:
            confirmed = day >= two_years or support
            review_due = 0 if confirmed else 1
            given.append((3 if confirmed else 2) - lower)
        elif status == 1 and (week - day).days <= 183:
            for_now = 1
            given.append(3 - lower)
    if very_frail or len(function) >= 2:
        given.append(2)
    home = newest(events, CARE_HOME)
    palliative = newest(events, PALLIATIVE)
    own_home = not (home and home[1] == 2) and not (palliative and palliative[1] == 1)
    if len(visits) >= 3 and not seen_at_surgery and own_home:
        given.append(2)
    if function and (not seen_at_surgery or nursed):
        given.append(1)
    return max(given, default=0), for_now, review_due
