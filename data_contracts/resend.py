"""Whether a file that came before says something now.

The same bytes again add nothing, and are entered as resent. One case is different: a snapshot tells what is true on its
day. Sent as A, then B, then A again, the third delivery takes B back; and one unchanged file beside a changed one still
says that its own people are there. Such a file is read anew, under a name of its own.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence

from data_contracts.contract import Contract
from data_contracts.intake import DeliveredFile
from data_contracts.ledger import DeliveryLedger

Waiting = Sequence[tuple[DeliveredFile, str]]


class Arrivals:
    """What is known of the contents of one source's files: those entered before, and those waiting in the inbox.

    Args:
        contract: the source.
        entered: its entries in the ledger, oldest first.
        waiting: files in the inbox, each with the SHA-256 of its bytes.
    """

    def __init__(self, contract: Contract, entered: Sequence[DeliveryLedger], waiting: Waiting) -> None:
        self._is_snapshot = contract.delivery.kind == "snapshot"
        self._entry: dict[str, DeliveryLedger] = {}
        self._read: set[tuple[str, dt.date]] = set()
        self._days: dict[dt.date, set[str]] = {}
        for file, content in waiting:
            self._days.setdefault(file.received, set()).add(content)
        for entry in entered:
            self.enter(entry)

    def enter(self, entry: DeliveryLedger) -> None:
        """Takes note of what became of a file; the first time its content was read is what later ones refer to."""
        received = dt.date.fromisoformat(entry.received)
        if entry.fate != "rejected":
            self._days.setdefault(received, set()).add(entry.content)
        if entry.fate == "accepted":
            self._read.add((entry.content, received))
        before = self._entry.get(entry.content)
        if entry.fate != "resent" and (before is None or (entry.fate == "accepted" and before.fate == "rejected")):
            self._entry[entry.content] = entry

    def earlier(self, content: str) -> DeliveryLedger | None:
        """The entry of the same bytes, or None when they are new."""
        return self._entry.get(content)

    def says_something_new(self, file: DeliveredFile, content: str) -> bool:
        """Whether bytes read before must be read anew: a snapshot of a day that differs from the day before it."""
        before = self.earlier(content)
        if before is None or before.fate != "accepted" or (content, file.received) in self._read:
            return False
        earlier = [day for day in self._days if day < file.received]
        return self._is_snapshot and bool(earlier) and self._days[max(earlier)] != self._days[file.received]


def name_of_its_own(content: str, received: dt.date) -> str:
    """A name for content read once more on a later day, in the form of a SHA-256."""
    return hashlib.sha256(f"{content}|{received.isoformat()}".encode()).hexdigest()
