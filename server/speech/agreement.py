"""LocalAgreement-2 (Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial
Hypothesis Selection"): what two decodings of a growing recording agree on from the left will not change any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from server.nlu.text import CJK

_PIECE = re.compile(rf"{CJK.pattern}|[^\s{CJK.pattern[1:-1]}]+")


@dataclass(slots=True)
class Agreement:
    """The partial texts of one utterance. ``stable`` only ever grows."""

    text: str = ""
    stable: int = 0
    """Characters of ``text`` that will not change."""
    _last: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """A further decoding, of more audio than the one before."""
        text = text.strip()
        kept = self.text[: self.stable]
        pieces = list(_PIECE.finditer(text))
        agreed = 0
        for piece, before in zip(pieces, self._last, strict=False):
            if _same(piece.group(), before):
                agreed = piece.end()
            else:
                break
        self._last = [piece.group() for piece in pieces]
        if not text.startswith(kept):
            # The new decoding differs in what was already shown as settled: that stays, what follows it is renewed.
            rest = text[len(kept) :] if len(text) > len(kept) else ""
            text = kept + rest
            agreed = len(kept)
        self.text = text
        self.stable = max(self.stable, min(agreed, len(text)))


def _same(one: str, other: str) -> bool:
    return one.strip(".,!?;:。，！？；：").lower() == other.strip(".,!?;:。，！？；：").lower()
