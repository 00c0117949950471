"""Text as typed and text as read: normalised for the models, with every position traceable to the original.

Offsets are Unicode code points. Full-width forms become ordinary ones (NFKC), combining marks join their base,
traditional
characters become simplified, invisible characters vanish; `Aligned` remembers where each character came from.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
CJK = re.compile(f"[{_CJK}]")
_CJK_RUN = re.compile(f"[{_CJK}]+")
# One token: a Chinese character; a run of Latin (or other alphabetic) letters, without the 's of "tomorrow's"; a run of
# digits; any other visible character.
_TOKEN = re.compile(rf"[{_CJK}]|[^\W\d_{_CJK}]+(?:['’](?!s\b)[^\W\d_{_CJK}]+)*|['’]s\b|\d+|[^\w\s]|_")
_INVISIBLE = frozenset("\u200b\u200c\u2060\ufeff\u00ad\ufe0e\ufe0f")


@dataclass(frozen=True)
class Token:
    """A token of the normalised text and the part of the original that it stands for (code points, end exclusive)."""

    text: str
    start: int  # in the original
    end: int
    at: int  # in the normalised text
    spaced: bool  # white space before it


@dataclass(frozen=True)
class Aligned:
    """A normalised text; `starts[i]`, `ends[i]` are the original code points that character i came from."""

    original: str
    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original span of a non-empty normalised one."""
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"span {start}:{end} is empty or outside a text of {len(self.text)} characters")
        return self.starts[start], self.ends[end - 1]

    def tokens(self) -> list[Token]:
        """The tokens, in order, with original offsets; they never overlap."""
        found: list[Token] = []
        last = 0
        for match in _TOKEN.finditer(self.text):
            start, end = self.span(*match.span())
            if found and start < found[-1].end:  # one original character that normalises to several tokens, such as ½
                continue
            found.append(Token(match.group(), start, end, match.start(), spaced=match.start() > last))
            last = match.end()
        return found


def align(original: str) -> Aligned:
    """Normalise a text. Nothing that a person can see disappears; an empty text stays empty."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    i = 0
    while i < len(original):
        j = i + 1
        while j < len(original) and unicodedata.combining(original[j]):
            j += 1
        piece = original[i:j]
        normal = piece if piece.isascii() else unicodedata.normalize("NFKC", piece)
        for char in normal:
            if char in _INVISIBLE:
                continue
            chars.append(" " if char.isspace() or unicodedata.category(char) == "Cc" else char)
            starts.append(i)
            ends.append(j)
        i = j
    return Aligned(original, simplified("".join(chars)), tuple(starts), tuple(ends))


@cache
def _converter() -> tuple[Any, frozenset[str]]:
    from opencc import OpenCC  # noqa: PLC0415 (reads its dictionaries)

    converter = OpenCC("t2s")
    converter.convert("")  # loads the dictionaries
    characters: set[str] = set()
    for code in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000)):
        char = chr(code)
        if converter.convert(char) != char:
            characters.add(char)
    return converter, frozenset(characters)


# Characters that the conversion leaves alone because both forms exist, and that mean the simplified one here.
_ALSO = str.maketrans({"妳": "你", "牠": "它", "祂": "他"})


def simplified(text: str) -> str:
    """Traditional characters made simplified, character for character: the length never changes."""
    converter, characters = _converter()
    text = text.translate(_ALSO)
    if not any(char in characters for char in text):
        return text

    def convert(match: re.Match[str]) -> str:
        run = match.group()
        whole = converter.convert(run)
        if len(whole) == len(run):
            return str(whole)
        singles = (converter.convert(char) for char in run)
        return "".join(new if len(new) == 1 else old for old, new in zip(run, singles, strict=True))

    return _CJK_RUN.sub(convert, text)
