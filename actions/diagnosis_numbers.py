"""Numbers in a customer's words: digits, Chinese numerals, English number words; "k" before a unit divides by 1,000."""

from __future__ import annotations

import re

_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_CHINESE = re.compile(
    r"半(?!天)|(?!一个)[零〇一二两三四五六七八九十百千]+(?=\s*个?[多几来]?\s*(?:%|兆|个|台|格|m|k|左右|的|以|$|[吧呢啊了]))|(?<=百分之)[零一二三四五六七八九十百]+"
)
_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: value for value, word in enumerate(_SMALL)} | {word: 20 + 10 * at for at, word in enumerate(_TENS)}
_ENGLISH = re.compile(
    rf"\b(?:half|(?:{'|'.join([*_VALUES, 'hundred'])})(?:[ -](?:and )?(?:{'|'.join([*_VALUES, 'hundred'])}))*)\b"
)
_PLAIN = re.compile(r"(?<![a-z0-9-])(?:\d+(?:[.,]\d+)?)(?!\d|\s?g(?![a-z])|[a-z]?[-_]?only)")
_THOUSANDTH = re.compile(r"\s*(?:k\b|kb|kbit|kbps|千比特|个?k)")


def numbers(text: str) -> list[float]:
    """The numbers of a normalised text in their order; "700 kbps" and "七百 k" are 0.7, in megabits like the others."""
    found: list[tuple[int, int, float]] = []
    found += [(m.start(), m.end(), float(m.group().replace(",", "."))) for m in _PLAIN.finditer(text)]
    found += [(m.start(), m.end(), _chinese(m.group())) for m in _CHINESE.finditer(text)]
    found += [(m.start(), m.end(), _english(m.group())) for m in _ENGLISH.finditer(text)]
    return [value / 1000 if _THOUSANDTH.match(text, end) else value for _, end, value in sorted(found)]


def _chinese(word: str) -> float:
    if word == "半":
        return 0.5
    total, digit = 0, 0
    for char in word:
        if char in _DIGITS:
            digit = _DIGITS[char]
        else:
            total += (digit or 1) * _UNITS[char]
            digit = 0
    return float(total + digit)


def _english(words: str) -> float:
    total = 0.0
    for word in re.split(r"[ -]", words):
        if word == "half":
            total += 0.5
        elif word == "hundred":
            total = (total or 1) * 100
        elif word in _VALUES:
            total += _VALUES[word]
    return total
