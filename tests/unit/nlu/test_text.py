"""Normalised text keeps its ties to the original, whatever is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.nlu.data import Example, Span
from server.nlu.entities import bio
from server.nlu.language import detect
from server.nlu.text import align

TYPED = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("漢語電話號碼１３８Ｇ，。👍🏽🇨🇳é½ﬁ①\u0301\u200b\u3000\n"),
    ),
    max_size=60,
)


@given(TYPED)
def test_every_character_knows_where_it_came_from(original: str) -> None:
    aligned = align(original)
    assert len(aligned.text) == len(aligned.starts) == len(aligned.ends)
    assert list(aligned.starts) == sorted(aligned.starts)
    assert all(0 <= a < b <= len(original) for a, b in zip(aligned.starts, aligned.ends, strict=True))


@given(TYPED)
def test_tokens_are_ordered_and_never_overlap(original: str) -> None:
    last = 0
    for token in align(original).tokens():
        assert last <= token.start < token.end <= len(original)
        last = token.end


@given(TYPED, st.data())
def test_labels_cover_exactly_the_tokens_that_a_span_touches(original: str, data: st.DataObject) -> None:
    tokens = align(original).tokens()
    if not tokens:
        return
    first = data.draw(st.integers(0, len(tokens) - 1))
    last = data.draw(st.integers(first, len(tokens) - 1))
    span = Span(tokens[first].start, tokens[last].end, "thing", "")
    labels = bio(tokens, Example(original, "x", (span,)))
    assert [i for i, label in enumerate(labels) if label != "O"] == list(range(first, last + 1))
    assert labels[first] == "B-thing"


def test_full_width_traditional_and_combined_characters_are_read_as_ordinary_ones() -> None:
    aligned = align("請問１３８ 電話 cafe\u0301")
    assert aligned.text == "请问138 电话 café"
    digits = aligned.text.index("138")
    assert aligned.span(digits, digits + 3) == (2, 5)
    accent = aligned.text.index("é")
    assert aligned.original[slice(*aligned.span(accent, accent + 1))] == "e\u0301"


def test_an_empty_span_is_refused() -> None:
    with pytest.raises(ValueError, match="3:3"):
        align("abcdef").span(3, 3)


@pytest.mark.parametrize(
    ("text", "locale", "language"),
    [
        ("在吗", None, "zh"),
        ("yes", "zh", "en"),
        ("SIM卡不行了", None, "zh"),
        ("wo yao cha huafei", "en", "zh"),
        ("how are you", "zh", "en"),
        ("帮我 check 一下 bill", "en", "zh"),
        ("199 0000 0101", "en", "en"),
        ("199 0000 0101", "zh-CN", "zh"),
        ("👍", "en", "en"),
    ],
)
def test_the_language_is_found_and_the_locale_only_helps(text: str, locale: str | None, language: str) -> None:
    assert detect(text, locale) == language
