"""A view of the wording itself: runs of characters, weighted TF-IDF, one linear support vector machine per intent.

Sentence encoders place "turn roaming on" beside "turn roaming off" and read every sentence as a whole; this view counts
what is written, knows nothing of meaning, and errs elsewhere. Runs of up to four characters serve Chinese and English
alike, and a typo spoils only a few of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from server.nlu.encoders import Array

Grams = NDArray[np.uint32]
"""The runs of a text, each as the CRC-32 of its characters, in order and with repetitions."""

_LONGEST: Final = 4  # characters of a run; five gain nothing
_LEAST_SEEN: Final = 2  # texts; a run seen once says which example it was, not which intent
_PENALTY: Final = 2.0  # inverse of the L2 penalty
_TOLERANCE: Final = 1e-2
SCALE: Final = 5.0
"""How much a margin of the machines weighs beside the logits of an encoder's regression."""


def grams(text: str) -> Grams:
    """The runs of a normalised text; case does not count."""
    low = text.lower()
    runs = (low[i : i + n] for n in range(1, _LONGEST + 1) for i in range(len(low) - n + 1))
    return np.fromiter((zlib.crc32(run.encode("utf-8", "replace")) for run in runs), np.uint32)


@dataclass(frozen=True)
class Lexical:
    """Trained on one company's examples. `rarity` and the rows of `weights` belong to the runs of `known`."""

    known: Grams  # ascending
    rarity: Array  # inverse document frequency
    weights: Array  # (runs, classes)
    bias: Array  # (classes,)

    @classmethod
    def fit(cls, texts: Sequence[Grams], y: NDArray[Any], classes: int) -> Lexical:
        """`y` holds the class of each text, every one of `classes` at least once."""
        # The model service reads and never trains: it starts a second sooner without this import.
        from sklearn.svm import LinearSVC  # noqa: PLC0415

        seen, counts = np.unique(np.concatenate([np.unique(t) for t in texts]), return_counts=True)
        kept = counts >= _LEAST_SEEN
        known = seen[kept]
        rarity = (np.log((1 + len(texts)) / (1 + counts[kept])) + 1).astype(np.float32)
        machine = LinearSVC(C=_PENALTY, tol=_TOLERANCE, random_state=0)
        machine.fit(_rows(texts, known, rarity), y)
        weights, bias = machine.coef_.T, machine.intercept_
        if classes == 2:  # one machine tells two classes apart
            weights, bias = np.hstack([-weights, weights]), np.concatenate([-bias, bias])
        return cls(known, rarity, weights.astype(np.float32), bias.astype(np.float32))

    def logits(self, texts: Sequence[Grams]) -> Array:
        """(texts, classes), comparable with those of the other views."""
        margins = _rows(texts, self.known, self.rarity) @ self.weights + self.bias
        centred: Array = (margins - margins.mean(axis=1, keepdims=True)) * np.float32(SCALE)
        return centred

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything needed to rebuild it."""
        return {
            "known": self.known,
            "rarity": self.rarity,
            "weights": self.weights.astype(np.float16),
            "bias": self.bias,
        }

    @classmethod
    def from_arrays(cls, saved: Mapping[str, NDArray[Any]]) -> Lexical:
        """The inverse of `arrays`."""
        return cls(saved["known"], saved["rarity"], saved["weights"].astype(np.float32), saved["bias"])


def _rows(texts: Sequence[Grams], known: Grams, rarity: Array) -> sparse.csr_array:
    """TF-IDF of each text, (texts, runs): 1 + ln of how often a run occurs, times its rarity, scaled to length 1."""
    columns: list[NDArray[np.int32]] = []
    values: list[Array] = []
    ends = [0]
    for text in texts:
        found, times = np.unique(text, return_counts=True)
        at = np.searchsorted(known, found).astype(np.int32)
        at[at == len(known)] = 0
        here = known[at] == found if len(known) else np.zeros(len(found), bool)
        column = at[here]
        value = (1 + np.log(times[here])).astype(np.float32) * rarity[column]
        length = np.linalg.norm(value)
        columns.append(column)
        values.append(value / length if length else value)
        ends.append(ends[-1] + len(column))
    data = np.concatenate([*values, np.zeros(0, np.float32)])
    column_of = np.concatenate([*columns, np.zeros(0, np.int32)])
    return sparse.csr_array((data, column_of, np.array(ends, np.int32)), (len(texts), len(known)))
