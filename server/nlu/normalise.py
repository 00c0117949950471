"""What an entity's words mean: numbers, dates, amounts and known values, in Chinese and English. The clock is passed
in.

Every normaliser takes the normalised text of the span and returns the value, or None where the words do not say one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from server.nlu.data import DataError, EntityKind
from server.nlu.text import align

_DIGITS: Final = {c: str(i % 10) for i, c in enumerate("零一二三四五六七八九〇壹贰叁肆伍陆柒捌玖")} | {
    "幺": "1",
    "两": "2",
    "俩": "2",
    "洞": "0",
    "拐": "7",
}
_UNITS: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_CHINESE_NUMBER: Final = "".join(_DIGITS) + "".join(_UNITS) + "万亿半点廿"
_WORDS: Final = {
    w: i
    for i, w in enumerate(
        [
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
    )
} | {w: 10 * i for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)}
_NUMBER: Final = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"


def chinese_number(text: str) -> Decimal | None:
    """三十九 → 39, 一百二 → 120, 两千零五 → 2005, 一三八 → 138, 二点五 → 2.5."""
    if not text or any(c not in _CHINESE_NUMBER for c in text):
        return None
    if "点" in text:
        whole, _, part = text.partition("点")
        digits = "".join(_DIGITS.get(c, "") for c in part)
        head = chinese_number(whole) if whole else Decimal(0)
        return None if head is None or not digits or len(digits) != len(part) else head + Decimal(f"0.{digits}")
    if all(c in _DIGITS for c in text):
        return Decimal("".join(_DIGITS[c] for c in text))
    total = section = digit = 0
    last_unit = 1
    half = Decimal(0)
    for char in text:
        if char in _DIGITS:
            digit = int(_DIGITS[char])
            if digit == 0:
                last_unit = 10  # 两千零五: what follows a zero counts ones
        elif char == "廿":
            section += 20
        elif char == "半":
            half = Decimal(last_unit) / 2
        elif char in _UNITS:
            section += (digit or 1) * _UNITS[char]
            last_unit, digit = _UNITS[char], 0
        else:
            size = 10_000 if char == "万" else 100_000_000
            total = (total + section + digit) * size if char == "亿" else total + (section + digit) * size
            section, digit, last_unit = 0, 0, size
    if digit and last_unit >= 100:  # 一百二 is 120
        digit *= last_unit // 10
    return Decimal(total + section + digit) + half


def english_number(text: str) -> Decimal | None:
    """twenty-five → 25, a hundred and twenty → 120, "two thousand" → 2000."""
    total = current = 0
    seen = False
    for word in re.split(r"[\s-]+", text.lower().strip()):
        if word in _WORDS:
            current, seen = current + _WORDS[word], True
        elif word == "hundred":
            current, seen = (current or 1) * 100, True
        elif word == "thousand":
            total, current, seen = total + (current or 1) * 1000, 0, True
        elif word not in {"and", "a", "an"}:
            return None
    return Decimal(total + current) if seen else None


def number(text: str) -> Decimal | None:
    """The first number in a text, in digits or words of either language."""
    match = re.search(_NUMBER, text)
    if match:
        value = Decimal(match.group().replace(",", ""))
        scale = re.match(r"\s*([千万亿kK])(?![A-Za-z])", text[match.end() :])
        return value * {"千": 1000, "k": 1000, "万": 10_000, "亿": 100_000_000}[scale[1].lower()] if scale else value
    match = re.search(f"[{_CHINESE_NUMBER}]+", text)
    if match:
        return chinese_number(match.group())
    words = "|".join([*_WORDS, "hundred", "thousand"])
    match = re.search(rf"\b(?:a\s+)?(?:{words})(?:[\s-]+(?:and\s+)?(?:{words}))*\b", text, re.IGNORECASE)
    return english_number(match.group()) if match else None


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def digits(text: str) -> str | None:
    """Every digit of a text, spoken Chinese and English digits included: 一三八 → 138."""
    text = re.sub(
        r"\b(" + "|".join(w for w, v in _WORDS.items() if v < 10) + r"|oh)\b",
        lambda m: str(_WORDS.get(m[1].lower(), 0)),
        text,
        flags=re.IGNORECASE,
    )
    found = "".join(_DIGITS.get(c, c) for c in text if c in _DIGITS or (c.isascii() and c.isdigit()))
    return found or None


_MOBILE: Final = re.compile(r"1[3-9]\d{9}")
_LANDLINE: Final = re.compile(r"0\d{9,11}|[48]00\d{7}")


def phone(text: str) -> str | None:
    """A Chinese mobile or landline number as digits without country code; None for anything else."""
    found = digits(text)
    if found is None:
        return None
    for prefix in ("0086", "86"):
        if found.startswith(prefix) and _MOBILE.fullmatch(found[len(prefix) :]):
            return found[len(prefix) :]
    return found if _MOBILE.fullmatch(found) or _LANDLINE.fullmatch(found) else None


def code(text: str) -> str | None:
    """A code as printed: capitals, without spaces; the x of a hexadecimal prefix stays small."""
    compact = re.sub(r"\s+", "", text).strip("。.,，:：#").upper()
    compact = re.sub(r"^0X(?=[0-9A-F])", "0x", compact)
    return compact or None


def amount(text: str) -> str | None:
    """An amount in the currency's main unit: 三块五 → 3.5, 48元 → 48, ¥1,200 → 1200."""
    match = re.search(
        rf"({_NUMBER}|[{_CHINESE_NUMBER}]+)\s*(?:块|元)\s*钱?\s*({_NUMBER}|[{_CHINESE_NUMBER}])?(?:毛|角)?$",
        text.strip(),
    )
    if match and match[2]:
        whole, part = number(match[1]), number(match[2])
        if whole is not None and part is not None and part < 10:
            return _plain(whole + part / 10)
    value = number(text)
    if value is None:
        return None
    if re.search(r"[毛角](?!.*[元块])", text):
        value /= 10
    elif re.search(r"分(?!.*[元块])|\b(?:fen|cents?)\b", text, re.IGNORECASE):
        value /= 100
    return _plain(value)


def data_volume(text: str) -> str | None:
    """A volume in gigabytes (1 GB = 1024 MB): 500M → 0.48828125, 5个G → 5."""
    value = number(text)
    if value is None:
        return Decimal(1).to_eng_string() if re.search(r"\ba gig", text, re.IGNORECASE) else None
    if re.search(r"(?<![A-Za-z])(?:m|mb|meg|megs|megabytes?|兆)(?![A-Za-z])", text, re.IGNORECASE):
        value /= 1024
    elif re.search(r"(?<![A-Za-z])(?:t|tb|terabytes?)(?![A-Za-z])", text, re.IGNORECASE):
        value *= 1024
    return _plain(value)


_WEEKDAYS: Final = {c: i for i, c in enumerate("一二三四五六日")} | {"天": 6}
_DAY_WORDS: Final = {
    **dict.fromkeys(["大前天"], -3),
    **dict.fromkeys(["前天", "day before yesterday"], -2),
    **dict.fromkeys(["昨天", "昨日", "昨晚", "yesterday", "last night"], -1),
    **dict.fromkeys(["今天", "今日", "今早", "今晚", "现在", "today", "tonight", "right now"], 0),
    **dict.fromkeys(["this morning", "this afternoon", "this evening"], 0),
    **dict.fromkeys(["明天", "明日", "明早", "明晚", "tomorrow"], 1),
    **dict.fromkeys(["后天", "day after tomorrow"], 2),
    **dict.fromkeys(["大后天"], 3),
}
_MONTHS: Final = {
    m: i for i, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_EN_DAYS: Final = {d: i for i, d in enumerate(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])}
_CN: Final = f"(\\d{{1,4}}|[{_CHINESE_NUMBER}]+)"


def date(text: str, now: dt.datetime) -> str | None:
    """A day as YYYY-MM-DD, or a month as YYYY-MM, relative to `now`. A day without a year is the nearest one."""
    low = text.lower().strip()
    today = now.date()
    if match := re.search(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})", low):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if match := re.search(r"(\d{4})\s*[-/年]\s*(\d{1,2})(?:\s*月)?(?!\d)", low):
        return f"{match[1]}-{int(match[2]):02d}" if 1 <= int(match[2]) <= 12 else None
    for word in sorted(_DAY_WORDS, key=len, reverse=True):
        if word in low:
            return (today + dt.timedelta(days=_DAY_WORDS[word])).isoformat()
    match = re.search(f"(上|下|这|本|去)?个?{_CN}?月份?(?:的)?(?:{_CN}[号日]?)?", low)
    if match and (match[2] or match[1] in {"上", "下", "这", "本"}):
        return _chinese_month(match, today)
    if match := re.search(f"(?:这个?月|本月)?{_CN}[号日]", low):
        value = number(match[1])
        return None if value is None else _nearest(today, today.month, int(value), month_fixed=False)
    if match := re.search(r"(上上|上|下下|下|这|本)?个?(?:周|星期|礼拜)([一二三四五六日天末])", low):
        shift = {"上上": -14, "上": -7, "下": 7, "下下": 14}.get(match[1] or "", 0)
        weekday = _WEEKDAYS.get(match[2], 5)
        day = today + dt.timedelta(days=weekday - today.weekday() + shift)
        return (day + dt.timedelta(days=7) if not match[1] and day < today else day).isoformat()
    if match := re.search(f"{_CN}\\s*个?(天|周|星期|礼拜|月)(?:之)?(前|后)", low):
        return _shifted(today, number(match[1]), {"天": "day", "月": "month"}.get(match[2], "week"), match[3] == "前")
    if match := re.search(r"(?:in\s+)?(\d+|[a-z]+)\s+(day|week|month)s?(\s+ago)?", low):
        count = Decimal(1) if match[1] in {"a", "an"} else number(match[1])
        if count is not None:
            return _shifted(today, count, match[2], bool(match[3]))
    return _english_date(low, today)


def _chinese_month(match: re.Match[str], today: dt.date) -> str | None:
    if match[2]:
        month = number(match[2])
        if month is None or not 1 <= month <= 12:
            return None
        year, month_number = today.year, int(month)
        if not match[3]:
            # A month alone is most often the latest one: people ask about bills.
            return f"{year - 1 if month_number > today.month + 1 else year}-{month_number:02d}"
    else:
        offset = {"上": -1, "下": 1}.get(match[1], 0)
        total = today.year * 12 + today.month - 1 + offset
        year, month_number = total // 12, total % 12 + 1
        if not match[3]:
            return f"{year}-{month_number:02d}"
        day = number(match[3])
        return None if day is None else _day(year, month_number, int(day))
    day = number(match[3])
    return None if day is None else _nearest(today, month_number, int(day), month_fixed=True)


def _english_date(low: str, today: dt.date) -> str | None:
    names = "|".join(_MONTHS)
    match = re.search(
        rf"\b(?P<m>{names})[a-z]*\.?\s+(?:the\s+)?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<y>\d{{4}}))?", low
    )
    match = match or re.search(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m>{names})[a-z]*\.?(?:,?\s+(?P<y>\d{{4}}))?", low
    )
    if match:
        month, day = _MONTHS[match["m"]], int(match["d"])
        return _day(int(match["y"]), month, day) if match["y"] else _nearest(today, month, day, month_fixed=True)
    if match := re.search(r"\b(last|next|this)\s+month\b", low):
        total = today.year * 12 + today.month - 1 + {"last": -1, "next": 1}.get(match[1], 0)
        return f"{total // 12}-{total % 12 + 1:02d}"
    if match := re.search(rf"\b(?:(last|next|this)\s+)?({'|'.join(_EN_DAYS)})[a-z]*\b", low):
        ahead = (_EN_DAYS[match[2]] - today.weekday()) % 7
        if match[1] == "last":
            ahead -= 7
        elif match[1] == "next":
            ahead += 7 - today.weekday() if ahead == 0 else 0
            week_start = today + dt.timedelta(days=7 - today.weekday())
            return (week_start + dt.timedelta(days=_EN_DAYS[match[2]])).isoformat()
        return (today + dt.timedelta(days=ahead)).isoformat()
    if match := re.search(rf"\b({names})(?:[a-z]*)\b(?:\s+(\d{{4}}))?", low):
        month = _MONTHS[match[1]]
        year = int(match[2]) if match[2] else today.year - (1 if month > today.month + 1 else 0)
        return f"{year}-{month:02d}"
    if match := re.search(r"\b(?:the\s+)?(\d{1,2})(?:st|nd|rd|th)\b", low):
        return _nearest(today, today.month, int(match[1]), month_fixed=False)
    if match := re.search(r"\b(\d{1,2})[/.-](\d{1,2})\b", low):
        return _nearest(today, int(match[1]), int(match[2]), month_fixed=True)
    if "weekend" in low or "周末" in low:
        return (today + dt.timedelta(days=(5 - today.weekday()) % 7)).isoformat()
    return None


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        return None


def _nearest(today: dt.date, month: int, day: int, *, month_fixed: bool) -> str | None:
    """The date with this day (and month) that lies nearest to today."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    candidates: list[dt.date] = []
    for offset in (-12, 0, 12) if month_fixed else (-1, 0, 1):
        total = today.year * 12 + month - 1 + offset
        found = _day(total // 12, total % 12 + 1, day)
        if found:
            candidates.append(dt.date.fromisoformat(found))
    return min(candidates, key=lambda d: (abs((d - today).days), d)).isoformat() if candidates else None


def _shifted(today: dt.date, count: Decimal | None, unit: str, back: bool) -> str | None:
    if count is None or count > 1200:
        return None
    sign = -1 if back else 1
    if unit == "month":
        total = today.year * 12 + today.month - 1 + sign * int(count)
        year, month = total // 12, total % 12 + 1
        last = (dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)).day
        return dt.date(year, month, min(today.day, last)).isoformat()
    return (today + dt.timedelta(days=sign * int(count * (7 if unit == "week" else 1)))).isoformat()


def key(text: str) -> str:
    """The form under which known values are looked up.

    Normalised, small letters, no spaces or punctuation between words.
    """
    return re.sub(r"[\s\-_'’·.]+", "", align(text).text.lower())


class Normaliser:
    """Values for every entity kind of a company."""

    def __init__(self, kinds: Mapping[str, EntityKind], synonyms: Mapping[str, str] | None = None) -> None:
        """`synonyms`: surface → value, from the training examples.

        Raises `DataError` for a normaliser that does not exist.
        """
        self._kinds = dict(kinds)
        for kind in kinds.values():
            if kind.normalise not in NORMALISERS and kind.normalise not in {"date", "lookup"}:
                known = ", ".join(sorted([*NORMALISERS, "date", "lookup"]))
                raise DataError(f'entity "{kind.name}": unknown normaliser "{kind.normalise}"; known: {known}')
        self._synonyms = {key(s): v for s, v in (synonyms or {}).items()}
        self._values = {name: _surfaces(kind) for name, kind in kinds.items() if kind.values}

    def value(self, entity: str, raw: str, now: dt.datetime) -> str:
        """The value of a span; the words themselves where they say none."""
        text = align(raw).text.strip()
        kind = self._kinds.get(entity)
        if kind is None:
            return self._synonyms.get(key(raw), raw)
        if kind.normalise == "lookup":
            return self._lookup(entity, raw)
        if kind.normalise == "date":
            return date(text, now) or raw
        return NORMALISERS[kind.normalise](text) or raw

    def _lookup(self, entity: str, raw: str) -> str:
        known = self._values.get(entity, {})
        wanted = key(raw)
        if wanted in known:
            return known[wanted]
        if wanted in self._synonyms:
            return self._synonyms[wanted]
        inside = [s for s in known if len(s) >= 2 and s in wanted]
        if inside:
            return known[max(inside, key=len)]
        near = [s for s in known if len(s) >= 4 and abs(len(s) - len(wanted)) <= 1 and _one_edit(s, wanted)]
        return known[near[0]] if near else raw


def _surfaces(kind: EntityKind) -> dict[str, str]:
    return {key(s): value for value, surfaces in kind.values.items() for s in (value, *surfaces)}


def _one_edit(a: str, b: str) -> bool:
    """At most one insertion, deletion, replacement or swap of neighbours apart."""
    if len(a) > len(b):
        a, b = b, a
    i = 0
    while i < len(a) and a[i] == b[i]:
        i += 1
    if len(a) < len(b):
        return a[i:] == b[i + 1 :]
    return a[i + 1 :] == b[i + 1 :] or (a[i + 1 : i + 2] + a[i : i + 1] == b[i : i + 2] and a[i + 2 :] == b[i + 2 :])


def text_value(text: str) -> str | None:
    """The words as they are, without surrounding punctuation."""
    return text.strip(" ,.，。!！?？") or None


NORMALISERS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "phone": phone,
    "code": code,
    "amount": amount,
    "data_volume": data_volume,
    "digits": digits,
    "text": text_value,
}

__all__ = [
    "NORMALISERS",
    "Normaliser",
    "amount",
    "chinese_number",
    "code",
    "data_volume",
    "date",
    "digits",
    "number",
    "phone",
]
