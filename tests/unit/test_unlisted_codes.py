"""Codes that no list holds are counted and named, unless so few people have them that they may not be told."""

import datetime as dt

from pipelines.quality.unlisted import unlisted_codes
from tests.tiny_record import TinyRecord

MONDAY = dt.date(2024, 3, 4)
FALL = 1912002  # in the list of falls


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
    assert sorted(unlisted_codes(record.con, MONDAY).rows()) == [
        ("gp_event", "777", 10, 9),
        ("gp_medication", "888", 9, 9),
    ]


def test_codes_of_every_coded_source_are_looked_at_and_diagnoses_that_a_score_names_are_not_told():
    record, day = TinyRecord(), dt.date(2024, 1, 1)
    for person in range(8):
        record.add("ed_attendance", person, event_date=day, chief_complaint_code=777, diagnosis_code_1=FALL)
        record.add("community_assessment", person, event_date=day, code=888)
        record.add("community_activity", person, event_date=day, finding_code=999)
        coded = {
            "diagnosis_1": "K359",
            "diagnosis_2": "I500",
            "diagnosis_3": "B200",
        }  # unlisted, counted, never counted
        record.add("hospital_episode", person, episode_start=day, admission_date=day, **coded)
    assert unlisted_codes(record.con, MONDAY).rows() == [
        ("apc", "K359", 8, 8),
        ("csds_assessment", "888", 8, 8),
        ("csds_care_activity", "999", 8, 8),
        ("ecds", "777", 8, 8),
    ]
