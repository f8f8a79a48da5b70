"""Reads the contracts: one Open Data Contract Standard 3.1 file per delivered extract.

A contract is the only place where a source's columns, rules, dates, keys and purposes are written. Everything else
that needs them (loader, checks, SQL, documentation, artificial data) asks the frozen objects defined here.

What ODCS has no word for is carried in ``customProperties``; ``docs/contracts.md`` lists those words.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from data_contracts import site

SOURCES = Path(__file__).parent / "sources"
REFERENCE = Path(__file__).parent / "reference"
CODELISTS = Path(__file__).parent / "codelists"

ColumnType = Literal["string", "integer", "number", "date", "time", "timestamp", "boolean"]
Level = Literal["warn", "reject row", "reject file"]
DeliveryKind = Literal["snapshot", "delta", "rolling"]

SQL_TYPE: dict[ColumnType, str] = {
    "string": "varchar",
    "integer": "bigint",
    "number": "decimal(19,3)",
    "date": "date",
    "time": "varchar",  # HH:MM:SS as text: Spark has no type for it
    "timestamp": "timestamp",
    "boolean": "boolean",
}


class ContractError(ValueError):
    """A contract says something that cannot be carried out; the message names the contract and what to change."""


@dataclass(frozen=True)
class KnownDate:
    """When a fact could have been known: the latest of ``columns`` (nulls ignored) plus ``lag_days``.

    Without columns, declared as the word ``received``, it is the day the row came: an address is that of the day it was
    read from the system, whenever the registration began.

    With ``period`` ("month" or "quarter") the lag runs from the end of the period that holds the date: a return that
    is sent once a quarter tells on one day what happened in three months.
    """

    columns: tuple[str, ...]
    lag_days: int = 0
    period: Literal["month", "quarter"] | None = None


@dataclass(frozen=True)
class Column:
    """One column of a delivered file.

    Attributes:
        name: snake_case name in the lake.
        header: heading as delivered (ODCS ``physicalName``); ``aliases`` are headings also met in life.
        type: ODCS logical type; decides the typing rule and the lake's SQL type.
        required: a missing or bad value rejects the row; otherwise it becomes missing and is a warning.
        optional_column: the whole column may be absent from a file (it is then missing in every row).
        role: ``person`` is the number that becomes ``person_id``; ``other_number`` is hashed as a person's number is,
            and stored under its own name; ``local_id`` is hashed; ``dropped`` is checked
            but never stored.
        personal: a value may not be quoted in a message, log or quarantine.
        code_set: name of a set in ``reference/code_value.csv``; an unknown code warns and is kept.
        code_system: ``snomed`` or ``dmd``: the Verhoeff check digit is verified.
        sentinels: values that mean "missing" here; counted, never a fault.
        known: for a fact that became known later than its row (an end date, a death): when.
        month_only: stored as the 15th of its month: a full date of birth never reaches the lake.
        unreadable: what is stored for a value that cannot be read (still a warning); None: it becomes missing.
        future: a date after the delivery's received date is allowed (appointments booked ahead).
        day_first: dates and times of day are written DD/MM/YYYY instead of YYYY-MM-DD.
    """

    name: str
    header: str
    type: ColumnType
    required: bool = False
    optional_column: bool = False
    role: Literal["person", "other_number", "local_id", "dropped"] | None = None
    personal: bool = False
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    code_set: str | None = None
    code_system: Literal["snomed", "dmd"] | None = None
    sentinels: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    known: KnownDate | None = None
    unreadable: bool | None = None
    future: bool = False
    month_only: bool = False
    day_first: bool = False
    description: str = ""

    @property
    def lake_name(self) -> str:
        """Name of the stored column: the person's number is stored only as ``person_id``."""
        return "person_id" if self.role == "person" else self.name

    @property
    def lake_type(self) -> str:
        """SQL type of the stored column; hashed identifiers are 63-bit integers."""
        return "bigint" if self.role in ("person", "other_number", "local_id") else SQL_TYPE[self.type]


@dataclass(frozen=True)
class Rule:
    """A rule across columns: ``holds`` is a SQL condition on lake columns; a null counts as holding."""

    code: str
    column: str
    holds: str
    level: Level
    message: str


@dataclass(frozen=True)
class Purpose:
    """What a source may be used for, under which agreement, reviewed by which date."""

    name: str
    agreement: str
    review_date: dt.date


@dataclass(frozen=True)
class Delivery:
    """How a feed re-sends what it sent before.

    ``delta``: only what is new or changed; ``snapshot``: everything, an absent key is closed; ``rolling``: everything
    whose ``period_column`` lies in the period covered, an absent key within it is closed (a missing value counts as
    inside). Where several organisations deliver each their own, ``submitter_column`` says whose keys may be closed.
    """

    kind: DeliveryKind
    period_column: str | None = None
    period_start: str | None = None
    period_end: str | None = None
    withdrawn_column: str | None = None
    submitter_column: str | None = None


@dataclass(frozen=True)
class RecordTable:
    """A table of the record that holds the source's rows as they are, under this name; ``end`` for stays."""

    name: str
    end: str | None = None


@dataclass(frozen=True)
class Contract:
    """One source as delivered. ``columns`` are in contract order; ``key`` and dates name lake columns."""

    id: str
    name: str
    version: str
    description: str
    grain: str
    domain: str
    controller: str
    format: Literal["csv", "parquet", "xlsx"]
    delimiter: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    version_column: str | None
    event_date: str | None
    known_date: KnownDate | None
    delivery: Delivery
    frequency_days: int
    staleness_days: int | None
    gp_record: bool
    purposes: tuple[Purpose, ...]
    rules: tuple[Rule, ...] = ()
    record_table: RecordTable | None = None
    path: Path = field(default=Path(), compare=False)

    @property
    def person(self) -> Column | None:
        """The column that identifies the person, or None for a reference source."""
        return next((c for c in self.columns if c.role == "person"), None)

    @property
    def stored(self) -> tuple[Column, ...]:
        """Columns that reach the lake."""
        return tuple(c for c in self.columns if c.role != "dropped")

    def column(self, name: str) -> Column:
        """The column with this lake name; raises ``ContractError`` when there is none."""
        for c in self.columns:
            if name in (c.lake_name, c.name):
                return c
        raise ContractError(f"{self.id}: no column {name!r}")

    def allows(self, purpose: str, on: dt.date) -> bool:
        """Whether the source may be used for ``purpose`` on that date: declared, and its agreement not lapsed."""
        return any(p.name == purpose and on <= p.review_date for p in self.purposes)


def load_contracts(folder: Path | None = None) -> dict[str, Contract]:
    """All contracts by id, in order of id: those shipped and those of the site, or those of one folder.

    Raises:
        ContractError: a file cannot be read as a contract, or two share an id.
    """
    if folder is not None:
        return _load(tuple(sorted(folder.glob("*.yaml"))), ())
    own = site.files("sources")
    return _load((*sorted(SOURCES.glob("*.yaml")), *own), site.stamp(*own))


@cache
def _load(paths: tuple[Path, ...], _: site.Stamp) -> dict[str, Contract]:
    raw: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path in paths:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if not isinstance(document, dict) or document.get("kind") != "DataContract":
            raise ContractError(f"{path.name}: not a data contract (kind: DataContract is missing)")
        if document["id"] in raw:
            raise ContractError(f"{path.name}: id {document['id']!r} is used twice")
        raw[document["id"]] = (path, document)
    return {cid: _parse(path, document, raw) for cid, (path, document) in sorted(raw.items())}


def _custom(element: dict[str, Any]) -> dict[str, Any]:
    return {p["property"]: p["value"] for p in element.get("customProperties", [])}


def _parse(path: Path, document: dict[str, Any], all_raw: dict[str, tuple[Path, dict[str, Any]]]) -> Contract:
    custom = _custom(document)
    columns = [_column(p) for p in document["schema"][0].get("properties", [])]
    rules = [_rule(q) for q in document["schema"][0].get("quality", []) if q.get("type") == "custom"]
    keyed = sorted(
        ((p.get("primaryKeyPosition", 1), p["name"]) for p in _properties(document, all_raw) if p.get("primaryKey")),
    )
    if parent_id := custom.get("extends"):
        if parent_id not in all_raw:
            raise ContractError(f"{path.name}: extends {parent_id!r}, which is no contract")
        parent = _parse(*all_raw[parent_id], all_raw)
        columns = _inherited(columns, parent, set(custom.get("without", [])))
        rules = [*(r for r in parent.rules if r.code not in {x.code for x in rules}), *rules]
        custom = {**_custom(all_raw[parent_id][1]), **custom}
        document = {**all_raw[parent_id][1], **document, "schema": document["schema"]}
    columns = [_with_default_sentinels(c, custom.get("sentinels", {})) for c in columns]
    lake = {c.name: c.lake_name for c in columns}
    key = tuple(lake[n] for _, n in keyed if n in lake)
    contract = _contract(path, document, custom, columns=tuple(columns), rules=tuple(rules), key=key)
    _check(contract)
    return contract


def _inherited(own: list[Column], parent: Contract, left_out: set[str]) -> list[Column]:
    """The parent's columns in their order, those declared anew in their place, further ones after them."""
    anew = {c.name: c for c in own}
    inherited = [anew.pop(c.name, c) for c in parent.columns if c.name not in left_out]
    return [*inherited, *anew.values()]


def _contract(
    path: Path,
    document: dict[str, Any],
    custom: dict[str, Any],
    *,
    columns: tuple[Column, ...],
    rules: tuple[Rule, ...],
    key: tuple[str, ...],
) -> Contract:
    shape = custom.get("format", {})
    delivery = custom.get("delivery", {"kind": "delta"})
    sla = {p["property"]: p["value"] for p in document.get("slaProperties", [])}
    return Contract(
        id=document["id"],
        name=document.get("name", document["id"]),
        version=document["version"],
        description=str((document.get("description") or {}).get("purpose", "")).strip(),
        grain=str(document["schema"][0].get("dataGranularityDescription", "")).strip(),
        domain=custom.get("identifierDomain", "none"),
        controller=custom.get("controller", ""),
        format=shape.get("type", "csv"),
        delimiter={"tab": "\t"}.get(shape.get("delimiter", ","), shape.get("delimiter", ",")),
        columns=columns,
        key=key,
        version_column=delivery.get("version"),
        event_date=custom.get("eventDate"),
        known_date=_known(custom.get("knownDate")),
        delivery=_delivery(delivery),
        frequency_days=int(sla.get("frequency", 7)),
        staleness_days=int(sla["staleness"]) if "staleness" in sla else None,
        gp_record=bool(custom.get("gpRecord", False)),
        purposes=tuple(
            Purpose(name, p["agreement"], dt.date.fromisoformat(str(p["reviewDate"])))
            for name, p in custom.get("purposes", {}).items()
        ),
        rules=rules,
        record_table=_record_table(custom.get("recordTable")),
        path=path,
    )


def _delivery(raw: dict[str, Any]) -> Delivery:
    return Delivery(
        kind=raw["kind"],
        period_column=raw.get("periodColumn"),
        period_start=raw.get("periodStart"),
        period_end=raw.get("periodEnd"),
        withdrawn_column=raw.get("withdrawn"),
        submitter_column=raw.get("submitterColumn"),
    )


def _properties(document: dict[str, Any], all_raw: dict[str, tuple[Path, dict[str, Any]]]) -> list[dict[str, Any]]:
    own = list(document["schema"][0].get("properties", []))
    parent_id = _custom(document).get("extends")
    inherited = _properties(all_raw[parent_id][1], all_raw) if parent_id else []
    return own + [p for p in inherited if p["name"] not in {o["name"] for o in own}]


def _column(p: dict[str, Any]) -> Column:
    options = p.get("logicalTypeOptions", {})
    custom = _custom(p)
    return Column(
        name=p["name"],
        header=p.get("physicalName", p["name"]),
        type=p.get("logicalType", "string"),
        required=bool(p.get("required", False)),
        optional_column=bool(custom.get("optionalColumn", False)),
        role=custom.get("role"),
        personal=p.get("classification") == "personal",
        pattern=options.get("pattern"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        code_set=custom.get("codeSet"),
        code_system=custom.get("codeSystem"),
        sentinels=tuple(str(s) for s in custom.get("sentinels", ())),
        aliases=tuple(custom.get("aliases", ())),
        known=_known(custom.get("knownDate")),
        unreadable=custom.get("unreadable"),
        future=bool(custom.get("futureAllowed", False)),
        month_only=bool(custom.get("monthOnly", False)),
        day_first=bool(custom.get("dayFirst", False)),
        description=str(p.get("description", "")).strip(),
    )


def _rule(q: dict[str, Any]) -> Rule:
    how = q["implementation"]
    level: Level = "warn" if q.get("severity") == "warning" else "reject row"
    return Rule(q["name"], how["column"], how["holds"], level, str(q["description"]).strip())


def _known(value: dict[str, Any] | str | None) -> KnownDate | None:
    if value is None:
        return None
    if isinstance(value, str):
        if value != "received":
            raise ContractError(f"knownDate is {value!r}: a column with a lag, or the word received")
        return KnownDate(())
    columns = value["column"] if isinstance(value["column"], list) else [value["column"]]
    return KnownDate(tuple(columns), int(value.get("lagDays", 0)), value.get("period"))


def _record_table(value: dict[str, Any] | None) -> RecordTable | None:
    return RecordTable(str(value["name"]), value.get("endDate")) if value else None


def _with_default_sentinels(column: Column, defaults: dict[str, list[Any]]) -> Column:
    extra = tuple(str(s) for s in defaults.get(column.type, ()))
    if not extra or column.sentinels:
        return column
    return Column(**{**column.__dict__, "sentinels": extra})


def _check(contract: Contract) -> None:
    names = [c.lake_name for c in contract.columns]
    for name in {n for n in names if names.count(n) > 1}:
        raise ContractError(f"{contract.id}: column {name!r} is declared twice")
    dated = [contract.event_date, contract.delivery.period_column, contract.delivery.withdrawn_column]
    dated += [contract.delivery.submitter_column]
    dated += [contract.record_table.end] if contract.record_table else []
    dated += [contract.version_column, *(contract.known_date.columns if contract.known_date else ())]
    for c in contract.columns:
        dated += list(c.known.columns) if c.known else []
    for date in dated:
        if date is not None and date not in names:
            raise ContractError(f"{contract.id}: {date!r} is named as a date or version but is no column")
    if not contract.key:
        raise ContractError(f"{contract.id}: no primaryKey column is declared")
    if contract.delivery.kind == "rolling" and contract.delivery.period_column is None:
        raise ContractError(f"{contract.id}: a rolling delivery needs periodColumn")
    if contract.domain != "none" and contract.person is None:
        raise ContractError(f"{contract.id}: identifierDomain {contract.domain!r} but no column has role person")
    if contract.record_table and (contract.person is None or contract.event_date is None):
        raise ContractError(f"{contract.id}: recordTable needs a column with role person and an eventDate")
