"""Looks at a sample file and says what its columns seem to be: types, person, dates, codes, candidate keys.

Nothing of the sample is kept but headings, types and the codes of columns that hold few: a proposal for a person to
read, never a contract by itself.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data_contracts.contract import ColumnType
from data_contracts.identity import check_nhs_numbers
from data_contracts.rules import verhoeff_holds

MOST_BYTES = 64 << 20
DELIMITERS = (",", ";", "\t", "|")
_MOSTLY = 0.95
_MOST_CODES = 30
_ISO = r"^\d{4}-\d{2}-\d{2}"
_DAY_FIRST = r"^\d{2}/\d{2}/\d{4}"
_CLOCK = r"[ T]\d{2}:\d{2}(:\d{2})?"
_MISSING = ("", "NULL", "null", "(null)", "N/A", "n/a", "-")
_TELLS_WHO = re.compile(
    r"name|address|addr|postcode|post_code|phone|mobile|e_?mail|birth|\bdob\b|d_o_b|next_of_kin|nok|gender_identity|free_?text|"
    r"notes?$|comment|narrative|description$"
)
_IDENTIFIER = re.compile(r"(^|_)(id|ref|reference|number|no|num|key|urn|identifier|cad)($|_)")


class SampleError(ValueError):
    """The sample cannot be read as a table; the message says why."""


@dataclass(frozen=True)
class SampledColumn:
    """What one column of a sample seems to be.

    Attributes:
        header: heading as in the file; ``name`` the proposed lake name.
        filled: share of rows with a value. ``distinct`` counts different values.
        person: holds NHS numbers. ``identifier``: names a thing one by one. ``tells_who``: a name, an address, a
            date of birth or free text, to be left out.
        code_system: SNOMED CT codes by their check digit.
        codes: the values of a column that holds few different ones.
        missing: words that seem to stand for "no number" in the person's column.
    """

    header: str
    name: str
    type: ColumnType
    filled: float
    distinct: int
    day_first: bool = False
    person: bool = False
    identifier: bool = False
    tells_who: bool = False
    code_system: bool = False
    codes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A sample file: delimiter, rows, columns in order, and sets of columns that tell its rows apart."""

    path: Path
    delimiter: str
    rows: int
    columns: tuple[SampledColumn, ...]
    keys: tuple[tuple[str, ...], ...]

    @property
    def person(self) -> SampledColumn | None:
        """The column that seems to hold NHS numbers."""
        return next((c for c in self.columns if c.person), None)

    @property
    def dates(self) -> tuple[str, ...]:
        """Columns that hold a day, those filled in every row first."""
        dated = [c for c in self.columns if c.type in ("date", "timestamp") and not c.tells_who]
        return tuple(c.name for c in sorted(dated, key=lambda c: -c.filled))


def read_sample(path: Path) -> Sample:
    """Looks at a delimited text file.

    Raises:
        SampleError: it is no text, has no rows, or a heading is empty or occurs twice.
    """
    text = _text(path)
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    header, body = (rows[0], [r for r in rows[1:] if any(r)]) if rows else ([], [])
    names = [lake_name(h) for h in header]
    if not body:
        raise SampleError(f"{path.name} holds headings and no rows: a sample needs some rows.")
    if "" in names or len(set(names)) < len(names):
        raise SampleError(f"{path.name}: a heading is empty or occurs twice.")
    if uneven := next((n for n, r in enumerate(body, 1) if len(r) != len(header)), None):
        raise SampleError(f"{path.name}: row {uneven} has {len(body[uneven - 1])} cells, the headings {len(header)}.")
    cells = pl.DataFrame(body, schema=dict.fromkeys(names, pl.String), orient="row")
    tidy = cells.select(pl.all().str.strip_chars().replace(dict.fromkeys(_MISSING)))
    columns = tuple(_column(h, tidy[n]) for h, n in zip(header, names, strict=True))
    return Sample(path, delimiter, len(body), columns, _candidate_keys(tidy, columns))


def lake_name(header: str) -> str:
    """A heading as a name in the lake: words in lower case, joined by underscores.

    >>> lake_name("Call Sign / ID"), lake_name("NHSNumber")
    ('call_sign_id', 'nhs_number')
    """
    spaced = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3_\2\4", header.strip())
    return re.sub(r"[^a-z0-9]+", "_", spaced.casefold()).strip("_")


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        raw = stream.read(MOST_BYTES)
    if b"\x00" in raw:
        raise SampleError(f"{path.name} is no text: save it as CSV in UTF-8.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _column(header: str, values: pl.Series) -> SampledColumn:
    told = values.drop_nulls()
    name, distinct = values.name, told.n_unique()
    filled = len(told) / len(values)
    seen = SampledColumn(header, name, "string", filled, distinct)
    if told.is_empty():
        return seen
    if _tells_numbers(told):
        words = tuple(sorted(told.filter(~told.str.contains(r"\d")).unique().to_list()))
        return SampledColumn(header, name, "string", filled, distinct, person=True, missing=words)
    tells_who = bool(_TELLS_WHO.search(name))
    if (dated := _dated(told)) is not None:
        kind, day_first = dated
        return SampledColumn(header, name, kind, filled, distinct, day_first=day_first, tells_who=tells_who)
    if _is_coded(told):
        return SampledColumn(header, name, "integer", filled, distinct, code_system=True)
    identifier = bool(_IDENTIFIER.search(name)) and distinct > 1 and distinct >= 0.5 * len(told)
    if identifier or tells_who:
        return SampledColumn(header, name, "string", filled, distinct, identifier=identifier, tells_who=tells_who)
    kind = _plain_type(told)
    codes: tuple[str, ...] = ()
    if kind == "string" and 2 <= distinct <= min(_MOST_CODES, max(2, len(told) // 3)):
        codes = tuple(sorted(told.unique().to_list()))
    return SampledColumn(header, name, kind, filled, distinct, codes=codes)


def _share(told: pl.Series, pattern: str) -> float:
    return float(told.str.contains(pattern).mean() or 0)  # type: ignore[arg-type]


def _tells_numbers(told: pl.Series) -> bool:
    """NHS numbers: most have ten digits and a sound check digit, which one in eleven others would have by chance."""
    numbers = told.filter(told.str.contains(r"\d"))
    if len(numbers) < 0.5 * len(told) or _share(numbers, r"^\d{3}[ -]?\d{3}[ -]?\d{4}$") < 0.8:
        return False
    faults = check_nhs_numbers(numbers)["fault"]
    return float((~faults.is_in(["N01", "N02"]).fill_null(False)).mean() or 0) >= 0.8  # type: ignore[arg-type]


def _dated(told: pl.Series) -> tuple[ColumnType, bool] | None:
    for day, day_first in ((_ISO, False), (_DAY_FIRST, True)):
        if _share(told, day + "$") >= _MOSTLY:
            return "date", day_first
        if _share(told, f"{day}({_CLOCK})?") >= _MOSTLY:
            return "timestamp", day_first
    return None


def _is_coded(told: pl.Series) -> bool:
    """SNOMED CT: long numbers whose Verhoeff check digit holds, which one in ten others would have by chance."""
    if _share(told, r"^[1-9]\d{5,17}$") < _MOSTLY or told.n_unique() < 2:
        return False
    distinct = told.unique().to_list()
    shaped = [bool(re.fullmatch(r"[1-9]\d{5,17}", v)) for v in distinct]
    return float(verhoeff_holds(distinct, shaped).mean()) >= _MOSTLY


def _plain_type(told: pl.Series) -> ColumnType:
    if _share(told, r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$") >= _MOSTLY:
        return "time"
    if set(told.str.to_uppercase().unique()) <= {"Y", "N", "YES", "NO", "TRUE", "FALSE"}:
        return "boolean"
    if _share(told, r"^0\d") > 0:  # a leading nought means a code, not a count
        return "string"
    if _share(told, r"^[+-]?\d{1,18}$") >= _MOSTLY:
        return "integer"
    return "number" if _share(told, r"^[+-]?\d{0,16}\.?\d+$") >= _MOSTLY else "string"


def _candidate_keys(cells: pl.DataFrame, columns: tuple[SampledColumn, ...]) -> tuple[tuple[str, ...], ...]:
    """The smallest sets of columns that tell the rows apart: single identifiers first, then pairs."""
    usable = [c for c in columns if c.filled == 1.0 and not c.tells_who and c.type not in ("number", "boolean")]
    usable.sort(key=lambda c: (not c.identifier, c.person, c.type in ("date", "timestamp")))
    singles = [(c.name,) for c in usable if c.distinct == cells.height and not c.person and c.type == "string"]
    if singles:
        return tuple(singles)
    pairs = itertools.combinations([c.name for c in usable[:8]], 2)
    return tuple(p for p in pairs if cells.select(p).is_duplicated().sum() == 0)
