"""Which language a message is in: Chinese or English, also for two words, pinyin, or none at all."""

from __future__ import annotations

import re
from typing import Final, Literal

from server.nlu.text import CJK

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
# A Chinese character says about as much as half an English word.
_CHARACTERS_PER_WORD = 2.0
_INITIALS = [
    "b",
    "p",
    "m",
    "f",
    "d",
    "t",
    "n",
    "l",
    "g",
    "k",
    "h",
    "j",
    "q",
    "x",
    "zh",
    "ch",
    "sh",
    "r",
    "z",
    "c",
    "s",
    "y",
    "w",
]
_FINALS = [
    "a",
    "o",
    "e",
    "i",
    "u",
    "v",
    "ai",
    "ei",
    "ui",
    "ao",
    "ou",
    "iu",
    "ie",
    "ve",
    "er",
    "an",
    "en",
    "in",
    "un",
    "vn",
    "ang",
    "eng",
    "ing",
    "ong",
    "ia",
    "ian",
    "iang",
    "iao",
    "iong",
    "ua",
    "uai",
    "uan",
    "uang",
    "uo",
    "ue",
]
_SYLLABLES = frozenset(i + f for i in ["", *_INITIALS] for f in _FINALS)
# English words that happen to read as pinyin; alone they say nothing.
_BOTH = frozenset(
    [
        "a",
        "an",
        "can",
        "bin",
        "ban",
        "men",
        "fan",
        "pan",
        "pin",
        "pen",
        "hang",
        "long",
        "song",
        "sang",
        "tan",
        "ten",
        "den",
        "he",
        "she",
        "me",
        "bang",
        "gang",
        "rang",
        "sun",
        "run",
        "man",
        "wan",
    ]
)


def detect(text: str, locale: str | None = None) -> Language:
    """The language of a message. `locale` (such as "zh-CN") decides only where the text itself says nothing."""
    characters = len(CJK.findall(text))
    words = [w.lower() for w in _WORD.findall(text)]
    fallback: Language = "en" if (locale or "zh").lower().startswith("en") else "zh"
    if not characters and not words:
        return fallback
    if not characters:
        return "zh" if _is_pinyin(words) else "en"
    return "zh" if characters / _CHARACTERS_PER_WORD >= len(words) or characters >= len(words) else "en"


def _is_pinyin(words: list[str]) -> bool:
    """At least two words, each one or more pinyin syllables, and not all of them English words too."""
    return len(words) >= 2 and all(_syllables(w) for w in words) and sum(w in _BOTH for w in words) < len(words) / 2


def _syllables(word: str) -> bool:
    reach = {0}
    for end in range(1, len(word) + 1):
        if any(word[start:end] in _SYLLABLES for start in reach if end - start <= 6):
            reach.add(end)
    return len(word) in reach
