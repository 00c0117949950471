"""Spoken numbers and codes, and replies in the form in which they are said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.speech.speakable import heard, options, say, sentences, spell
from server.speech.spoken import identifiers, normalise


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("my number is one nine nine, zero zero zero zero, zero one zero one.", "my number is 19900000101."),
        ("199 0000 0101", "19900000101"),
        ("one three eight double zero", "13800"),
        ("我的号码是幺九九零零零零零幺零幺", "我的号码是19900000101"),
        ("幺三八零零", "13800"),
        ("订单号是 Q H 四八二一零九三七", "订单号是 QH48210937"),
        ("my order number is Q H 4 8 2 1 0 9 3 7 please", "my order number is QH48210937 please"),
        ("It's Q-H-4-8-2-1-0-9-3-7.", "It's QH48210937."),
        ("error code E dash one zero five", "error code E-105"),
        ("tv three zero one", "TV-301"),
        ("zero x 8 0 0 7 2 E E 7", "0x80072EE7"),
        ("ticket T one zero four two three three", "ticket T-104233"),
        ("错误六九一", "错误691"),
        ("one nine nine five zeros one zero one", "19900000101"),
        ("199 five zeroes 101", "19900000101"),
        ("five sixes one two", "6666612"),
        ("幺九九五个零幺零幺", "19900000101"),
        ("199，5个0，101", "19900000101"),
    ],
)
def test_numbers_as_they_are_printed(said: str, written: str) -> None:
    assert normalise(said) == written


@pytest.mark.parametrize(
    "text",
    [
        *(
            "I have two phones, one of them is new",
            "我欠了三百二十块",
            "二零二五年三月",
            "我要三个一百元的，还有两个一样的",
            "I have two ones and 3 zeros",
            "The bill is 1,200 yuan or 48.50",
        ),
        *("I 123", "a 300 megabit line", "in 2024 I paid 39 yuan", "一一得一", "it happened on 2026-03-04", "30 GB"),
    ],
)
def test_quantities_and_words_stay(text: str) -> None:
    assert normalise(text) == text


@given(st.text(alphabet="一二三幺零个 0123456789QHqhex-.,one twos", max_size=40))
def test_normalising_twice_changes_nothing_and_loses_no_figure(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert [c for c in text if c.isdigit() and c.isascii()] == [c for c in text if c.isdigit() and c.isascii()]
    assert sum(c.isascii() and c.isdigit() for c in once) >= sum(c.isascii() and c.isdigit() for c in text)


def test_what_is_read_back() -> None:
    assert identifiers("my order QH48210937 and 19900000101") == ("QH48210937", "19900000101")
    assert identifiers("I have 30 GB and error 691") == ()
    assert identifiers("E-105") == ("E-105",)


def test_codes_are_spelt() -> None:
    assert spell("19900000101", "en") == "1 9 9, 0 0 0 0, 0 1 0 1"
    assert spell("QH48210937", "en") == "Q H 4 8 2 1, 0 9 3 7"
    assert spell("19900000101", "zh") == "幺九九，零零零零，零幺零幺"


def test_figures_in_words_that_can_be_said() -> None:
    assert say("You owe ¥48.00 by 2026-12-01 for 5GB.", "en") == "You owe 48 yuan by December 1, 2026 for 5 gigabytes."
    assert say("请看 https://example.com/a", "zh") == "请看 屏幕上的链接"
    assert say("number 199****0101", "en") == "number ending in 0 1 0 1"
    assert options(["Yes", "No", "Later"], "en") == "Yes, No, or Later"
    assert options(["对", "不对"], "zh") == "对，或者不对"


TEXT = "Hello there, my friend. Your bill is due tomorrow morning. Shall I pay it?"


def test_sentences_cover_the_text() -> None:
    parts = sentences(TEXT, "en")
    assert [p.text for p in parts] == [
        "Hello there, my friend.",
        "Your bill is due tomorrow morning.",
        "Shall I pay it?",
    ]
    assert parts[-1].end == len(TEXT)
    assert heard(parts, TEXT, 0.0, 1) == "Hello there, my friend."
    assert heard(parts, TEXT, 0.5, 1).startswith("Hello there, my friend. Your bill")
    assert heard(parts, TEXT, 1.0, 2) == TEXT


@given(st.text(max_size=500), st.sampled_from(["zh", "en"]), st.floats(0, 1), st.integers(0, 9))
def test_any_text_can_be_said_and_cut(text: str, language: str, share: float, part: int) -> None:
    parts = sentences(text, language)
    ends = [p.end for p in parts]
    assert ends == sorted(ends)
    assert all(end <= len(text) for end in ends)
    if parts:
        assert text.startswith(heard(parts, text, share, min(part, len(parts))).rstrip())
