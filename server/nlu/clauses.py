"""Several wishes in one message: where a message may be cut, and what each part asks for on its own.

Pure: the cuts come from the text, the decision from the parses of the whole and of the parts. A part counts only where
the model is sure of it alone and the whole message already hinted at it, so that a side remark ("…although I paid
yesterday") does not become a second wish.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_PARTS: Final = 4
HINTED: Final = 0.01
"""Least probability that the whole message gives the intent of a part."""
_SHORTEST: Final = 4  # letters or characters of a part; less is no wish
_CUT = re.compile(
    r"[。！？；!?;\n]+|[.](?=\s|$)"
    r"|[，,、\s]*(?:另外|还有就是|还有|顺便|順便|再就是|以及|同时|然后再|然后|还想|还要|也想|也要|再帮我|并且|而且还)"
    r"|[,\s]+(?:and\s+(?:also|then|can|could|please|i also|i want|i need|i'd|what|how|when|where|is|are|do|does)"
    r"|also|plus|as well as|oh and|another thing|by the way|btw|then please|besides that|on top of that)(?=[\s,:])",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True)
class Part:
    """A stretch of the text, code points, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """What a text was understood as: the best intent, its probability, and that of every intent."""

    intent: str
    confidence: float
    sure: bool
    ranking: dict[str, float]


def parts(text: str) -> list[Part]:
    """Where the text may hold more than one wish; empty where it cannot.

    The connecting word stays with the part that it opens ("and can you …").
    """
    found: list[Part] = []
    begin = 0
    for match in _CUT.finditer(text):
        inner = next((k for k in range(match.start(), match.end()) if _WORD.match(text[k])), match.end())
        found.append(Part(begin, match.start()))
        begin = inner
    found.append(Part(begin, len(text)))
    long = [p for p in found if len(_WORD.findall(text[p.start : p.end])) >= _SHORTEST]
    return long if 2 <= len(long) <= MOST_PARTS else []


def wishes(whole: Reading, cut: Sequence[tuple[Part, Reading]]) -> list[tuple[Part, Reading]]:
    """The parts that ask for something of their own, in order, each intent once; fewer than two: none."""
    kept: dict[str, tuple[Part, Reading]] = {}
    for part, reading in cut:
        if reading.sure and whole.ranking.get(reading.intent, 0.0) >= HINTED:
            kept.setdefault(reading.intent, (part, reading))
    return list(kept.values()) if len(kept) >= 2 else []
