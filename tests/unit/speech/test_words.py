"""Small words, in both languages, and what recognisers make up."""

import pytest

from server.speech.agreement import Agreement
from server.speech.words import (
    Answer,
    answer,
    choice,
    distance,
    is_backchannel,
    is_echo,
    is_made_up,
    is_unfinished,
    similar,
)


@pytest.mark.parametrize(
    "text",
    ["嗯", "嗯嗯。", "对对对", "好的，知道了", "Uh-huh.", "yeah", "Yeah, okay.", "Mm-hmm", "I see.", "all right"],
)
def test_who_listens_does_not_speak(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no",
        "stop",
        "wait a moment",
        "yeah but my bill is wrong",
        "不对",
        "对了我还想问账单",
        "okra",
        "好难",
        "yesterday",
    ],
)
def test_everything_else_is_speech(text: str) -> None:
    assert not is_backchannel(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes.", Answer("yes", "")),
        ("Yes, that's right", Answer("yes", "")),
        ("对的", Answer("yes", "")),
        ("No.", Answer("no", "")),
        ("不是，是账单", Answer("no", "是账单")),
        ("no my router is broken", Answer("no", "my router is broken")),
        ("my router", None),
        ("nothing works", None),
        ("账单", None),
    ],
)
def test_yes_and_no(text: str, expected: Answer | None) -> None:
    assert answer(text) == expected


@pytest.mark.parametrize(
    "text",
    ["My number is", "I want to, um", "my number is 1990000", "我的号码是", "我想查一下那个", "because...", "呃"],
)
def test_hesitation(text: str) -> None:
    assert is_unfinished(text)


@pytest.mark.parametrize(
    "text", ["How much data do I have left?", "19900000101", "我还剩多少流量", "The error is 691.", "yes"]
)
def test_finished(text: str) -> None:
    assert not is_unfinished(text)


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for watching!",
        "请不吝点赞 订阅",
        "字幕由志愿者提供",
        "you",
        "",
        "...",
        "la la la la la la",
        "no no no no no",
    ],
)
def test_made_up(text: str) -> None:
    assert is_made_up(text)


@pytest.mark.parametrize(
    "text", ["thank you", "1 9 9 0 0 0 0 0 1 0 1", "谢谢", "I can't watch TV", "I want to subscribe to a plan"]
)
def test_really_said(text: str) -> None:
    assert not is_made_up(text)


def test_echo_is_a_piece_of_what_the_bot_says() -> None:
    said = "You have three gigabytes left until the end of the month."
    assert is_echo("three gigabytes left until", said)
    assert not is_echo("I want to pay my bill", said)
    assert is_echo("还剩三个流量", "您本月还剩三个流量。")


def test_similar_and_distance() -> None:
    assert similar("my bill is wrong.", "My bill is wrong")
    assert not similar("my bill is wrong", "my phone is lost")
    assert distance("我的账单", "我的帐单") == 1


def test_agreement_grows_and_never_shrinks() -> None:
    partial = Agreement()
    shown = []
    for text in ["how", "how much", "how much date", "how much data do", "how much data do I"]:
        partial.add(text)
        shown.append((partial.text, partial.text[: partial.stable]))
    assert shown == [
        ("how", ""),
        ("how much", "how"),
        ("how much date", "how much"),
        ("how much data do", "how much"),
        ("how much data do I", "how much data do"),
    ]


def test_agreement_keeps_what_was_settled_when_the_decoder_changes_its_mind() -> None:
    partial = Agreement()
    for text in ["我还剩", "我还剩多少", "我还有多少流量"]:
        partial.add(text)
    assert partial.text.startswith("我还剩")


def test_offered_answers_can_be_said() -> None:
    labels = ["Yes, restart it", "No", "Talk to a person"]
    assert choice(labels, "talk to a person.") == 2
    assert choice(labels, "The second one.") == 1
    assert choice(["流量", "账单"], "第二个") == 1
    assert choice(labels, "second floor") is None
    assert choice(labels, "my router is broken") is None
