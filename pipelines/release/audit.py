"""The audit chain: who was shown to whom, when, and for what; one line a person, keyed, append-only.

A line carries a keyed hash (HMAC-SHA256, a key of its own) over itself and the hash of the line before. Edit, removal
and reordering break the chain; a chain cut short is whole in itself, so its head and length are written down elsewhere:
in every publication's manifest and in a file outside the home. Whoever holds the key could write another chain, and
still could not change what was written down elsewhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from data_contracts.identity import load_key

FIRST = "0" * 64
"""What the first line stands on."""


@dataclass(frozen=True)
class Head:
    """How far the chain goes: number of lines, and the hash of the last."""

    length: int
    head: str


class AuditLog:
    """One audit chain on disk.

    Args:
        path: the file of lines; its folder is made for its owner only.
        key_file: the chain's own key; made where there is neither key nor chain.
        witness: a file outside the home that is told head and length after every append.
    """

    def __init__(self, path: Path, key_file: Path, witness: Path) -> None:
        self.path, self.key_file, self.witness = path, key_file, witness

    def append(self, entries: Sequence[Mapping[str, Any]], at: dt.datetime) -> Head:
        """Writes the entries, one line each, and returns when the disk holds them.

        Raises:
            IdentityError: the chain is there and its key is not.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(str(self.path.with_suffix(".lock")), thread_local=False):
            key = load_key(self.key_file, create=not self.path.exists())
            now = self.head()
            length, mac, lines = now.length, now.head, []
            for entry in entries:
                line = {"number": length + 1, "at": at.isoformat(timespec="seconds"), **entry, "before": mac}
                mac = _mac(key, line)
                length += 1
                lines.append(json.dumps({**line, "mac": mac}, ensure_ascii=False))
            _append_durably(self.path, lines, mode=0o600)
            self._tell_witness(Head(length, mac), at)
        return Head(length, mac)

    def head(self) -> Head:
        """Length and last hash as the file says; not verified."""
        lines = self._lines()
        return Head(len(lines), json.loads(lines[-1])["mac"]) if lines else Head(0, FIRST)

    def entries(self) -> list[dict[str, Any]]:
        """Every line, oldest first; not verified."""
        return [json.loads(line) for line in self._lines()]

    def verify(self, known: Iterable[Head] = ()) -> list[str]:
        """What is wrong with the chain, in sentences; empty when nothing is.

        Args:
            known: heads written down elsewhere; those of the witness are looked at as well.
        """
        lines = self._lines()
        if not lines and not self.witness.exists() and not any(h.length for h in known):
            return []
        key = load_key(self.key_file)
        found: list[str] = []
        before, macs = FIRST, [FIRST]
        for number, text in enumerate(lines, start=1):
            fault, before = _fault(key, text, number, before)
            if fault:
                return [fault]
            macs.append(before)
        elsewhere = sorted({*known, *self._witnessed()}, key=lambda h: (h.length, h.head))
        if elsewhere and elsewhere[-1].length > len(lines):
            had = elsewhere[-1].length
            found.append(f"The chain ends at line {len(lines)}; it had {had} lines once: it was cut short.")
        changed = sorted({h.length for h in elsewhere if h.length <= len(lines) and macs[h.length] != h.head})
        found += [f"Line {n} is not the line that was written down elsewhere." for n in changed]
        return found

    def about(self, person: str) -> list[dict[str, Any]]:
        """Every line about one person (their reference), oldest first."""
        return [e for e in self.entries() if e.get("person") == person]

    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []

    def _witnessed(self) -> list[Head]:
        if not self.witness.exists():
            return []
        rows = [json.loads(line) for line in self.witness.read_text(encoding="utf-8").splitlines()]
        return [Head(int(r["length"]), str(r["head"])) for r in rows]

    def _tell_witness(self, head: Head, at: dt.datetime) -> None:
        self.witness.parent.mkdir(parents=True, exist_ok=True)
        note = {"at": at.isoformat(timespec="seconds"), "length": head.length, "head": head.head}
        _append_durably(self.witness, [json.dumps(note)], mode=0o600)


def _mac(key: bytes, line: Mapping[str, Any]) -> str:
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _fault(key: bytes, text: str, number: int, before: str) -> tuple[str, str]:
    """What is wrong with one line (empty: nothing), and its hash."""
    try:
        line = json.loads(text)
        mac = str(line.pop("mac"))
    except (ValueError, KeyError, AttributeError):
        return f"Line {number} cannot be read.", before
    if not hmac.compare_digest(mac, _mac(key, line)):
        return f"Line {number} was changed.", mac
    if line.get("number") != number or line.get("before") != before:
        return f"Line {number} does not follow the line before it: a line was taken out, put in or moved.", mac
    return "", mac


def _append_durably(path: Path, lines: Sequence[str], *, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode)
    try:
        data = "".join(f"{line}\n" for line in lines).encode()
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)
