"""Reading frames: what a client sends becomes a checked object or an error with a code of docs/frames.md."""

from collections.abc import Mapping
from typing import Any

import orjson

Json = dict[str, Any]
MAX_TEXT_FRAME_BYTES = 64 * 1024
MAX_BINARY_FRAME_BYTES = 32 * 1024
MAX_ID_CHARACTERS = 100


class FrameError(Exception):
    """A frame that cannot be served; ``code``, ``detail`` and ``more`` go to the client, ``id`` names the action."""

    def __init__(self, code: str, detail: str, frame_id: str | None = None, **more: int) -> None:
        super().__init__(detail)
        self.more = more
        self.code = code
        self.detail = detail
        self.id = frame_id


def read_frame(data: str | bytes | None) -> Json:
    """A JSON object with a ``type``.

    Raises:
        FrameError: ``too_large`` or ``bad_frame``.
    """
    if not isinstance(data, str):
        raise FrameError("bad_frame", "a binary frame belongs to a voice message that was begun")
    raw = data.encode(errors="surrogatepass")
    if len(raw) > MAX_TEXT_FRAME_BYTES:
        raise FrameError("too_large", f"a text frame has at most {MAX_TEXT_FRAME_BYTES} bytes")
    try:
        frame = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise FrameError("bad_frame", "the frame is not JSON") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise FrameError("bad_frame", "a frame is an object with a field 'type'")
    return frame


def text_field(frame: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    """A string field; the default where it is absent.

    Raises:
        FrameError: ``bad_frame``.
    """
    value = frame.get(name, default)
    if not isinstance(value, str):
        raise FrameError("bad_frame", f"field '{name}' must be a string", action_id(frame))
    return value


def int_field(frame: Mapping[str, Any], name: str, *, default: int | None = None) -> int:
    """An integer field from 0 to 2^53; the default where it is absent.

    Raises:
        FrameError: ``bad_frame``.
    """
    value = frame.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise FrameError("bad_frame", f"field '{name}' must be a whole number from 0 on", action_id(frame))
    return value


def id_field(frame: Mapping[str, Any], name: str = "id") -> str:
    """The id that the client made.

    Raises:
        FrameError: ``bad_frame``.
    """
    value = text_field(frame, name)
    if not 0 < len(value) <= MAX_ID_CHARACTERS or not value.isprintable():
        raise FrameError("bad_frame", f"field '{name}' has 1 to {MAX_ID_CHARACTERS} printable characters")
    return value


def error_frame(error: FrameError) -> Json:
    """The ``error`` frame."""
    frame: Json = {"type": "error", "code": error.code, "message": error.detail, **error.more}
    if error.id:
        frame["id"] = error.id
    return frame


def action_id(frame: Mapping[str, Any]) -> str | None:
    """The id that an answer to a bad frame names; None where the frame has none that can be repeated."""
    value = frame.get("id")
    return value if isinstance(value, str) and len(value) <= MAX_ID_CHARACTERS else None
