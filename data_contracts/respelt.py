"""Codes that arrive in another dress: a leading nought lost, other case, a label cut off or with another sign.

What belongs here: telling which code of a set, or which text of a declared form, was meant. A value is read as a code
only when exactly one can have been meant; anything else stays as it was sent and is faulted as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import duckdb

from data_contracts.contract import Column
from data_contracts.rules import code_set
from data_contracts.statements import Statements

MOST = 1000
SHORTEST_CUT = 20
Respelt = dict[str, dict[str, str]]
"""Column name → text as sent → text that was meant."""


def find_respelt(con: duckdb.DuckDBPyConnection, statements: Statements) -> Respelt:
    """What was meant by the unknown codes and the wrong forms in the temp table ``fault``."""
    column_of = {
        number: column
        for number, check in enumerate(statements.checks)
        for column in statements.raw.present
        if check.code in ("C06", "C07") and column.header == check.column and column.role is None
    }
    if not column_of:
        return {}
    sent = con.execute(
        f"select distinct rule_no, value from fault where rule_no in ({', '.join(map(str, column_of))}) "
        f"qualify dense_rank() over (partition by rule_no order by value) <= {MOST} order by all"
    ).fetchall()
    found: Respelt = {}
    for number, text in sent:
        column = column_of[number]
        if (code := meant_by(text, column)) is not None:
            found.setdefault(column.name, {})[text] = code
    return found


def meant_by(text: str, column: Column) -> str | None:
    """The one code or well-formed text that can have been meant, or None."""
    if column.code_set:
        return _code_meant(text, code_set(column.code_set))
    tidy = re.sub(r"[ .]", "", text).upper()
    return tidy if column.pattern and re.fullmatch(column.pattern, tidy) else None


def _code_meant(text: str, codes: Sequence[str]) -> str | None:
    plain = _plain(text)
    alike = [c for c in codes if _plain(c) == plain]
    if not alike and plain.isdigit():
        alike = [c for c in codes if c.isdigit() and c.lstrip("0") == plain.lstrip("0")]
    if not alike and len(text) >= SHORTEST_CUT:
        alike = [c for c in codes if _plain(c).startswith(plain)]
    return alike[0] if len(alike) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold().replace("&", "and"))


def notes_of(respelt: Mapping[str, Mapping[str, str]], columns: Sequence[Column]) -> tuple[str, ...]:
    """One note a column whose texts were read as something else (F13); personal values are not repeated."""
    notes = []
    for column in columns:
        if meant := respelt.get(column.name):
            pairs = [f"{sent[:60]!r} as {code!r}" for sent, code in sorted(meant.items())[:3]]
            more = f" and {len(meant) - 3} more" if len(meant) > 3 else ""
            said = "" if column.personal else f": {', '.join(pairs)}{more}"
            notes.append(f"F13 {len(meant)} spelling(s) in {column.header} were read as known codes{said}")
    return tuple(notes)
