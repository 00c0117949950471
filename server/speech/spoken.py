"""Numbers and codes as people say them, written as they are printed: "one three eight double zero" is 13800.

Recognisers write spoken digits now as words, now as figures in groups. Three digits in a row or more are a number that
is read off something; fewer stay words ("one of them", 一个). Letters join where digits follow them.
"""

from __future__ import annotations

import re
from typing import Final

from server.nlu.normalise import digits
from server.nlu.text import CJK

LEAST_DIGITS: Final = 3
IDENTIFIER_DIGITS: Final = 6
"""From so many digits on a number is read back: a phone or order number, a one-time code."""

_EN: Final = r"zero|oh|one|two|three|four|five|six|seven|eight|nine"
_ZH: Final = "零〇一二三四五六七八九幺洞拐两"
_TIMES_EN: Final = rf"(?:two|three|four|five|six|seven|eight|nine|[2-9])\s+(?:{_EN})e?s"
_TIMES_ZH: Final = rf"[2-9二两三四五六七八九]个[\d{_ZH}]"
"""Five zeros, 五个零."""
_DIGIT: Final = rf"(?:\b{_TIMES_EN}\b|{_TIMES_ZH}|\b(?:(?:double|triple)\s+)?(?:{_EN}|\d+)\b|\d+|[{_ZH}])"
_BETWEEN: Final = r"(?:[\s,，、.·-]|\bdash\b)*"
_DIGIT_RUN: Final = re.compile(rf"{_DIGIT}(?:{_BETWEEN}{_DIGIT})+", re.IGNORECASE)
_SCALE: Final = "十百千万亿点年月号日个块元角分兆"
_GAP: Final = r"(?:[\s.,-]|\bdash\b)"
# 幺, which people say for 1 in numbers, is written as a word of its sound.
_ONE: Final = re.compile(r"(?<=\d)[腰妖夭邀吆](?!\w*[带请])|(?<=\d)要(?=\d)")
_LETTERS: Final = re.compile(
    # Letters said one by one ("Q H", "e dash"), or printed as the beginning of a code.
    rf"(?<![A-Za-z'’])((?:[A-Za-z](?![A-Za-z])(?!['’]){_GAP}*){{1,4}}|[A-Z]{{2,4}}{_GAP}*|[Tt][Vv]{_GAP}*)((?:\d[\s-]?){{3,}})(?![A-Za-z\d])"
)
_HEX: Final = re.compile(
    rf"(?<![A-Za-z\d])(?:0|zero|oh|零)\s*[xX]\s*((?:(?:[0-9A-Fa-f]|{_EN}|[{_ZH}])[\s,]*){{4,8}})(?![A-Za-z\d])"
)
_IDENTIFIER: Final = re.compile(r"(?<![A-Za-z\d])(?:[A-Z]{1,4}-?\d{3,}|0x[0-9A-F]{4,8}|\d{6,})(?![A-Za-z\d])")


def normalise(text: str) -> str:
    """The text with spoken digits and spelt codes written as printed: "Q H four eight two one" → "QH4821"."""
    text = _ONE.sub("1", text)
    joined = _DIGIT_RUN.sub(_digits, _HEX.sub(_hexadecimal, text))
    return _LETTERS.sub(_code, joined)


def identifiers(text: str) -> tuple[str, ...]:
    """Numbers and codes of a normalised text that are worth reading back, as printed."""
    return tuple(dict.fromkeys(match.group() for match in _IDENTIFIER.finditer(text)))


def _digits(match: re.Match[str]) -> str:
    run = match.group()
    after = match.string[match.end() : match.end() + 1]
    if CJK.search(run) and after and after in _SCALE:
        return run  # 二零二五年, 一三点五: a quantity
    if re.search(r"\d\.\d|\d,\d{3}\b", run) or re.fullmatch(r"[\d\s]*\d{4}-\d{1,2}-\d{1,2}", run):
        return run  # 3.5, 1,200 and dates are written already
    spelt = re.sub(
        rf"\b(double|triple)\s+({_EN}|\d)\b",
        lambda m: " ".join([m[2]] * (2 if m[1].lower() == "double" else 3)),
        run,
        flags=re.IGNORECASE,
    )
    spelt = re.sub(rf"\b{_TIMES_EN}\b|{_TIMES_ZH}", _times, spelt, flags=re.IGNORECASE)
    found = digits(spelt) or ""
    parts = re.findall(r"\d+", run)
    if len(found) < LEAST_DIGITS or (len(parts) == 1 and parts[0] == found):
        return run
    return found + (" " if run.endswith(" ") else "")


def _times(match: re.Match[str]) -> str:
    """Five zeros as five digits."""
    count, digit = re.split(r"\s+|个", match.group())
    digit = re.sub(r"(?i)(?<=[a-z])s$|(?<=six)es$|(?<=zero)es$", "", digit)
    return " ".join([digit] * int(digits(count) or "0"))


def _code(match: re.Match[str]) -> str:
    letters = re.sub(r"\bdash\b|[^A-Za-z]", "", match[1])
    if letters.lower() in {"a", "i"} and not match[1].strip().endswith(("-", "dash")):
        return match.group()  # "I 123": a word and not a letter
    joiner = "-" if len(letters) == 1 or letters.upper() == "TV" else ""
    return letters.upper() + joiner + re.sub(r"\D", "", match[2]) + _tail(match.group())


def _hexadecimal(match: re.Match[str]) -> str:
    said = re.sub(rf"{_EN}|[{_ZH}]", lambda m: digits(m.group()) or "", match[1], flags=re.IGNORECASE)
    return "0x" + re.sub(r"[\s,]", "", said).upper() + _tail(match.group())


def _tail(text: str) -> str:
    return " " if text.endswith(" ") else ""
