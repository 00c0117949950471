"""The checks on what a model says: quotations, numbers, language."""

import pytest

from server.llm.helpers import Citation, Grounded, Refused, check, check_translation, locate

PASSAGES = ["A day pass for Japan costs 28 CNY and lasts 24 hours.", "日本日包每天 28 元，最多 １,０００ MB。"]


def test_words_with_a_quotation_and_known_numbers_pass() -> None:
    found = check("It costs 28 CNY for 24 hours.", [(0, "costs 28 CNY")], PASSAGES, "en")
    assert found == Grounded("It costs 28 CNY for 24 hours.", (Citation(0, 21, 33),))
    assert isinstance(check("每天28元，最多1000MB。", [(1, "日包每天28元")], PASSAGES, "zh"), Grounded)


@pytest.mark.parametrize(
    ("text", "quotes", "language", "reason"),
    [
        ("", [(0, "costs 28 CNY")], "en", "empty"),
        ("It costs 28 CNY.", [], "en", "no_quote"),
        ("It costs 28 CNY.", [(0, "it is free of charge")], "en", "quote_not_found"),
        ("It costs 28 CNY.", [(0, "28")], "en", "quote_not_found"),
        ("It costs 28 CNY.", [(7, "costs 28 CNY")], "en", "quote_not_found"),
        ("It costs 18 CNY.", [(0, "costs 28 CNY")], "en", "number_not_found"),
        ("It lasts 1000 hours.", [(0, "lasts 24 hours")], "en", "number_not_found"),
        ("一天二十八元。", [(0, "costs 28 CNY")], "en", "wrong_language"),
    ],
)
def test_what_does_not_rest_on_the_passages_is_refused(
    text: str, quotes: list[tuple[int, str]], language: str, reason: str
) -> None:
    assert check(text, quotes, PASSAGES, language) == Refused(reason)  # type: ignore[arg-type]


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
