"""The SQL of one delivered file, derived from its contract and the columns that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data_contracts.contract import Column, Contract
from data_contracts.intake import DeliveredFile
from data_contracts.readable import ReadableFile
from data_contracts.rules import (
    checks_of,
    is_looked_up,
    known_value,
    literal,
    lookup_alias,
    quoted,
    spoils_value,
    text_of,
    value_of,
)


@dataclass(frozen=True)
class RawText:
    """A file as text in Parquet at ``path``, and what could not be read as records; ``width`` counts its columns."""

    path: Path
    present: tuple[Column, ...]
    rows: int
    readable: ReadableFile
    malformed_at: tuple[int, ...]
    width: int
    notes: tuple[str, ...]


class Statements:
    """The SQL of one file, derived from its contract and the columns it has."""

    def __init__(
        self,
        contract: Contract,
        raw: RawText,
        file: DeliveredFile,
        *,
        leaving_out: bool,
        respelt: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.contract, self.raw, self.historic = contract, raw, bool(file.historic)
        self.received = literal(file.received.isoformat())
        present = {c.name for c in raw.present}
        self.checks = checks_of(contract, present)
        self.person = contract.person
        self.reject = " or ".join(f"({c.fails})" for c in self.checks if c.rejects) or "false"
        self.warn = " or ".join(f"({c.fails})" for c in self.checks if not c.rejects) or "false"
        self.leaving_out = leaving_out
        self.respelt = respelt or {}

    def typed(self, only: set[str] | None = None, rows: str = "") -> str:
        """CTE ``checked``: row_index, ``t_``, ``v_`` of every column (or of those named), looked-up values joined.

        ``rows`` names a table of the rows (row_index) wanted; without it all are.
        """
        columns = [c for c in self.raw.present if only is None or c.name in only]
        texts = ", ".join(f"{self._text(c)} as {quoted(f't_{c.name}')}" for c in columns)
        values = ", ".join(f"{value_of(c)} as {quoted(f'v_{c.name}')}" for c in columns)
        lookups = [c for c in columns if is_looked_up(c)]
        joins = " ".join(
            f"left join {lookup_alias(c)} on tidied.{quoted(f't_{c.name}')} = {lookup_alias(c)}.raw" for c in lookups
        )
        wanted = f" where file_row_number in (select row_index from {rows})" if rows else ""
        faults = "".join(f", {lookup_alias(c)}.fault as {quoted(f'fault_{c.name}')}" for c in lookups)
        return (
            f"with tidied as (select file_row_number as row_index, {texts} "
            f"from read_parquet({literal(str(self.raw.path))}, file_row_number = true){wanted}), "
            f"checked as (select tidied.*, {values}{faults} from tidied {joins})"
        )

    def _text(self, column: Column) -> str:
        """The tidied text, and where another text was meant that one (nothing where it stands for "missing")."""
        tidied = text_of(column)
        if not (meant := self.respelt.get(column.name)):
            return tidied
        read = {sent: "null" if text in column.sentinels else literal(text) for sent, text in meant.items()}
        return f"case {tidied} {' '.join(f'when {literal(k)} then {v}' for k, v in read.items())} else {tidied} end"

    def condition(self, sql: str) -> str:
        """A check's condition over ``checked``: looked-up faults and lake names resolved."""
        for c in self.raw.present:
            if is_looked_up(c):
                sql = sql.replace(f"{lookup_alias(c)}.fault", quoted(f"fault_{c.name}"))
        return sql.replace("$received", self.received)

    def stored_value(self, column: Column) -> str:
        """SQL of what is stored: the typed value, or missing where it breaks a rule that spoils it."""
        if column.name not in {c.name for c in self.raw.present}:
            return f"cast(null as {column.lake_type})"
        value = quoted(f"v_{column.name}")
        spoiling = [c for c in self.checks if c.column == column.header and spoils_value(c) and not c.rejects]
        if spoiling and not is_looked_up(column):
            bad = " or ".join(f"({self.condition(c.fails)})" for c in spoiling)
            value = f"case when {bad} then null else {value} end"
        if column.unreadable is not None:
            text, read = quoted(f"t_{column.name}"), quoted(f"v_{column.name}")
            value = f"case when {text} is not null and {read} is null then {column.unreadable} else {value} end"
        if column.month_only:
            value = f"(cast(date_trunc('month', {value}) as date) + 14)"
        return f"cast({value} as {column.lake_type})"

    @property
    def kept_rows(self) -> str:
        """Condition that leaves out rows nobody may hold, before anything else is said about them."""
        return "row_index not in (select row_index from left_out)" if self.leaving_out else "true"

    def with_names(self, rows: str = "") -> str:
        """The ``checked`` rows with lake names as well, so that a contract's own rules can be read on them."""
        named = ", ".join(f"{self.stored_value(c)} as {quoted(c.lake_name)}" for c in self.contract.stored)
        return f"{self.typed(rows=rows)}, named as (select *, {named} from checked where {self.kept_rows})"

    @property
    def known_from(self) -> str:
        """SQL of the day a row could first be known: as declared in a historic delivery, else not before it came."""
        received = f"cast({self.received} as date)"
        if self.contract.known_date is None:
            return received
        declared = known_value(self.contract.known_date)
        return f"{'least' if self.historic else 'greatest'}(coalesce({declared}, {received}), {received})"

    def accepted(self, delivery_id: int) -> str:
        """Good rows in file order: row_index, stored columns, warning_flag, known_from, delivery_id."""
        stored = ", ".join(quoted(c.lake_name) for c in self.contract.stored)
        return (
            f"{self.with_names()} select row_index, {stored}, "
            f"coalesce({self.condition(self.warn)}, false) as warning_flag, {self.known_from} as known_from, "
            f"cast({delivery_id} as bigint) as delivery_id "
            f"from named where not coalesce({self.condition(self.reject)}, false) "
            "and row_index not in (select row_index from loser)"
        )

    @property
    def find_losers(self) -> tuple[str, ...]:
        """Statements that make the temp table ``loser`` (row_index, fate): repeats and older versions of a key."""
        names = list(self.contract.key)
        if self.historic and self.contract.version_column:  # a history holds all versions: none is lost here
            names.append(self.contract.version_column)
        columns = [c for name in names if (c := self.contract.column(name)) in self.raw.present]
        key = [quoted(f"v_{c.name}") for c in columns]
        named_key = ", ".join(f"{k} as k{i}" for i, k in enumerate(key))
        keyed = self.typed({c.name for c in columns})
        same = " and ".join(f"checked.{k} is not distinct from repeated.k{i}" for i, k in enumerate(key))
        version = f"{quoted(self.contract.version_column)} desc nulls last, " if self.contract.version_column else ""
        stored = [quoted(c.lake_name) for c in self.contract.stored]
        alike = " and ".join(f"c.{s} is not distinct from w.{s}" for s in stored)
        partition = ", ".join(key)
        return (
            f"create or replace temp table repeated as {keyed} select {named_key} from checked "
            "group by all having count(*) > 1",
            f"create or replace temp table rival as {keyed} select row_index from checked join repeated on {same}",
            f"create or replace temp table candidate as {self.with_names('rival')} "
            f"select row_index, {', '.join(stored)}, "
            f"row_number() over (partition by {partition} order by {version}row_index desc) as place, "
            f"dense_rank() over (order by {partition}) as key_number "
            f"from named where not coalesce({self.condition(self.reject)}, false)",
            "create or replace temp table loser as select c.row_index, "
            f"case when {alike} then 'duplicate' else 'superseded' end as fate "
            "from candidate c join candidate w on w.key_number = c.key_number and w.place = 1 where c.place > 1",
        )

    @property
    def faults(self) -> str:
        """SQL of every rule that a row of ``suspect`` breaks: row_index, number of the check, the text it is about."""
        by_header = {c.header: c for c in self.raw.present}
        broken, texts = [], []
        for number, check in enumerate(self.checks):
            column = by_header.get(check.column)
            broken.append(f"case when {self.condition(check.fails)} then {number} end")
            texts.append(quoted(f"t_{column.name}") if column else "cast(null as varchar)")
        return (
            f"select * from (select row_index, unnest([{', '.join(broken)}]) as rule_no, "
            f"unnest([{', '.join(texts)}]) as value from suspect) where rule_no is not null"
        )
