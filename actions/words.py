"""Words and patterns that short answers are read with, Chinese and English; `actions.reading` uses them.

They are only asked where a question is open or the model did not understand: understanding is the model's work.
"""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


def _english(*words: str) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


def _set(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split("|"))


ZH_DIGITS = dict(zip("零〇一二三四五六七八九幺两", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2), strict=True))
EN_DIGITS = {
    "zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
EN_TIMES = {"double": 2, "triple": 3}

_ZH = "".join(ZH_DIGITS)
_EN = rf"(?:(?:{'|'.join(EN_TIMES)})\s+)?(?:{'|'.join(EN_DIGITS)})\b"
SPELLED_ZH = re.compile(rf"[{_ZH}](?:[\s-]?[{_ZH}]){{3,}}")
SPELLED_EN = re.compile(rf"\b{_EN}(?:[\s,-]+{_EN}){{3,}}", re.IGNORECASE)
"""Digits spelled one by one, at least four of them: fewer may be words of a sentence."""

DIGITS = re.compile(r"(?<![A-Za-z0-9-])\+?\d(?:[\s\-().]{0,2}\d)*(?![A-Za-z0-9])")
CODE = re.compile(r"(?<![A-Za-z0-9-])\d(?:[\s-]?\d){3,7}(?![A-Za-z0-9])")
REFERENCE = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{1,4})\s*([-‐–]?)\s*(\d(?:\s?\d){4,11})(?!\d)")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
VOLUME = re.compile(
    r"(\d+(?:\.\d+)?|[一两二半])\s*(个\s*半)?\s*(?:个\s*)?"
    r"(g|gb|gigs?|gigabytes?|gbyte|m|mb|megs?|megabytes?|兆)(?![a-z])",
    re.IGNORECASE,
)

ORDINALS = (
    _any("第一|头一|首个", _english("first", "1st", "number one", "option one")),
    _any("第二", _english("second", "2nd", "number two", "option two")),
    _any("第三", _english("third", "3rd", "number three", "option three")),
    _any("第四", _english("fourth", "4th", "number four", "option four")),
)
CHEAPEST = _any(
    "最便宜|最低价|价格最低|最省钱|最划算", _english("cheapest", "lowest price", "least expensive", "most affordable")
)
MOST_DATA = _any("流量最[多大]|最大流量", _english("(?:the )?(?:most|biggest|largest|highest) data"))
LAST = _any("最后", _english("last"))

ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
DAYS = (
    (2, _any("后天", _english("day after tomorrow"))),
    (1, _any("明[天日早晚]", _english("tomorrow", "tmr"))),
    (0, _any("今[天日晚]", _english("today", "tonight"))),
)
_WEEK = "(?:周|星期|礼拜)"
WEEKDAYS = (
    _any(f"{_WEEK}一", _english("mon", "monday")),
    _any(f"{_WEEK}二", _english("tue", "tues", "tuesday")),
    _any(f"{_WEEK}三", _english("wed", "wednesday")),
    _any(f"{_WEEK}四", _english("thu", "thurs", "thursday")),
    _any(f"{_WEEK}五", _english("fri", "friday")),
    _any(f"{_WEEK}六", _english("sat", "saturday")),
    _any(f"{_WEEK}[日天]", _english("sun", "sunday")),
)
PARTS = (
    ("morning", _any("上午|早上|早晨|明早", _english("morning", "am"))),
    ("afternoon", _any("下午|中午", _english("afternoon", "noon", "pm"))),
    ("evening", _any("晚上|傍晚|[今明]晚", _english("evening", "tonight"))),
)

RESEND = _any(
    "重新?发|再发|没有?收到|收不到|还没到",
    _english("resend", "send (?:it )?again", "(?:new|another) code"),
    _english("(?:not|never|didn.?t|haven.?t) (?:got|get|received?|arrived?)"),
)
OTHER_NUMBER = _any("号|另|那[个张条]", "number|line|phone", _english("other"))
STRONG = _any(
    "工信部|消协|12315|12300|曝光|起诉|律师|法院|骗子|诈骗|垃圾|忍无可忍|太过分|气死",
    _english("lawyer", "sue", "court", "ombudsman", "regulator", "scam(?:mers?)?", "fraud"),
    _english("disgusting", "furious", "outrageous", "ridiculous", "worst", "useless", "sick of", "fed up"),
    "[!！]{3,}",
)
"""A complaint with one of these is not the first step of a discussion any more."""

FILLER = _any(
    r"[\s,.!?;:，。！？；：、~～的吧了呢啊呀嗯那就要选个是我]",
    _english("the", "one", "please", "it", "is", "that", "i", "want", "take", "my", "a", "to", "for", "in", "at", "of"),
    _english("me", "let", "s", "ll", "d", "go", "with", "number", "code", "order"),
)
"""What may stand around an answer without making it anything else."""

YES = _set(
    "是|是的|对|对的|好|好的|好啊|好吧|行|可以|可以的|嗯|嗯嗯|继续|接着来|接着弄|确认|确定|没错|同意|办吧|要|需要",
    "yes|y|yep|yeah|yup|ok|okay|sure|confirm|confirmed|correct|right|fine|go ahead|do it|yes please|of course",
    "go on|continue|carry on",
    "that's right|sounds good|please do",
)
NO = _set(
    "不|不是|不用|不用了|不要|不要了|不行|不对|否|别|没有|不办了",
    "no|n|nope|nah|no thanks|no thank you|not now|don't|do not",
)
