"""Words that no text for people may hold: every sentence is written as if the person or their daughter will read it."""

from __future__ import annotations

import csv
import re
from functools import cache

from data_contracts.contract import REFERENCE


class WordError(ValueError):
    """A text that was about to reach people holds a word that may not; the message names the word, not the person."""


@cache
def refused_words() -> tuple[str, ...]:
    """The words of `reference/refused_word.csv`."""
    with (REFERENCE / "refused_word.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(row["word"] for row in csv.DictReader(lines))


@cache
def _pattern() -> re.Pattern[str]:
    words = "|".join(re.escape(w).replace(r"\ ", r"\s+") for w in refused_words())
    return re.compile(rf"(?<!\w)({words})s?(?!\w)", re.IGNORECASE)


def refused_in(text: str) -> list[str]:
    """The refused words that a text holds, in lower case.

    >>> refused_in("She refused the visit")
    ['refused']
    >>> refused_in("heart failure")
    []
    """
    return [match.lower() for match in _pattern().findall(text)]


def check_words(texts: list[str]) -> None:
    """Raises `WordError` when any text holds a refused word."""
    for text in texts:
        if found := refused_in(text):
            raise WordError(f"A text for people holds {', '.join(found)!r}: change its wording where it is declared.")
