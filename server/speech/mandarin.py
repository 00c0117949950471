"""How Chinese text sounds: numbers and letters as they are said, characters as syllables. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from server.nlu.text import CJK

DIGITS: Final = "零一二三四五六七八九"
_SPELT_FROM: Final = 5
"""Numbers of so many digits, or with a zero in front, are read digit by digit."""
_READINGS: Final = 2
"""Of a character's readings the common ones, which pypinyin's list has first."""
_PHRASE: Final = re.compile(r"[，。！？；：、,.!?;:\n…—~（）()“”\"《》]+")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_LATIN: Final = re.compile(r"[A-Za-z]")
# Letters as Mandarin speakers say them, in syllables of Mandarin.
_LETTERS: Final = {
    **{"A": "ei1", "B": "bi4", "C": "sei1", "D": "di4", "E": "yi4", "F": "ai2 fu5", "G": "ji4", "H": "ei1 chi5"},
    **{"I": "ai4", "J": "zhei4", "K": "kei4", "L": "ai2 lou5", "M": "ai2 mu5", "N": "en1", "O": "ou1", "P": "pi4"},
    **{"Q": "kiu1", "R": "a4 er5", "S": "ai2 si5", "T": "ti4", "U": "you1", "V": "wei1", "W": "da2 bu5 liu5"},
    **{"X": "ai2 ke5 si5", "Y": "wai1", "Z": "zei4"},
}
_WORDS: Final = {"wifi": "wai1 fai1", "wi-fi": "wai1 fai1", "app": "ei1 pu5"}
_LATIN_WORD: Final = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)?")
_INITIAL: Final = re.compile(r"zh|ch|sh|[bpmfdtnlgkhjqxrzcs]")
# Finals that are written short after an initial, and finals that are written with y or w where there is none.
_FULL: Final = {"iu": "iou", "ui": "uei", "un": "uen", "ue": "ve"}
_ALONE: Final = {
    **{"yi": "i", "ya": "ia", "ye": "ie", "yao": "iao", "you": "iou", "yan": "ian", "yin": "in", "yang": "iang"},
    **{"ying": "ing", "yong": "iong", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn", "yo": "iou", "wu": "u"},
    **{"wa": "ua", "wo": "uo", "wai": "uai", "wei": "uei", "wan": "uan", "wen": "uen", "wang": "uang", "weng": "ueng"},
    **{"n": "en", "ng": "en", "m": "en", "hm": "en", "hng": "en", "ê": "ei"},
}
_APICAL: Final = {**dict.fromkeys(("z", "c", "s"), "ii"), **dict.fromkeys(("zh", "ch", "sh", "r"), "iii")}


@dataclass(frozen=True, slots=True)
class Syllable:
    """A syllable: initial ("" for none), final in full (``iou``, not ``iu``), tone from 1 to 5 (5: none)."""

    initial: str
    final: str
    tone: int


def phrases(text: str) -> list[list[Syllable]]:
    """What is said between two pauses, phrase by phrase, without empty ones."""
    found = [_syllables(part) for part in _PHRASE.split(_NUMBER.sub(lambda m: number(m.group()), text))]
    return [part for part in found if part]


def number(digits: str) -> str:
    """A number in figures as it is said: 129 → 一百二十九, 3.5 → 三点五, 10099 → 幺零零九九."""
    whole, _, fraction = digits.partition(".")
    if len(whole) >= _SPELT_FROM or (len(whole) > 1 and whole.startswith("0")):
        said = "".join("幺" if d == "1" else DIGITS[int(d)] for d in whole)
    else:
        said = _below_ten_thousand(int(whole))
    return said + ("点" + "".join(DIGITS[int(d)] for d in fraction) if fraction else "")


def syllable(written: str) -> Syllable:
    """Pinyin with its tone's figure, as in ``zhong1``; ``v`` is ü."""
    plain, tone = (written[:-1], int(written[-1])) if written[-1:].isdigit() else (written, 5)
    if plain in _ALONE:
        return Syllable("", _ALONE[plain], tone)
    match = _INITIAL.match(plain)
    initial = match.group() if match is not None and match.group() != plain else ""
    final = plain[len(initial) :]
    if initial in _APICAL and final == "i":
        final = _APICAL[initial]
    elif initial in {"j", "q", "x"} and final.startswith("u"):
        final = "v" + final[1:]
    elif initial:
        final = _FULL.get(final, final)
    return Syllable(initial, final, tone)


@cache
def sounds(char: str) -> tuple[tuple[str, str], ...]:
    """How a character is commonly said, without its tone: initial and final. Nothing for what is not Chinese."""
    from pypinyin.contrib.tone_convert import to_tone3  # noqa: PLC0415 (loaded where Chinese is heard)
    from pypinyin.pinyin_dict import pinyin_dict  # noqa: PLC0415

    written = pinyin_dict.get(ord(char), "").split(",")[:_READINGS]
    read = (syllable(to_tone3(one, v_to_u=False)) for one in written if one)
    return tuple(dict.fromkeys((one.initial, one.final) for one in read))


def _below_ten_thousand(value: int) -> str:
    if value < 10:
        return DIGITS[value]
    said, skipped = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, unit)
        if digit:
            ten = unit == 10 and digit == 1 and not said
            said += ("零" if skipped else "") + ("" if ten else DIGITS[digit]) + name
            skipped = False
        else:
            skipped = bool(said)
    return said


def _syllables(phrase: str) -> list[Syllable]:
    """A phrase's syllables; the characters of a run are looked up together, for many have two readings."""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415 (its dictionary of phrases takes a moment to load)

    found: list[Syllable] = []
    for piece in re.finditer(rf"{CJK.pattern}+|{_LATIN_WORD.pattern}", phrase):
        if _LATIN.match(piece.group()):
            said = _WORDS.get(piece.group().lower())
            letters = said or " ".join(_LETTERS[c] for c in piece.group().upper() if c in _LETTERS)
            found += map(syllable, letters.split())
        else:
            read = lazy_pinyin(
                piece.group(), style=Style.TONE3, errors="ignore", neutral_tone_with_five=True, v_to_u=False
            )
            found += map(syllable, read)
    return found
