"""No text that reaches people holds a refused word."""

import re

import pytest

from data_contracts.words import WordError, check_words, refused_in, refused_words
from outreach import wording
from outreach.declaration import LISTS, load_list
from outreach.page import TEMPLATES


@pytest.mark.parametrize(
    "word",
    ["refused", "non-compliant", "frequent attender", "failed", "burden", "breaking point", "social vulnerability"],
)
def test_the_words_of_the_house_are_refused_in_any_case_and_plural(word: str) -> None:
    assert word in refused_words()
    assert refused_in(f"She is a {word.upper()}.") == [word]
    assert refused_in(f"Many {word}s here") == [word]


def test_a_word_within_another_is_not_refused() -> None:
    assert refused_in("heart failure, unburdened, failedness") == []


def test_check_names_the_word_and_not_the_text() -> None:
    with pytest.raises(WordError) as caught:
        check_words(["Mrs A refused tea"])
    assert "tea" not in str(caught.value)


def every_text() -> list[str]:
    declared = [load_list(p.stem).model_dump_json() for p in LISTS.glob("*.yaml")]
    templates = [p.read_text() for p in TEMPLATES.glob("*.j2")]
    return [*wording.said(), *declared, *templates]


def test_nothing_the_lists_can_say_holds_a_refused_word() -> None:
    assert wording.FOOTER in wording.said()
    assert "A death has been recorded." in wording.said()
    check_words(every_text())


def test_no_text_speaks_of_a_risk_of_death() -> None:
    assert not [
        t for t in every_text() if re.search(r"(risk|probability|chance)\s+of\s+(death|dying)", t, re.IGNORECASE)
    ]
