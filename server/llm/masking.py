"""Personal data leaves as placeholders and comes back: `[PHONE_1]` in what a model reads, the number in what it found.

Who finds the personal data is passed in; this module only replaces and maps. Equal words get equal placeholders, so
that a model can still see that two mentions are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

_PLACEHOLDER: Final = re.compile(r"\[[A-Z_]+_\d+\]")


class Found(Protocol):
    """Personal data in a text: code points `start` to `end` (exclusive) and its kind, in capitals."""

    @property
    def start(self) -> int:
        """First code point."""
        ...

    @property
    def end(self) -> int:
        """One past the last."""
        ...

    @property
    def kind(self) -> str:
        """Such as PHONE."""
        ...


Finder = Callable[[str], Sequence[Found]]


def nothing(_text: str) -> Sequence[Found]:
    """Find nothing: for a model that runs on this machine, or where the operator allows it."""
    return ()


@dataclass(frozen=True)
class _Piece:
    start: int  # in the masked text
    end: int
    original_start: int
    original_end: int


@dataclass(frozen=True)
class Masked:
    """A text with placeholders, and the way back."""

    original: str
    text: str
    pieces: tuple[_Piece, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original span of a masked one; a span that touches a placeholder takes all that it stands for."""
        return self._back(start, after=False), self._back(end, after=True)

    def restore(self, text: str) -> str:
        """A model's words with the placeholders undone; a placeholder that was never given stays."""
        given = {self.text[p.start : p.end]: self.original[p.original_start : p.original_end] for p in self.pieces}
        return _PLACEHOLDER.sub(lambda m: given.get(m.group(), m.group()), text)

    def hide(self, text: str) -> str:
        """Words of the original with the same placeholders, where they hold what was replaced."""
        for p in self.pieces:
            text = text.replace(self.original[p.original_start : p.original_end], self.text[p.start : p.end])
        return text

    def _back(self, at: int, *, after: bool) -> int:
        shift = 0
        for p in self.pieces:
            if at < p.start or (at == p.start and after):
                break
            if at < p.end or (at == p.end and after):
                return p.original_end if after else p.original_start
            shift = p.original_end - p.end
        return at + shift


@dataclass(frozen=True)
class _At:
    start: int
    end: int
    kind: str


def line_by_line(find: Finder) -> Finder:
    """A finder that looks at each line of a text on its own, so that nothing it finds goes over the end of one."""

    def found(text: str) -> Sequence[Found]:
        at = 0
        places: list[Found] = []
        for line in text.split("\n"):
            places += [_At(f.start + at, f.end + at, f.kind) for f in find(line)]
            at += len(line) + 1
        return places

    return found


def masked(text: str, find: Finder) -> Masked:
    """Put placeholders in place of what `find` finds; of overlapping finds the first and longest counts."""
    parts: list[str] = []
    pieces: list[_Piece] = []
    numbers: dict[tuple[str, str], int] = {}
    # What a customer types like a placeholder must not be taken for one on the way back.
    taken = set(_PLACEHOLDER.findall(text))
    counts: dict[str, int] = {}
    last = length = 0
    for one in sorted(find(text), key=lambda f: (f.start, -f.end)):
        if one.start < last:
            continue
        words = text[one.start : one.end]
        number = numbers.get((one.kind, words))
        if number is None:
            number = counts.get(one.kind, 0) + 1
            while f"[{one.kind}_{number}]" in taken:
                number += 1
            counts[one.kind] = numbers[(one.kind, words)] = number
        placeholder = f"[{one.kind}_{number}]"
        parts += [text[last : one.start], placeholder]
        length += one.start - last
        pieces.append(_Piece(length, length + len(placeholder), one.start, one.end))
        length += len(placeholder)
        last = one.end
    return Masked(text, "".join(parts) + text[last:], tuple(pieces))
