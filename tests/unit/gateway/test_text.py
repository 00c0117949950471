import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.gateway.text import MAX_MESSAGE_CHARACTERS, TextError, clean, language_of


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  我的网断了 😭 ", "我的网断了 😭"),
        ("a\x00b\x1b[31m\x7f", "ab[31m"),
        ("one\ntwo\tthree", "one\ntwo\tthree"),
        ("\u202eevil\u202c", "evil"),
        ("مرحبا", "مرحبا"),
        ("half \ud83d a pair", "half  a pair"),
    ],
)
def test_what_is_kept_of_a_message(text, kept):
    assert clean(text) == kept


@pytest.mark.parametrize("text", ["", "   \n", "\x00\x01", "\u202e"])
def test_an_empty_message_is_refused(text):
    with pytest.raises(TextError) as error:
        clean(text)
    assert error.value.code == "bad_frame"


def test_a_message_has_a_greatest_length():
    assert len(clean("好" * MAX_MESSAGE_CHARACTERS)) == MAX_MESSAGE_CHARACTERS
    with pytest.raises(TextError) as error:
        clean("好" * (MAX_MESSAGE_CHARACTERS + 1))
    assert error.value.code == "too_large"


@given(st.text(st.characters(codec=None), max_size=200))
def test_a_cleaned_text_is_clean_and_can_be_stored(text):
    try:
        once = clean(text)
    except TextError:
        return
    assert clean(once) == once
    once.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "previous", "language"),
    [
        ("我的套餐什么时候到期", "en", "zh"),
        ("my wifi is slow", "zh", "en"),
        ("wifi 太慢了", "en", "zh"),
        ("19900000101", "zh", "zh"),
        ("wo de kuan dai duan le", "en", "zh"),
        ("ok", "zh", "zh"),
        ("👍", "en", "en"),
    ],
)
def test_the_language_follows_the_customer(text, previous, language):
    assert language_of(text, previous) == language
