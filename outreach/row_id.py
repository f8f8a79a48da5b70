"""Opaque row ids: what comes back with a workbook instead of a person.

An id is a keyed hash of the week and what the row is about. It tells nothing, cannot be guessed, and is the same on
every sheet of one week, so a sheet may be sorted, cut or copied and each row still finds its person.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re

from data_contracts.identity import person_ref

LENGTH = 10
_BEHIND = re.compile(rf"(?:^|\s)([0-9A-HJKMNP-TV-Z]{{{LENGTH}}})$")


def row_id(key: bytes, week: dt.date, about: str) -> str:
    """The id of one row.

    Args:
        key: secret bytes.
        week: the list's Monday.
        about: the person's reference, or the place of a blank row (`U10001 add 3`).
    """
    digest = hmac.new(key, f"row|{week.isoformat()}|{about}".encode(), hashlib.sha256).digest()
    return person_ref(int.from_bytes(digest[:8], "big") >> 1)[-LENGTH:]


def label(number: int, identifier: str) -> str:
    """What is printed: the number for talking about a row, the id for finding it again.

    >>> label(3, "K7Q2M9XA0B")
    '3 K7Q2M9XA0B'
    """
    return f"{number} {identifier}"


def id_in(text: str) -> str | None:
    """The row id in a returned cell; None when there is none.

    >>> id_in(" 3 k7q2m9xa0b ")
    'K7Q2M9XA0B'
    """
    found = _BEHIND.search(" ".join(text.upper().split()))
    return found[1] if found else None
