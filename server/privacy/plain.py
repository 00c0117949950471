"""The text in plain characters, so that recognisers need not know every way to write a digit or a dash."""

import unicodedata
from dataclasses import dataclass

_DASHES = "‐‑‒–—―−－﹣⁃"
_DOTS = "•‧∙⋅●・"
_QUOTES = {"’": "'", "‘": "'", "＇": "'", "“": '"', "”": '"'}
_FULL_WIDTH_FIRST, _FULL_WIDTH_LAST, _FULL_WIDTH_SHIFT = 0xFF01, 0xFF5E, 0xFEE0


@dataclass(frozen=True, slots=True)
class Plain:
    """``text`` with one plain character for each that counts; ``offsets[i]`` is where it stands in the original."""

    text: str
    offsets: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original behind ``text[start:end]``."""
        return self.offsets[start], self.offsets[end - 1] + 1


def plain(text: str) -> Plain:
    """Half-width digits and letters, one kind of dash and space, nothing invisible."""
    characters: list[str] = []
    offsets: list[int] = []
    for at, character in enumerate(text):
        if character.isascii():
            characters.append(character)
        elif (replaced := _plain(character)) is None:
            continue
        else:
            characters.append(replaced)
        offsets.append(at)
    return Plain("".join(characters), tuple(offsets))


def _plain(character: str) -> str | None:
    if character in _DASHES:
        return "-"
    if character in _DOTS:
        return "·"
    if character in _QUOTES:
        return _QUOTES[character]
    code = ord(character)
    if _FULL_WIDTH_FIRST <= code <= _FULL_WIDTH_LAST:
        return chr(code - _FULL_WIDTH_SHIFT)
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Zs":
        return " "
    # Joiners and soft hyphens are a way to hide a number from a filter, and nothing to read.
    return None if category == "Cf" else character
