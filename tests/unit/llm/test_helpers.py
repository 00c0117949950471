"""The checks on what a model says: quotations, numbers, language."""

import pytest

from server.llm.helpers import Citation, Claim, Reason, Refused, check, check_translation, locate, speaks_of
from server.nlu.language import Language

PASSAGES = [
    "A day pass for Japan costs 28 CNY and lasts 24 hours.",
    "日本日包每天 28 元，最多 １,０００ MB。",
    "Error E-105: two lamps of the modem are red.",
]


def test_words_with_a_quotation_and_known_numbers_pass() -> None:
    found = check("It costs 28 CNY for 24 hours.", "costs 28 CNY", 0, PASSAGES, "en")
    assert found == Claim("It costs 28 CNY for 24 hours.", Citation(0, 21, 33))
    assert isinstance(check("每天28元，最多1000MB。", "日包每天28元", 1, PASSAGES, "zh"), Claim)
    assert isinstance(check("Error E105 means two lamps.", "E-105: two lamps", 2, PASSAGES, "en"), Claim)


@pytest.mark.parametrize(
    ("text", "quote", "source", "language", "reason"),
    [
        ("", "costs 28 CNY", 0, "en", "empty"),
        ("It costs 28 CNY.", "", 0, "en", "no_quote"),
        ("It costs 28 CNY.", "it is free of charge", 0, "en", "quote_not_found"),
        ("It costs 28 CNY.", "28", 0, "en", "quote_not_found"),
        ("It costs 28 CNY.", "costs 28 CNY", 7, "en", "quote_not_found"),
        ("It costs 28 CNY.", "E-105: two lamps", 2, "en", "number_not_found"),
        ("It costs 18 CNY.", "costs 28 CNY", 0, "en", "number_not_found"),
        ("It lasts 1000 hours.", "lasts 24 hours", 0, "en", "number_not_found"),
        ("It lasts for thirty days.", "lasts 24 hours", 0, "en", "number_not_found"),
        ("日包每天二十八元。", "日包每天28元", 1, "zh", "number_not_found"),
        ("日包可以用三天。", "日包每天28元", 1, "zh", "number_not_found"),
        ("It is error T-105.", "E-105: two lamps", 2, "en", "code_not_found"),
        ("Pay at https://pay.example.net now.", "costs 28 CNY", 0, "en", "address_not_found"),
        ("Write to help@example.net now.", "costs 28 CNY", 0, "en", "address_not_found"),
        ("每天有很多流量。", "costs 28 CNY", 0, "en", "wrong_language"),
    ],
)
def test_what_does_not_rest_on_the_passages_is_refused(
    text: str, quote: str, source: int, language: Language, reason: Reason
) -> None:
    assert check(text, quote, source, PASSAGES, language) == Refused(reason)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A day pass for Japan costs 28 CNY.", True),
        ("The moon orbits around planet Earth.", False),
        ("28 CNY", True),
        ("日本的日包每天收费。", True),
        ("月亮围绕地球旋转不停。", False),
    ],
)
def test_an_answer_speaks_of_what_it_rests_on(text: str, expected: bool) -> None:
    assert speaks_of(text, " ".join(PASSAGES)) is expected


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("day  PASS for japan", "day pass for Japan"),
        ("ｄａｙ ｐａｓｓ", "day pass"),
        ("28\nCNY", "28 CNY"),
    ],
)
def test_quotations_are_found_whatever_their_width_case_and_spaces(quote: str, expected: str) -> None:
    place = locate(quote, PASSAGES[0])
    assert place is not None
    assert PASSAGES[0][place[0] : place[1]] == expected


def test_a_letter_that_grows_in_small_print_keeps_its_place() -> None:
    source = "İİ İstanbul office"
    place = locate("office", source)
    assert place is not None
    assert source[place[0] : place[1]] == "office"


@pytest.mark.parametrize(
    ("original", "translation", "to", "reason"),
    [
        ("我的号码是[PHONE_1]", "My number is [PHONE_1].", "en", None),
        ("三月 5 日", "March 5", "en", None),
        ("我欠 48 元", "I owe 84 yuan", "en", "number_not_found"),
        ("我的号码是[PHONE_1]", "My number is secret", "en", "number_not_found"),
        ("我要交话费", "我要交话费", "en", "wrong_language"),
        ("I want to pay", "我要交费", "zh", None),
        ("I want to pay", "", "zh", "empty"),
        ("hi", "very " * 200, "en", "too_long"),
    ],
)
def test_translations_are_checked(original: str, translation: str, to: str, reason: str | None) -> None:
    expected = None if reason is None else Refused(reason)  # type: ignore[arg-type]
    assert check_translation(original, translation, to) == expected  # type: ignore[arg-type]
