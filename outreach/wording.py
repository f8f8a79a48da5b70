"""Every sentence that a list says by itself. What a list's own file declares is not repeated here."""

from __future__ import annotations

import datetime as dt
from typing import Final

DEMONSTRATION: Final = "Demonstration: not for clinical use"
FOOTER: Final = "Not being on this list does not mean low risk."
CANNOT_SEE_HOSPITAL: Final = "We cannot see who is in hospital: check the record before you call."
SEEN_TO: Final = "Who is in hospital is known to {date}: check the record before you call."
KNOWN_TO: Final = "What this list knows: {sources}."
MADE_BY: Final = "Ranked by the calculated risk of {outcome} in {horizon}. Model {model}."
PURPOSE: Final = (
    "The risk is an estimate from recorded care, not a diagnosis. "
    "The decision to contact anyone, and how, is the team's."
)
UNKNOWN_SIGNALS: Final = "Not known from what was delivered: {signals}."
PSEUDONYMS: Final = "People are shown by a reference; names and NHS numbers are joined only when the list is released."

RISK_OF: Final = "The risk is of {outcome} in {horizon}."
SHOWN: Final = "{new} new this week of {capacity} places."
MARGINAL: Final = "The lowest risk on the list is about {count} in 100."
NOBODY: Final = "Nobody is above the list's risk threshold this week."
ROOM: Final = "Nobody above the list's risk threshold was left off for want of room."
LEFT_OFF: Final = (
    "{count} more people of this neighbourhood are above the list's risk threshold and were left off for want of room."
)
LEFT_OFF_ONE: Final = (
    "1 more person of this neighbourhood is above the list's risk threshold and was left off for want of room."
)

NOT_KNOWN: Final = "Not known"
NONE_FOUND: Final = "None found"
LIVES_ALONE: Final = "Lives alone (recorded {})"
HAS_CARER: Final = "Has a carer"
HEARING: Final = "Hearing impairment recorded {}: may need help on the telephone"
SIGHT: Final = "Sight impairment recorded {}"
PLAN: Final = "Yes: {}, {}"
COMMUNITY_PLAN: Final = "Personalised care and support plan"
OWN_TEAM: Final = "your own team"
SEEN_BY_NOBODY: Final = "Nobody in the last 12 months that we can see"
PRACTICE: Final = "Practice"
CARE_IN_PLACE: Final = "Council-arranged care in place"
COMMUNITY_SERVICE: Final = "Community service"
COMMUNICATION: Final = (
    "Interpreter and communication needs are not delivered to us: look in the record before you call."
)
NOTES_STAY: Final = "Notes that you write beside the table stay with you: they are never read in."
DELETE_BY: Final = "Delete this list by {date}."
RETURN: Final = "Return it by dropping it where your lists are collected; rows find their way by their row id."
BESIDE: Final = "Chosen by {method}, {same} of the {shown} people on this list would be on it, and {other} others."
METHOD_WORDS: Final = {
    "risk": "the risk as it stands",
    "rising_risk": "how much the risk has risen",
    "hidden_housebound_first": "who may be housebound without a code for it, first",
    "equal_recall_by_deprivation": "equal shares of the expected admissions in richer and poorer areas",
    "avoidable_bed_days": "the bed days that a contact may avoid",
}
RELEASED: Final = "Released to {person} for {purpose} on {date}."
NOT_SHOWN: Final = (
    "{count} rows of the list as it was made are not shown: since then a death, a move or an opt-out has become known."
)
NOT_SHOWN_ONE: Final = (
    "1 row of the list as it was made is not shown: since then a death, a move or an opt-out has become known."
)
IDENTIFIED: Final = "This list holds NHS numbers. Every person on it, and who had it, is in the audit log."

LINE: Final = "• {}"
"""One of several things in one cell, each on a line of its own."""

OTHER_RISK: Final = "{} in 100"
OTHER_RISK_SMALL: Final = "less than 1 in 100"
OTHER_DAYS: Final = "{} expected"
FRAILTY_RECORDED: Final = "{}, recorded by a clinician{}"
FRAILTY_SCALE: Final = "Clinical frailty scale {}{}"
FRAILTY_INDEX: Final = "Computed index: {} of {} deficits, {}"
FRAILTY_NEW: Final = "New in it within 12 months: {}"
NOT_INDICATED: Final = "Not indicated"
STAY_OPEN: Final = "no discharge known"
STAY_NIGHT: Final = "1 night"
STAY_NIGHTS: Final = "{} nights"
STAYS_IN_YEAR: Final = "{} in 12 months"
NO_STAY: Final = "None known in the last 12 months"

NO_REASON: Final = "No single reason stands out in what was delivered: see the record."
STANDING: Final = "Standing concern: {reason}"
RISK: Final = "{words}: about {count} in 100"
RISK_SMALL: Final = "{words}: less than 1 in 100"

FITS: Final = ("Yes", "Partly", "No")
CAME_OF_IT: Final = ("A need was found", "A plan was made", "A plan was changed", "Nothing more was needed")

SIGNAL_WORDS: Final = {
    "palliative": "who is on a palliative care register",
    "care_home": "who lives in a care home",
}
STATUS_WORDS: Final = {
    "shown": "On the list.",
    "still_here": "On an earlier list; still here.",
    "over_capacity": "Left off for want of room.",
    "not_eligible": "Neither frailty nor being housebound is recorded or suspected at the level that this list is for.",
    "not_started": "The lists of this team have not begun: teams start one after the other, to see whether lists help.",
    "below_threshold": "The risk is now below the list's threshold.",
    "died_told": "The team wrote that this person had died; it is being looked into.",
    "seen": "The team has been in touch lately.",
    "on_caseload": "On the team's own caseload.",
    "not_appropriate": "The team wrote that the list is not right for this person.",
    "declined": "Declined for now.",
    "not_until": "The team asked not to be shown this person before a date.",
    "in_hospital": "In hospital at the last snapshot.",
    "palliative": "With the palliative care lead.",
    "care_home": "With the care home round.",
    "dead": "A death has been recorded.",
    "no_team": "The practice belongs to no neighbourhood in the organisation table.",
    "no_score": "There is no score for this week.",
    "opted_out": "Opted out of lists.",
    "gone": "No longer registered with a practice of the board.",
    "other_team": "Now with another neighbourhood.",
}
CHANGED_FIRST: Final = "The first list."
CHANGED_HAPPENED: Final = "Something happened in the last week: see Why now."
CHANGED_NEWCOMER: Final = "Newly registered here, or newly of age."
CHANGED_HOME: Final = "Home from hospital since the last list."
CHANGED_MODEL: Final = "Nothing new happened: the model changed."
CHANGED_ROOM: Final = "Nothing new happened: there is room now."
CHANGED_RESTED: Final = "Nothing new happened: listed some weeks ago and due again."
CHANGED_DATA: Final = "Nothing dated in the last week: older information reached us, or time went on."
CHURN: Final = (
    "More of this week's lists is new than usual: {share} in 100 were not near a list last week. Ask why first."
)
UNSEEN_DEATHS: Final = (
    "Deaths become known to us {days} days after they happen, measured over the last year. "
    "Of {people} people on all lists of this week {count} may have died without our knowing."
)
UNSEEN_ADMISSIONS: Final = "Since {date}, {count} of them may have been admitted without our knowing."
LESS_THAN_ONE: Final = "less than 1"

REGISTER_TITLE: Final = "People who are or may be housebound, or live in a care home"
REGISTER_ABOUT: Final = (
    "Everyone of the neighbourhood for whom there is evidence, in no order of need. It is no list of whom to see."
)
REGISTER_COUNTS: Final = (
    "{people} people; {nobody} whom nobody has seen in 12 months that we can see; {due} due for a review."
)
REGISTER_LEFT: Final = "No longer registered here, or the evidence has ended."
REGISTER_RIGHT: Final = ("Confirmed", "Not housebound", "No longer housebound")
TEAM_SAID: Final = "The team said: {} ({}). {}"
CAUSE: Final = "{} (council, {})"
CAUSE_PHYSICAL: Final = "Physical"
CAUSE_MEMORY: Final = "Memory"
CAUSE_OTHER: Final = "Other: see the record"
AGAINST: Final = "against it: {}"
REVIEW_DUE: Final = "Due"
SEEN_BY_SOMEBODY: Final = "Seen in the last 12 months"
HOME_ONLY: Final = "In a care home, not known to be housebound"
FOR_NOW: Final = "For now, until {}"
NO_END: Final = "No end recorded"
HOUSEBOUND_WORDS: Final = {1: "Possibly housebound", 2: "Probably housebound", 3: "Recorded as housebound"}
CARE_HOME_WORDS: Final = {1: "In a care home for now", 2: "In a care home", 3: "In a nursing home"}

WHY_PLACE: Final = "Place {rank} of {ranked} who could be listed by this team, which has {capacity} places."
WHY_ROOM: Final = "With {count} more places the list would have reached this person."
WHY_ROOM_ONE: Final = "With 1 more place the list would have reached this person."
WHY_RISK: Final = "The calculated risk of {outcome} in {horizon} is {count} in 100."
WHY_THRESHOLD: Final = "The list begins at {count} in 100."
WHY_LISTED: Final = "Last listed on {date}."
WHY_UNTIL: Final = "Until {date}."
ADDED: Final = "Added by the team. "
ADDED_ELSEWHERE: Final = (
    "You added somebody (row {rows}) who is not on this list: registered with no practice of your team that we know "
    "of, under 18, or not to be shown. Look in the record who can help."
)
NO_RISK: Final = "Not calculated"
WHY_TEAM: Final = "Team {team}, practice {practice}."
WHY_UNKNOWN: Final = "Nobody with this reference is registered with a practice of the board, as known that Monday."
WHY_WITHHELD: Final = "This record is not shown."
WHY_CHILD: Final = "Under 18: never on a list."
WHY_YOUNG: Final = "Under 65, and no housebound code is in force."
WHY_NO_AGE: Final = "The month of birth is not known, so it cannot be told whether the list is for this person."

SEX_WORDS: Final = {"1": "man", "2": "woman", "M": "man", "F": "woman"}
SEX_UNKNOWN: Final = "sex not stated"

SECTION_NEW: Final = ("New this week", "People who were on no list in the last {weeks} weeks.", "Nobody new this week.")
SECTION_DETAIL: Final = (
    "Details",
    "The same people in the same rows: all that is behind a line of the first sheet.",
    "",
)
SECTION_STILL: Final = ("Still here", "On a list in the last {weeks} weeks and still above the threshold.", "Nobody.")
SECTION_OFF: Final = ("Coming off", "On a list in the last {weeks} weeks and no longer on it, and why.", "Nobody.")
SECTION_JOINED: Final = ("Joined this month", "On the register now and not a month ago.", "Nobody.")
SECTION_EXPIRING: Final = (
    "Ends soon",
    "Recorded as housebound for now, and the record lapses within a month.",
    "Nobody.",
)
SECTION_LEFT: Final = ("Left this month", "On the register a month ago and not now, and why.", "Nobody.")
SECTION_REGISTER: Final = ("Register", "Everyone, by practice.", "Nobody.")
SECTION_ADD: Final = (
    "Add a person",
    "Someone else the team wants to think about: write the NHS number and what was done. "
    "Such people are on your list next week and take no part in judging the model.",
    "",
)
SECTION_STANDING: Final = (
    "Standing concerns",
    "New this week, and nothing about them is dated in the last {recent} days: for a review once a month.",
    "",
)
SECTION_CARER: Final = (
    "Carer support",
    "The record says that someone who cares for them may need support: offer a carer's assessment.",
    "",
)
SECTION_ABOUT: Final = ("About this list", "", "")
ROUTED_INTRO: Final = "{words} They would have been on the list otherwise. {review}"
REVIEW: Final = "Review by {date}."

HEADINGS: Final = {
    "row": "Row",
    "who": "Who",
    "why": "Why now",
    "living": "Lives alone, carer, hearing and sight",
    "seen_by": "Who sees them already",
    "plan": "Plan on record",
    "risk": "Risk in {horizon}",
    "not_until": "Not again until",
    "changed": "What changed",
    "level": "Level",
    "lasting": "For now or lasting",
    "evidence": "Evidence",
    "known_since": "Since",
    "cause": "Cause",
    "review": "Review",
    "right": "Still right?",
    "came_of_it": "What came of it",
    "reasons_fit": "Do the reasons fit?",
    "number": "NHS number",
    "added_why": "Why",
    "next_step": "Suggested next step",
    "outcome": "Outcome",
    "score": "Risk, {horizon}",
    "rank": "Rank",
    "reasons": "Reasons",
    "risks": "Risks by kind",
    "frailty": "Frailty and its change",
    "housebound": "Housebound, and why we think so",
    "stays": "Latest emergency stays",
    "last_listed": "Last listed",
    "since": "In hospital since",
    "since_when": "Recorded on",
    "off": "Why",
}


def uk_date(day: dt.date) -> str:
    """A date as it is written here: 5 January 2026.

    >>> uk_date(dt.date(2026, 1, 5))
    '5 January 2026'
    """
    return f"{day.day} {day:%B %Y}"


def said() -> list[str]:
    """Every text above."""
    texts: list[str] = []
    for name, value in globals().items():
        if not name.isupper():
            continue
        if isinstance(value, dict):
            texts.extend(value.values())
        elif isinstance(value, tuple):
            texts.extend(value)
        else:
            texts.append(value)
    return texts
