"""Codes that no list holds are counted and named, unless so few people have them that they may not be told."""

import datetime as dt

from pipelines.quality.unlisted import unlisted_codes
from tests.tiny_record import TinyRecord

MONDAY = dt.date(2024, 3, 4)
FALL = 1912002


def test_frequent_codes_of_no_list_are_named_and_rare_future_and_listed_ones_are_not():
    record = TinyRecord()
    for person in range(9):
        for code in (777, FALL):
            record.add("gp_event", person, event_date=dt.date(2024, 1, 1), code=code)
        record.add("gp_event", person, event_date=dt.date(2022, 1, 1), code=778)
        record.add("gp_event", person, event_date=dt.date(2024, 1, 1), code=779, known_from=dt.date(2024, 4, 1))
        record.add("medication", person, event_date=dt.date(2024, 1, 1), product_code=888)
    record.add("gp_event", 1, event_date=dt.date(2024, 1, 2), code=777)
    for person in range(7):
        record.add("gp_event", person, event_date=dt.date(2024, 1, 1), code=780)
    assert unlisted_codes(record.con, MONDAY).rows() == [("gp_event", "777", 10, 9), ("gp_medication", "888", 9, 9)]
