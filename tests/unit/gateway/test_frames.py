import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.gateway.frames import FrameError, id_field, int_field, read_frame, text_field


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", "bad_frame"),
        ("{", "bad_frame"),
        ("[]", "bad_frame"),
        ('{"type": 1}', "bad_frame"),
        ('{"text": "x"}', "bad_frame"),
        (b"\x00\x01", "bad_frame"),
        (None, "bad_frame"),
        ('{"type":"message","text":"' + "x" * 70_000 + '"}', "too_large"),
        ('{"type": "message", "text": "\ud800"}', "bad_frame"),
    ],
)
def test_a_frame_that_cannot_be_read(data, code):
    with pytest.raises(FrameError) as error:
        read_frame(data)
    assert error.value.code == code


@given(st.one_of(st.text(), st.binary(), st.none()))
def test_reading_gives_a_frame_or_an_error(data):
    try:
        frame = read_frame(data)
    except FrameError:
        return
    assert isinstance(frame["type"], str)


@pytest.mark.parametrize("value", [None, 1, True, [], {}])
def test_a_text_field_is_a_string(value):
    with pytest.raises(FrameError):
        text_field({"type": "message", "text": value}, "text")


@pytest.mark.parametrize("value", [-1, 1.5, True, "1", 2**60])
def test_a_number_field_is_a_whole_number(value):
    with pytest.raises(FrameError):
        int_field({"type": "read", "seq": value}, "seq")


@pytest.mark.parametrize("value", ["", "x" * 101, "a\nb"])
def test_an_id_is_short_and_printable(value):
    with pytest.raises(FrameError):
        id_field({"type": "message", "id": value})
