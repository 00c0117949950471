"""From the lines of text that were found in a picture to the few words that a turn can use.

A photo of a router or a screenshot holds much that says nothing: the time, a battery's percentage, menus. What tells of
a fault (an error code, "no service", a label of a light) comes first; where nothing does, a short text is taken whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

LONGEST: Final = 160
"""Characters of what a turn is told."""
SHORT: Final = 80
"""Characters up to which a picture's whole text is taken where none of it speaks of a fault."""
MAX_LINES: Final = 200
MAX_LINE: Final = 300

_NOISE = re.compile(r"[\d\s:%./,+-]*(?:[ap]\.?m\.?|kb/s|k/s|mb/s|[345]g|lte|volte|hd)?[\d\s:%./,+-]*", re.IGNORECASE)
_CLOCK = re.compile(r"(?<!\d)(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?!\d)|(?<!\d)\d{1,3}\s?%")
_CODE = re.compile(r"(?<![a-z0-9])(?:0x[0-9a-f]{4,}|[a-z]{1,4}-?\d{2,5})(?![a-z0-9])", re.IGNORECASE)
_TELLING = re.compile(
    r"错误|故障|报错|异常|失败|代码|无法|不能|没有|未能|无效|超时|中断|断开|拒绝|受限|欠费|停机|过期|锁定|警告|无服务|无信号|紧急呼叫|"
    r"仅限|飞行模式|SIM卡|无网络|红灯|闪烁|重试|请检查|请插入|"
    r"\b(?:err(?:or)?|errorcode|code|fail(?:ed|ure)?|invalid|unable|cannot|can.?t|denied|timed?\s?out|disconnect\w*|"
    r"no\s?(?:service|signal|internet|network|sim|connection|sim\s?card)|emergency|limited|locked|expired|suspended|overdue|"
    r"warning|try again|retry|not (?:found|connected|available|registered)|airplane|roaming|"
    r"los|pon|wan|wlan|power|internet|dsl|optical)\b",
    re.IGNORECASE,
)
_LABELS = re.compile(
    r"los|pon|wan|lan\d?|wlan|power|internet|tel|phone|usb|wps|pwr|sys|dsl|5g|2\.4g|光信号|电源|网络", re.IGNORECASE
)
_SPLIT = re.compile(r"[\s/|·,，、]+")
_GLUED = re.compile(r"(?i)\b(error|fault)\s*(code)\b|\b(error|code)(?=\d|[a-z]{1,4}-?\d)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a picture and P(it was read right)."""

    text: str
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"text": self.text, "confidence": round(self.confidence, 3)}


def tidy(found: Iterable[tuple[str, float]]) -> list[Line]:
    """Lines without control characters and doubles, at most `MAX_LINES` of at most `MAX_LINE` characters."""
    lines: dict[str, Line] = {}
    for text, confidence in found:
        plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_LINE]
        plain = _GLUED.sub(lambda m: f"{m[1]} {m[2]}" if m[1] else f"{m[3]} ", plain)
        plain = " ".join(plain.split())
        if plain and plain not in lines and len(lines) < MAX_LINES:
            lines[plain] = Line(plain, min(1.0, max(0.0, confidence)))
    return list(lines.values())


def telling(lines: Sequence[Line], *, least: float) -> str:
    """What a turn is told of a picture, at most `LONGEST` characters; "" where nothing can be used.

    `least`: lines read with less confidence are left out.
    """
    sure = [line.text for line in lines if line.confidence >= least]
    useful = [text for text in (_without_noise(one) for one in sure) if text]
    chosen = [text for text in useful if _CODE.search(text) or _TELLING.search(text)]
    if not chosen:
        whole = "，".join(useful)
        chosen = useful if len(whole) <= SHORT else []
    return _joined(chosen)


def labels(lines: Sequence[Line], *, least: float) -> list[str]:
    """What is printed beside the lights of a device, such as LOS: that it stands there does not say that it is lit."""
    words = [word for line in lines if line.confidence >= least for word in _SPLIT.split(line.text)]
    return list(dict.fromkeys(word.upper() for word in words if _LABELS.fullmatch(word)))


def _without_noise(text: str) -> str:
    """A line without clock, percentages and bare labels; "" where nothing else is left."""
    left = " ".join(_CLOCK.sub(" ", text).split())
    bare = all(not word or _LABELS.fullmatch(word) for word in _SPLIT.split(left))
    return "" if bare or _NOISE.fullmatch(left) or len(left) < 2 else left


def _joined(texts: Sequence[str]) -> str:
    kept: list[str] = []
    for text in texts:
        # Lines are whole or not there: half a code would be another code.
        if len("，".join([*kept, text])) <= LONGEST:
            kept.append(text)
    return "，".join(kept)
