"""What a message visibly holds: details of each kind, how much of it they are, its length, digits, a question, a no.

Sentence encoders blur exactly this. "QH48210937" alone is an answer to a question, the same number in a sentence is an
order somebody waits for; "turn it on" and "turn it off" lie close together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from server.nlu.data import EntityKind, Example
from server.nlu.encoders import Array
from server.nlu.entities import Gazetteer
from server.nlu.patterns import Patterns
from server.nlu.text import Aligned

# A surface seen less often says more about the sentences it was seen in than about its kind.
_LEAST_SEEN: Final = 3
_MOSTLY, _WHOLLY = 0.6, 0.85  # shares of the letters and digits that details cover
_LENGTHS: Final = (1, 2, 4, 8, 14)  # tokens, each the longest of its class; one class beyond
_DIGIT = re.compile(r"\d")
_QUESTION = re.compile(r"[?？]|[吗么呢]$")
_NEGATED = re.compile(
    r"\b(?:not|no|never|off|stop|cancel|close|disable|without)\b|n['’]t\b|[不没别关停]|取消", re.IGNORECASE
)


class Cues:
    """Indicators of one company's data; the same gazetteer and patterns always give the same columns."""

    def __init__(self, gazetteer: Gazetteer, patterns: Patterns) -> None:
        self._gazetteer = Gazetteer(
            {
                kind: {s: n for s, n in surfaces.items() if n == 0 or n >= _LEAST_SEEN}
                for kind, surfaces in gazetteer.phrases.items()
            }
        )
        self._patterns = patterns
        kinds = {*gazetteer.phrases, *patterns.forms, *patterns.phone_kinds, *patterns.quantities}
        self._column = {kind: i for i, kind in enumerate(sorted(kinds))}

    @classmethod
    def learn(
        cls, examples: Sequence[Example], kinds: Mapping[str, EntityKind], lookups: Mapping[str, Sequence[str]]
    ) -> Cues:
        """From the company's known values and the forms of its codes."""
        return cls(Gazetteer.build(examples, kinds, lookups), Patterns.learn(examples, kinds))

    def of(self, texts: Sequence[Aligned]) -> Array:
        """(texts, columns) of zeros and ones: a kind is there, a kind is most of the text, then the general ones."""
        kinds = len(self._column)
        found = np.zeros((len(texts), 2 * kinds + len(_LENGTHS) + 7), np.float32)
        for row, aligned in zip(found, texts, strict=True):
            covered = np.zeros(len(aligned.text), bool)
            tokens = aligned.tokens()
            seen: set[str] = set()
            for i, j, kind, _ in self._gazetteer.matches(tokens):
                covered[tokens[i].at : tokens[j - 1].at + len(tokens[j - 1].text)] = True
                seen.add(kind)
            for hit in self._patterns.find(aligned):
                covered[hit.start : hit.end] = True
                seen.add(hit.entity)
            visible = np.array([c.isalnum() for c in aligned.text], bool)
            share = float(covered[visible].mean()) if visible.any() else 0.0
            for kind in seen:
                row[self._column[kind]] = 1
                row[kinds + self._column[kind]] = share > _MOSTLY
            row[2 * kinds + int(np.searchsorted(_LENGTHS, len(tokens)))] = 1
            row[-6:] = (
                share > _MOSTLY,
                share > _WHOLLY,
                not visible.any(),
                _DIGIT.search(aligned.text) is not None,
                _QUESTION.search(aligned.text) is not None,
                _NEGATED.search(aligned.text) is not None,
            )
        return found
