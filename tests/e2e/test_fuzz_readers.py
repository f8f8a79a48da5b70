"""Readers under hundreds of damaged files: no crash, no hang, bounded memory, every record accounted for.

Sound files of five extracts are damaged by seeded chance, as copies, transfers and careless hands damage them, and
read. Of a damaged file is expected that it is refused in one sentence or that its records add up: no row has two fates
and none has no fate. Where no quote stands in the text, an independent count finds as many records, and no line that
the damage spared is in quarantine.
"""

from __future__ import annotations

import gzip
import io
import resource
import time
import zipfile
from collections.abc import Callable

import duckdb
import numpy as np
import polars as pl
import pytest

from data_contracts.conform import conform_source
from data_contracts.identity import Vault, check_nhs_numbers
from data_contracts.intake import match_header
from data_contracts.readable import FileRejectedError
from data_contracts.rules import judge_codes
from tests.deliveries import KEY, World
from tests.faults.sender import RECEIVED, good, sheet

pytestmark = pytest.mark.slow

ROWS = 1200
SOURCES = ("gp_event", "cld", "csds_care_contact", "apc", "organisation")
DAMAGES_A_SOURCE = 80
SECONDS_A_FILE = 20.0
MEMORY_MB = 1500
Rng = np.random.Generator
Damage = Callable[[bytes, Rng], bytes]

JUNK = [
    '"', '""', '"""', ",", ";", "\t", "|", "\n", "\r", "\r\n", "\n\n", "\\", "'", "\x00", "\x0b", "\x0c", "\x1a",
    "\x85", "\u2028", "\ufeff", "\u00a0", "\u202e", "é", "💊", "NULL", "nan", "-1", "1e400", "9" * 40, "=1+1", "%s%n",
    "'; drop table malformed; --", "${x}", "<script>", "x" * 5000, " " * 300, "1800-01-01", "0000-00-00", "24:00:00",
]  # fmt: skip


def sound_text(source: str) -> bytes:
    """A file without fault, with quoted cells, line ends inside cells and letters beyond ASCII where text is free."""
    rows = []
    for n in range(ROWS):
        row = good(source, n % 400)
        key = {"gp_event": "RECORD_ID", "apc": "EPIKEY", "csds_care_contact": "CareContactID"}.get(source)
        if key:
            row[key] = str(1000 + n) if source != "csds_care_contact" else f"CC{n}"
        if source == "cld":
            row["LA Person Unique Identifier"] = f"ASC{n}"
            row["Primary Support Reason"] = "Social support: Support for social isolation or other reason"
        if source == "organisation":
            row["ORGANISATION_CODE"] = f"C{n:05d}"
            row["NAME"] = ("THE SURGERY, DERBY", 'THE "OLD" SURGERY', "ON\nTWO LINES", "CAFÉ SURGERY")[n % 4]
        rows.append(row)
    return sheet(rows, end="\r\n" if source == "apc" else "\n").encode()


def somewhere(data: bytes, rng: Rng) -> int:
    return int(rng.integers(0, len(data) + 1))


def flip_bytes(data: bytes, rng: Rng) -> bytes:
    out = np.frombuffer(data, dtype=np.uint8).copy()
    at = rng.integers(0, len(out), size=int(rng.integers(1, 60)))
    out[at] = rng.integers(0, 256, size=len(at))
    return out.tobytes()


def cut_off(data: bytes, rng: Rng) -> bytes:
    return data[: somewhere(data, rng)]


def drop_a_stretch(data: bytes, rng: Rng) -> bytes:
    start = somewhere(data, rng)
    return data[:start] + data[start + int(rng.integers(1, 4000)) :]


def repeat_a_stretch(data: bytes, rng: Rng) -> bytes:
    start, length = somewhere(data, rng), int(rng.integers(1, 20000))
    return data[: start + length] + data[start:]


def add_junk(data: bytes, rng: Rng) -> bytes:
    for _ in range(int(rng.integers(1, 40))):
        at = somewhere(data, rng)
        data = data[:at] + JUNK[int(rng.integers(len(JUNK)))].encode() + data[at:]
    return data


def add_quotes(data: bytes, rng: Rng) -> bytes:
    for _ in range(int(rng.integers(1, 9))):
        at = somewhere(data, rng)
        data = data[:at] + b'"' + data[at:]
    return data


def shuffle_lines(data: bytes, rng: Rng) -> bytes:
    lines = data.splitlines(keepends=True)
    head = lines[:1] if rng.random() < 0.7 else []
    body = lines[len(head) :]
    return b"".join(head + [body[i] for i in rng.permutation(len(body))])


def join_and_split_lines(data: bytes, rng: Rng) -> bytes:
    lines = data.split(b"\n")
    for _ in range(int(rng.integers(1, 30))):
        at = int(rng.integers(1, len(lines)))
        cut = int(rng.integers(0, len(lines[at]) + 1))
        lines[at : at + 1] = [lines[at][:cut], lines[at][cut:]] if rng.random() < 0.5 else [lines[at] * 2]
    return b"\n".join(lines)


def move_cells(data: bytes, rng: Rng) -> bytes:
    lines = data.split(b"\n")
    for _ in range(int(rng.integers(1, 200))):
        at = int(rng.integers(1, len(lines)))
        cells = lines[at].split(b",")
        lines[at] = b",".join(cells[i] for i in rng.permutation(len(cells)))
    return b"\n".join(lines)


def spoil_headings(data: bytes, rng: Rng) -> bytes:
    head, _, body = data.partition(b"\n")
    cells = head.split(b",")
    at, other = rng.integers(0, len(cells), size=2)
    which = int(rng.integers(6))
    if which == 0:
        del cells[at]
    elif which == 1:
        cells[at] = cells[other]
    elif which == 2:
        cells[at], cells[other] = cells[other], cells[at]
    elif which == 3:
        cells[at] = JUNK[int(rng.integers(len(JUNK)))].encode()
    elif which == 4:
        cells[at] = cells[at].lower().replace(b"_", b" ") + b" "
    else:
        cells.insert(at, b"NEW")
    return b",".join(cells) + b"\n" + body


def change_encoding(data: bytes, rng: Rng) -> bytes:
    text = data.decode()
    name = ("utf-16", "utf-16-le", "utf-8-sig", "latin-1", "cp1252", "utf-32", "cp037")[int(rng.integers(7))]
    return text.encode(name, errors="replace")


def change_line_ends(data: bytes, rng: Rng) -> bytes:
    ends = [(b"\n", b"\r\n"), (b"\n", b"\r"), (b"\n", b"\n\n"), (b"\n", b"\n\r"), (b"\n", b" \n"), (b"\n", b",\n")]
    old, new = ends[int(rng.integers(len(ends)))]
    return data.replace(old, new, int(rng.integers(1, ROWS)) if rng.random() < 0.5 else -1)


def pack(data: bytes, rng: Rng) -> bytes:
    if rng.random() < 0.5:
        packed = gzip.compress(data, mtime=0)
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(
            buffer, "w", (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)[rng.integers(3)]
        ) as z:
            z.writestr(zipfile.ZipInfo("x.csv", (2026, 1, 5, 6, 0, 0)), data, compress_type=z.compression)
        packed = buffer.getvalue()
    return flip_bytes(packed, rng) if rng.random() < 0.6 else cut_off(packed, rng) if rng.random() < 0.6 else packed


def as_parquet(data: bytes, rng: Rng) -> bytes:
    buffer = io.BytesIO()
    pl.read_csv(data, infer_schema=bool(rng.random() < 0.5), infer_schema_length=None).write_parquet(buffer)
    return flip_bytes(buffer.getvalue(), rng) if rng.random() < 0.8 else cut_off(buffer.getvalue(), rng)


def twice(data: bytes, rng: Rng) -> bytes:
    first, second = rng.integers(0, 8, size=2)
    return TEXT_DAMAGES[second](TEXT_DAMAGES[first](data, rng) or data, rng)


TEXT_DAMAGES: list[Damage] = [
    flip_bytes, drop_a_stretch, repeat_a_stretch, add_junk, add_quotes, shuffle_lines, join_and_split_lines, move_cells,
    spoil_headings, change_line_ends, cut_off,
]  # fmt: skip
DAMAGES: list[Damage] = [*TEXT_DAMAGES, change_encoding, pack, as_parquet, twice, add_quotes]


def damaged_files(source: str, seed: int) -> list[tuple[str, bytes]]:
    """Name and bytes of every damaged file of one extract, the same for the same seed."""
    rng = np.random.default_rng(seed)
    data = sound_text(source)
    found = {}
    for i in range(DAMAGES_A_SOURCE):
        damage = DAMAGES[i % len(DAMAGES)]
        found[damage(data, rng)] = f"{i:03d}-{damage.__name__}.csv"
    return [(name, content) for content, name in found.items()]


def plain_lines(content: bytes) -> list[bytes] | None:
    """Lines of a text without quotes that are not empty: records and headings. None where it is no such text."""
    if b'"' in content or b"\x00" in content or content.startswith((b"PAR1", b"PK\x03\x04", b"\x1f\x8b")):
        return None
    text = content.replace(b"\xef\xbb\xbf", b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return [line for line in text.split(b"\n") if line]


@pytest.mark.parametrize("source", SOURCES)
def test_a_damaged_file_is_refused_in_one_sentence_or_every_record_has_one_fate(tmp_path, source):
    world = World(tmp_path)
    contract = world.contracts[source]
    records, most_before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sound = {line.strip() for line in sound_text(source).split(b"\n")}
    for name, content in damaged_files(source, seed=SOURCES.index(source)):
        path = world.deliver_text(source, RECEIVED, content, name=name)
        began = time.monotonic()
        with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as con:
            [entry] = conform_source(con, contract, inbox=world.inbox, lake=world.lake, vault=Vault(world.vault, KEY))
        assert time.monotonic() - began < SECONDS_A_FILE, name
        entry.checked()
        records += entry.records
        if entry.fate == "rejected":
            assert entry.code.startswith("F"), name
            assert entry.message, name
            assert "\n" not in entry.message, name
            path.unlink()
        else:
            assert_each_record_has_one_fate(world, entry, name)
            assert_plain_lines_are_records_and_sound_ones_good(content, sound, entry, name)
    assert records > 10 * ROWS
    assert not [p for p in world.home.rglob("*") if p.name.startswith(".")]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most_before
    assert grown / 1024 < MEMORY_MB


def assert_each_record_has_one_fate(world, entry, name):
    stem = f"{entry.sha256[:16]}.parquet"
    kept = pl.read_parquet(world.lake / "conform" / entry.source / stem)
    faults = pl.read_parquet(world.lake / "quarantine" / entry.source / stem)
    assert len(kept) == kept["row_index"].n_unique() == entry.accepted, name
    told = {level: set(rows) for level, rows in faults.group_by("level").agg("row_number").rows()}
    apart = [told.get(level, set()) for level in ("reject row", "duplicate", "superseded")]
    assert [len(rows) for rows in apart] == [entry.quarantined, entry.duplicate, entry.superseded], name
    assert len(set().union(*apart)) == sum(map(len, apart)), name
    assert all(1 <= n <= entry.records for n in faults["row_number"]), name


def assert_plain_lines_are_records_and_sound_ones_good(content, sound, entry, name):
    if (lines := plain_lines(content)) is None:
        return
    assert entry.records == len(lines) - 1, name
    in_order = lines[0] in sound  # with other headings a sound line need not be a sound record
    spoilt = [line for line in lines[1:] if line not in sound]
    assert not in_order or entry.quarantined <= len(spoilt), name


def test_headings_of_any_kind_are_matched_or_refused(tmp_path):
    rng = np.random.default_rng(7)
    contracts = list(World(tmp_path).contracts.values())
    fates = {"matched": 0, "refused": 0}
    for _ in range(20_000):
        contract = contracts[int(rng.integers(len(contracts)))]
        cells = [c.header for c in contract.columns]
        for _ in range(int(rng.integers(0, 4))):
            at = int(rng.integers(len(cells)))
            cells[at : at + int(rng.integers(0, 2))] = [JUNK[int(rng.integers(len(JUNK)))]]
        refusal = None
        try:
            found, notes = match_header(cells, contract)
        except FileRejectedError as problem:
            refusal = problem
        if refusal is not None:
            fates["refused"] += 1
            assert refusal.code in ("F05", "F07")
            assert len(str(refusal)) < 600
        else:
            fates["matched"] += 1
            assert len(set(found.values())) == len(found)
            assert all("\n" not in note for note in notes)
    assert min(fates.values()) > 1000


def test_any_text_at_all_is_judged_as_a_person_and_as_a_code():
    rng = np.random.default_rng(11)
    letters = np.array(list("0123456789 -.eE+xé٣\u00a0\u200b,'\"\t"))
    lengths = rng.integers(0, 24, size=200_000)
    text = "".join(letters[rng.integers(0, len(letters), size=int(lengths.sum()))])
    ends = np.cumsum(lengths)
    values = pl.Series(list({text[end - length : end] for end, length in zip(ends, lengths, strict=True)}))
    people, codes = check_nhs_numbers(values), judge_codes(values)
    assert people.filter(pl.col("number").is_null() == pl.col("fault").is_null()).is_empty()
    assert codes.filter(pl.col("value").is_null() == pl.col("fault").is_null()).is_empty()
    assert people["number"].drop_nulls().str.contains(r"^[0-9]{10}$").all()
