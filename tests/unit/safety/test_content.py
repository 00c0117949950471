"""The content lists: what they find, what they leave alone, and who may change them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.content import CLASSES, ContentFilter, ListsError, builtin, parse

FILTER = ContentFilter(builtin())

LINES = [
    tuple(line.split("\t"))
    for line in Path(__file__).with_name("content_lines.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
GRAVE = [line for line in LINES if line[0] != "harmless"]
HARMLESS = [text for kind, text in LINES if kind == "harmless"]


@pytest.mark.parametrize(("kind", "text"), GRAVE)
def test_what_needs_more_than_an_answer_is_found(kind, text):
    verdict = FILTER.of_customer(text)
    assert verdict is not None
    assert verdict.kind == kind


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_sounds_like_it_is_left_alone(text):
    assert FILTER.of_customer(text) is None


def test_an_insult_beside_a_request_is_not_alone():
    assert FILTER.of_customer("你们这帮傻逼").alone
    beside = FILTER.of_customer("傻逼，我的宽带又断了，快点修")
    assert beside is not None
    assert not beside.alone


def test_harm_comes_before_insults():
    assert FILTER.of_customer("傻逼客服，我要跳楼").kind == "self_harm"


@pytest.mark.parametrize("text", ["我们一定赔偿您", "You idiot.", "Please send me your password now", "我 们 全 责"])
def test_the_bot_must_not_say(text):
    assert FILTER.of_reply(text) is not None


@pytest.mark.parametrize(
    "text",
    ["为保护您的账户，请不要把密码告诉任何人。", "We'll never tell me your password questions.", "已为您加了 5GB"],
)
def test_the_bot_may_say(text):
    assert FILTER.of_reply(text) is None


def test_no_text_of_the_catalogues_is_forbidden():
    from server.texts import LANGUAGES, catalogue

    held = [
        (key, found.phrase)
        for one in LANGUAGES
        for key, text in catalogue(one).items()
        if (found := FILTER.of_reply(text))
    ]
    assert held == []


@pytest.mark.parametrize(
    ("given_lists", "word"),
    [
        ({"politics": {}}, "politics"),
        ({"abuse": {"phrases": ["x"]}}, "two characters"),
        ({"abuse": {"phrases": ["*"]}}, "two characters"),
        ({"abuse": {"phrases": ["x" * 200]}}, "more than"),
        ({"abuse": {"phrases": [7]}}, "7"),
        ({"abuse": {"words": []}}, "nothing else"),
        ({"abuse": {"phrases": "ab"}}, "at most"),
        ([], "table"),
    ],
)
def test_lists_that_cannot_be_used_are_named(given_lists, word):
    with pytest.raises(ListsError, match=word.replace("*", r"\*")):
        parse(given_lists)


def test_a_phrase_is_text_and_no_pattern():
    own = ContentFilter(parse({"abuse": {"phrases": ["a.c(", "北京*天安"]}}))
    assert own.of_customer("abc(") is None
    assert own.of_customer("a.c(") is not None
    assert own.of_customer("北京的天安") is not None


@given(st.text(max_size=300))
def test_any_text_can_be_judged(text):
    found = FILTER.of_customer(text)
    assert found is None or found.kind in CLASSES
