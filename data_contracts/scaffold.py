"""Writes a contract from what a sample seems to hold and from what only a person can know.

What a sample cannot tell is asked for (``Answers``): when a row happened, when it could have been known, what it may be
used for, and how the feed sends again. The text is meant to be read and changed.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass, field

import yaml

from data_contracts.contract import Column, Contract, ContractError
from data_contracts.rules import code_set
from data_contracts.sample import Sample, SampledColumn

PURPOSES = ("direct_care_list", "model_training", "commissioning")
EXAMPLE_ROWS = 6
EXAMPLE_RECEIVED = dt.date(2026, 1, 5)


@dataclass(frozen=True)
class Answers:
    """What only a person can know.

    Attributes:
        event_date: the column that says when it happened; ``end_date`` the one that says when it ended, for stays.
        known_columns, known_lag: since when a row could have been known: the latest of the columns plus days.
        delivery: ``delta`` (new and changed rows), ``snapshot`` (all rows each time) or ``rolling`` (all of a period).
        agreed: purposes that an agreement allows; ``agreement`` names it, ``review`` is the day it is looked at again.
    """

    event_date: str
    known_columns: tuple[str, ...]
    known_lag: int
    delivery: str
    key: tuple[str, ...]
    person: str | None
    end_date: str | None = None
    agreed: tuple[str, ...] = ()
    agreement: str = ""
    review: dt.date | None = None
    controller: str = ""
    frequency: int = 7
    staleness: int = 21
    title: str = ""


@dataclass(frozen=True)
class Scaffold:
    """The contract's text, the codes that it names (``set,code,label,source``), and headings left out and why."""

    contract: str
    codes: tuple[tuple[str, str, str, str], ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


def write_scaffold(name: str, sample: Sample, answers: Answers) -> Scaffold:
    """The contract of a new source.

    Raises:
        ContractError: an answer names a column that the sample does not have, or a purpose or delivery unknown.
    """
    columns = {c.name: c for c in sample.columns}
    _check_answers(name, columns, answers)
    needed = {answers.event_date, answers.end_date, answers.person, *answers.key, *answers.known_columns}
    left_out = {
        c.header: "a name, an address, a date of birth or free text: not needed to count"
        for c in sample.columns
        if c.tells_who and c.name not in needed
    }
    kept = [c for c in sample.columns if c.header not in left_out]
    codes = tuple(
        (f"{name}_{c.name}", code, code, f"sample {sample.path.name}: ask the sender what it means")
        for c in kept
        if c.codes and c.name not in answers.key
        for code in c.codes
    )
    document = _document(name, sample, answers, [_property(name, c, answers) for c in kept])
    return Scaffold(_as_text(document, left_out, sample), codes, left_out)


def _check_answers(name: str, columns: dict[str, SampledColumn], answers: Answers) -> None:
    asked = [answers.event_date, answers.end_date, answers.person, *answers.key, *answers.known_columns]
    for column in asked:
        if column is not None and column not in columns:
            raise ContractError(f"{name}: the sample has no column {column!r}; it has {', '.join(columns)}")
    for column in (answers.event_date, answers.end_date, *answers.known_columns):
        if column is not None and columns[column].type not in ("date", "timestamp"):
            raise ContractError(f"{name}: {column!r} holds no dates in the sample")
    if not answers.key:
        raise ContractError(f"{name}: no column tells the rows of the sample apart; say which do with --key")
    if unknown := sorted(set(answers.agreed) - set(PURPOSES)):
        raise ContractError(f"{name}: {unknown[0]!r} is no purpose; there are {', '.join(PURPOSES)}")
    if answers.agreed and not (answers.agreement and answers.review):
        raise ContractError(f"{name}: a purpose needs the agreement behind it and the date of its review")
    if answers.delivery not in ("delta", "snapshot", "rolling"):
        raise ContractError(f"{name}: {answers.delivery!r} is no way of sending; delta, snapshot or rolling")


def _property(source: str, c: SampledColumn, answers: Answers) -> dict[str, object]:
    said: dict[str, object] = {"name": c.name, "physicalName": c.header, "logicalType": c.type}
    custom: list[dict[str, object]] = []
    if c.name in answers.key:
        said |= {"primaryKey": True, "primaryKeyPosition": answers.key.index(c.name) + 1}
    if c.name in (*answers.key, answers.event_date):
        said["required"] = True
    if c.name == answers.person:
        said |= {"required": False, "classification": "personal"}
        custom.append({"property": "role", "value": "person"})
    elif c.identifier:
        said["classification"] = "personal"
        custom.append({"property": "role", "value": "local_id"})
    elif c.tells_who:
        said["classification"] = "personal"
    if c.missing:
        custom.append({"property": "sentinels", "value": list(c.missing)})
    if c.code_system:
        custom.append({"property": "codeSystem", "value": "snomed"})
    if c.codes and c.name not in answers.key:
        custom.append({"property": "codeSet", "value": f"{source}_{c.name}"})
    if c.day_first:
        custom.append({"property": "dayFirst", "value": True})
    if c.name == answers.end_date:
        known = {"column": [c.name], "lagDays": answers.known_lag}
        custom.append({"property": "knownDate", "value": known})
    if c.name not in answers.key and c.name != answers.event_date:
        custom.append({"property": "optionalColumn", "value": True})
    return said | ({"customProperties": custom} if custom else {})


def _document(name: str, sample: Sample, answers: Answers, properties: list[dict[str, object]]) -> dict[str, object]:
    delivery: dict[str, object] = {"kind": answers.delivery}
    if answers.delivery == "rolling":
        delivery["periodColumn"] = answers.event_date
    delimiter = "tab" if sample.delimiter == "\t" else sample.delimiter
    known = {"column": list(answers.known_columns), "lagDays": answers.known_lag}
    agreed = {
        p: {"agreement": answers.agreement, "reviewDate": str(answers.review)} for p in PURPOSES if p in answers.agreed
    }
    custom = {
        "identifierDomain": "nhs_number" if answers.person else "none",
        "controller": answers.controller,
        "delivery": delivery,
        "format": {"type": "csv", "delimiter": delimiter},
        "eventDate": answers.event_date,
        "knownDate": known,
        "purposes": agreed,
    }
    if answers.person:
        table: dict[str, object] = {"name": name}
        custom["recordTable"] = table | ({"endDate": answers.end_date} if answers.end_date else {})
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": name,
        "name": answers.title or name.replace("_", " ").capitalize(),
        "version": "1.0.0",
        "status": "active",
        "domain": "site",
        "description": {"purpose": "Say what it is and where it comes from.", "limitations": "Say what it leaves out."},
        "slaProperties": [
            {"property": "frequency", "value": answers.frequency, "unit": "d"},
            {"property": "staleness", "value": answers.staleness, "unit": "d"},
        ],
        "customProperties": [{"property": k, "value": v} for k, v in custom.items()],
        "schema": [
            {
                "name": name,
                "logicalType": "object",
                "physicalType": "file",
                "dataGranularityDescription": f"one row is one {' and '.join(answers.key)}",
                "properties": properties,
            }
        ],
    }


def _as_text(document: dict[str, object], left_out: dict[str, str], sample: Sample) -> str:
    head = [
        f"# Proposed from {sample.rows} rows of {sample.path.name}. Read every line; docs/contracts.md says how.",
        "# Purposes: what is not agreed is not written; without one the source is in no product.",
        *(f"# Left out: {header} ({why})." for header, why in left_out.items()),
    ]
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=116, default_flow_style=None)
    return "\n".join(head) + "\n" + body


def example_text(contract: Contract, rows: int = EXAMPLE_ROWS) -> str:
    """A delivery of artificial rows that a contract allows: test numbers 999…, codes that it knows, no real value."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=contract.delimiter, lineterminator="\n")
    writer.writerow([c.header for c in contract.columns])
    writer.writerows([[_example(c, n) for c in contract.columns] for n in range(rows)])
    return out.getvalue()


def _example(column: Column, n: int) -> str:
    day = EXAMPLE_RECEIVED - dt.timedelta(days=20 - n)
    if column.role == "person":
        return _TEST_NUMBERS[n % len(_TEST_NUMBERS)]
    if column.role == "local_id":
        return f"EXAMPLE-{n + 1}"
    if column.code_system:
        return _TEST_CODES[n % len(_TEST_CODES)]
    if column.code_set:
        codes = code_set(column.code_set)
        return codes[n % len(codes)]
    if column.type in ("date", "timestamp"):
        text = f"{day:%d/%m/%Y}" if column.day_first else day.isoformat()
        return f"{text} {8 + n:02d}:30:00" if column.type == "timestamp" else text
    low = column.minimum or 0
    plain = {"integer": str(int(low) + n), "number": f"{low + n}.5", "time": f"{8 + n:02d}:30", "boolean": "YN"[n % 2]}
    return plain.get(column.type, f"example {n + 1}")


# Numbers that the NHS sets aside for tests (range 999), and codes of the shipped codelists.
_TEST_NUMBERS = ("9990000018", "9990000026", "9990000034", "9990000042", "9990000050", "9990000069")
_TEST_CODES = ("161898004", "1912002")
