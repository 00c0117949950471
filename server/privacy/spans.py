"""What is found: a stretch of the text and its kind."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

KINDS = ("PHONE", "ID_CARD", "BANK_CARD", "EMAIL", "ADDRESS", "NAME", "ACCOUNT", "PLATE", "PASSPORT")
"""Kinds of personal data; ``<KIND>`` stands in the masked text."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Personal data from ``start`` up to, without, ``end``, in Unicode code points of the text."""

    start: int
    end: int
    kind: str

    def overlaps(self, other: "Span") -> bool:
        """Whether the two have a character in common."""
        return self.start < other.end and other.start < self.end


_BETWEEN = re.compile(r"[\s,，、;；:：/|()（）。]{0,3}")


def is_beside(text: str, place: tuple[int, int], known: Sequence[Span]) -> bool:
    """Whether only punctuation separates ``place`` from one of the ``known`` spans."""
    start, end = place
    return any(
        (other.start >= end and _BETWEEN.fullmatch(text, end, other.start))
        or (other.end <= start and _BETWEEN.fullmatch(text, other.end, start))
        for other in known
    )
