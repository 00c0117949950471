"""Masks what a child process writes that cannot mask itself: Rasa, which lives in an environment of its own."""

from __future__ import annotations

from collections.abc import Callable

from server.logs import masked_line

MAX_LINE_BYTES = 16 * 1024


class MaskedLines:
    """Takes output as it comes and passes on whole lines, each masked; longer ones are cut, and say so."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._open = b""
        self._cutting = False

    def write(self, data: bytes) -> None:
        """Pass on the lines that ``data`` ends; the rest waits for its end."""
        *lines, rest = (self._open + data).split(b"\n")
        for line in lines:
            self._line(line)
            self._cutting = False
        self._open = rest
        if len(self._open) > MAX_LINE_BYTES:
            self._line(self._open)
            self._open, self._cutting = b"", True

    def end(self) -> None:
        """Pass on what was written without an end, when the process is gone."""
        if self._open:
            self._line(self._open)
        self._open, self._cutting = b"", False

    def _line(self, line: bytes) -> None:
        if self._cutting:
            return  # the rest of a line that was cut
        text = line[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
        if len(line) > MAX_LINE_BYTES:
            # Half a number would not be known for one.
            text = text[: max(text.rfind(" "), 0)] + " …"
        self._write(f"{masked_line(text)}\n".encode())
