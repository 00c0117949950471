"""A reply as it is said: sentence by sentence, numbers and codes digit by digit, links named and not spelt.

What is shown stays as it is. Each sentence knows up to which character of the shown text it reaches, so that an
interrupted reply can be kept as far as it was heard.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 200
"""Characters of one sentence: longer ones are cut at a comma or a space, so that speaking can begin."""
SHORTEST: Final = 12

_BREAK: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；…])|\n+")
_SOFT: Final = re.compile(r"(?<=[,;:])\s+|(?<=[，、；：])")
_URL: Final = re.compile(r"\[([^\]]+)\]\([^)\s]+\)|https?://[^\s，。）)]+|(?<![\w/])/help/[\w-]+", re.IGNORECASE)
_MASKED: Final = re.compile(r"(?<!\d)(\d{3})[*•]{2,}(\d{2,4})(?!\d)")
_CODE: Final = re.compile(
    r"(?<![A-Za-z\d])(?:[A-Z]{1,4}-?\d{3,}|0x[0-9A-Fa-f]{4,8}|\d{6,}|1\d{2} \d{4} \d{4})(?![A-Za-z\d])"
)
_DATE: Final = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    "December",
)
_DIGITS_ZH: Final = dict(zip("0123456789", "零幺二三四五六七八九", strict=True))
_UNITS_EN: Final = {
    "GB": "gigabytes",
    "MB": "megabytes",
    "TB": "terabytes",
    "Mbps": "megabits per second",
    "ms": "milliseconds",
}
_UNITS_ZH: Final = {"GB": "G", "MB": "兆", "Mbps": "兆"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, and where it ends in the text that is shown (characters)."""

    text: str
    end: int


def sentences(text: str, language: str) -> list[Sentence]:
    """The sentences of a reply as they are said, without empty ones."""
    found: list[Sentence] = []
    start = 0
    for end in [*(m.end() for m in _BREAK.finditer(text)), len(text)]:
        for piece_start, piece_end in _pieces(text, start, end):
            said = say(text[piece_start:piece_end], language)
            if not re.search(r"\w", said):
                continue
            if found and len(found[-1].text) + len(said) < SHORTEST:
                joiner = "" if language == "zh" else " "
                found[-1] = Sentence(found[-1].text + joiner + said, piece_end)
            else:
                found.append(Sentence(said, piece_end))
        start = end
    return found


def options(labels: Sequence[str], language: str) -> str:
    """Buttons as they are read out: the list alone, for the sentence of the catalogue."""
    said = [say(label, language) for label in labels]
    if language == "zh":
        return "、".join(said[:-1]) + ("，或者" if len(said) > 1 else "") + said[-1]
    return said[0] if len(said) == 1 else ", ".join(said[:-1]) + ", or " + said[-1]


def say(text: str, language: str) -> str:
    """One piece of text in the form in which it is said."""
    chinese = language == "zh"
    text = _URL.sub(lambda m: m[1] or ("屏幕上的链接" if chinese else "the link on your screen"), text)
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", re.sub(r"^\s*(?:[-*•]|#+|\d+\.(?=\s))\s+", "", text))
    text = _MASKED.sub(lambda m: ("尾号" if chinese else "ending in ") + spell(m[2], language), text)
    text = _DATE.sub(lambda m: _date(m, chinese=chinese), text)
    text = _CODE.sub(lambda m: spell(m.group(), language), text)
    text = _money(text, chinese=chinese)
    for unit, name in (_UNITS_ZH if chinese else _UNITS_EN).items():
        text = re.sub(rf"(?<=\d)\s*{unit}(?![A-Za-z])", name if chinese else f" {name}", text)
    text = re.sub(r"[\U0001F300-\U0001FAFF\u2600-\u27BF\uFE0F]", "", text)
    return " ".join(text.split())


def spell(code: str, language: str) -> str:
    """A number or code character by character, in groups of four with pauses: 19900000101 → 1 9 9, 0 0 0 0, 0 1 0 1."""
    chars = re.sub(r"[^A-Za-z\d]", "", code)
    letters = re.match(r"0x|[A-Za-z]*", chars)
    head = letters.group() if letters else ""
    tail = chars[len(head) :]
    sizes = (
        [3, 4, 4]
        if len(tail) == 11
        else [len(tail) % 4 or 4, *[4] * (len(tail) // 4)]
        if len(tail) > 6
        else [len(tail)]
    )
    groups, at = [], 0
    for size in sizes:
        if tail[at : at + size]:
            groups.append(tail[at : at + size])
        at += size
    if language == "zh":
        said = "，".join("".join(_DIGITS_ZH.get(c, c.upper()) for c in group) for group in groups)
        return " ".join(head.upper()) + (" " if head else "") + said
    said = ", ".join(" ".join(c.upper() for c in group) for group in groups)
    return " ".join([*head.upper(), said]) if head else said


def heard(parts: Sequence[Sentence], text: str, share: float, part: int) -> str:
    """The shown text as far as it was heard: what is before sentence ``part`` and ``share`` of it, to a whole word."""
    start = parts[part - 1].end if part > 0 else 0
    if part >= len(parts):
        return text
    end = start + round((parts[part].end - start) * min(1.0, max(0.0, share)))
    if end >= len(text):
        return text
    cut = text[:end]
    if text[end : end + 1].isascii() and text[end : end + 1].isalnum() and cut[-1:].isascii() and cut[-1:].isalnum():
        cut = re.sub(r"[A-Za-z\d'’-]+$", "", cut)  # half a word was not heard
    return cut.rstrip()


def _pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A sentence's span cut at commas and spaces until no piece is too long."""
    found: list[tuple[int, int]] = []
    while end - start > LONGEST:
        window = text[start : start + LONGEST]
        cuts = [m.end() for m in _SOFT.finditer(window)] or [m.end() for m in re.finditer(r"\s", window)]
        cut = start + (cuts[-1] if cuts and cuts[-1] > 0 else LONGEST)
        found.append((start, cut))
        start = cut
    return [*found, (start, end)]


def _date(match: re.Match[str], *, chinese: bool) -> str:
    year, month, day = match[1], int(match[2]), int(match[3])
    if not 1 <= month <= 12:
        return match.group()
    return f"{year}年{month}月{day}日" if chinese else f"{_MONTHS[month - 1]} {day}, {year}"


def _money(text: str, *, chinese: bool) -> str:
    def amount(match: re.Match[str]) -> str:
        number = (match[1] or match[2]).replace(",", "")
        whole = number[:-3] if number.endswith(".00") else number
        return f"{whole}元" if chinese else f"{whole} yuan"

    return re.sub(r"(?:¥|￥|CNY|RMB)\s?([\d,]+(?:\.\d+)?)|([\d,]+(?:\.\d+)?)\s?(?:CNY|RMB)\b", amount, text)
