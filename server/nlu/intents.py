"""Intents: frozen sentence encoders, each with a softmax regression on top, and the wording itself; logits summed.

Each encoder's vectors are standardised for each dimension and scaled to length 1 before the regression. A view that
does not speak a
language is left out for it. What a message visibly holds (`server.nlu.cues`) stands beside the vectors that speak every
language. Rows labelled `oos` train a hidden class: it takes probability mass, it is never predicted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.nlu import encoders, fewshot
from server.nlu.data import OUT_OF_SCOPE
from server.nlu.encoders import Array, States
from server.nlu.language import LANGUAGES, Language
from server.nlu.lexical import Grams, Lexical, grams
from server.nlu.regression import softmax_regression
from server.nlu.tuned import Tuned

VIEWS: Final[Mapping[str, tuple[Language, ...]]] = {"use": ("zh", "en"), "deep": ("zh", "en"), "minilm": ("en",)}
E5_PREFIX: Final = "query: "  # the encoder was trained with it (Wang et al. 2024, arXiv 2402.05672)
WORDING: Final = "wording"  # the view that no encoder stands behind: server.nlu.lexical
CUED: Final = ("use", "deep")  # views that the cues stand beside
CUE_SCALE: Final = 0.3  # of one cue against the length of an encoder's vector
_NEIGHBOURS: Final = 20_000  # training vectors kept for the nearest-neighbour distance


@dataclass
class Encoded:
    """A batch of texts as the views see them; a row of a view that skips the text's language is zero."""

    vectors: dict[str, Array]  # view → (texts, width); "e5" serves nearness alone, "cues" may be missing
    languages: list[Language]
    grams: list[Grams]  # the wording
    e5_states: list[States]  # without the prefix; may be missing
    middles: list[NDArray[Any]]  # states that the tuned layers of the text's language begin with; may be missing

    def rows(self, chosen: NDArray[Any]) -> Encoded:
        """The texts at these indices."""
        return Encoded(
            {name: v[chosen] for name, v in self.vectors.items()},
            [self.languages[i] for i in chosen],
            [self.grams[i] for i in chosen],
            [self.e5_states[i] for i in chosen] if self.e5_states else [],
            [self.middles[i] for i in chosen] if self.middles else [],
        )


def encode(texts: Sequence[str], languages: Sequence[Language]) -> Encoded:
    """Run the encoders over normalised texts."""
    states = encoders.e5().states([E5_PREFIX + t for t in texts])
    english = [i for i, language in enumerate(languages) if language == "en"]
    minilm = np.zeros((len(texts), 384), np.float32)
    middles = [s.middle if s.middle is not None else s.vectors for s in states]
    if english:
        read = encoders.minilm().states([texts[i] for i in english])
        minilm[english] = encoders.mean_pool(read)
        for i, s in zip(english, read, strict=True):
            middles[i] = s.middle if s.middle is not None else s.vectors
    return Encoded(
        {
            "use": encoders.use_embed(texts),
            "e5": encoders.mean_pool(states),
            "deep": encoders.deep(states),
            "minilm": minilm,
        },
        list(languages),
        [grams(text) for text in texts],
        _unprefixed(states),
        middles,
    )


def states(texts: Sequence[str]) -> list[States]:
    """What the multilingual encoder says of each piece of normalised texts."""
    return _unprefixed(encoders.e5().states([E5_PREFIX + t for t in texts]))


def _unprefixed(states: Sequence[States]) -> list[States]:
    skip = len(E5_PREFIX)
    return [States(s.vectors, [(max(a - skip, 0), max(b - skip, 0)) for a, b in s.offsets]) for s in states]


@dataclass
class _View:
    mean: Array
    scale: Array
    weights: Array  # (width, classes), or (width + cues, classes)
    bias: Array

    def logits(self, vectors: Array, cues: Array) -> Array:
        x = _prepared(vectors, self.mean, self.scale, cues)
        logits = x @ self.weights + self.bias
        centred: Array = logits - logits.mean(axis=1, keepdims=True)
        return centred


class IntentModel:
    """Trained views and the training vectors; `classes` ends with the hidden class where there are negatives."""

    def __init__(self, classes: list[str], views: dict[str, _View], wording: Lexical, neighbours: Array) -> None:
        self.classes = classes
        self.intents = [c for c in classes if c != OUT_OF_SCOPE]
        self._views = views
        self._wording = wording
        self._neighbours = neighbours
        self._tuned: dict[Language, tuple[Tuned, float]] = {}
        self.hidden = len(classes) - 1 if OUT_OF_SCOPE in classes else None  # the hidden class, always the last

    @classmethod
    def fit(cls, encoded: Encoded, labels: Sequence[str], *, seed: int = 0) -> IntentModel:
        """Train on every row; `labels[i]` is the intent of row i."""
        classes = class_names(labels)
        index = {name: i for i, name in enumerate(classes)}
        y = np.array([index[label] for label in labels])
        languages = np.array(encoded.languages)
        views: dict[str, _View] = {}
        for name, spoken in VIEWS.items():
            rows = np.flatnonzero(np.isin(languages, spoken))
            # A view must have seen most of the intents, or its silence about the others reads as a no.
            if len(set(y[rows])) < len(classes):
                continue
            x = encoded.vectors[name][rows]
            mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
            prepared = _prepared(x, mean, scale, _cues(encoded, name, rows))
            weights, bias = softmax_regression(prepared, y[rows], len(classes))
            views[name] = _View(mean, scale, weights, bias)
        in_scope = np.flatnonzero(np.array(labels) != OUT_OF_SCOPE)
        if len(in_scope) > _NEIGHBOURS:
            in_scope = np.sort(np.random.default_rng(seed).choice(in_scope, _NEIGHBOURS, replace=False))
        wording = Lexical.fit(encoded.grams, y, len(classes))
        return cls(classes, views, wording, meaning(encoded)[in_scope])

    def add(self, language: Language, tuned: Tuned, weight: float) -> None:
        """Let tuned layers speak for a language too, with this weight beside the frozen views."""
        self._tuned[language] = (tuned, weight)

    def ranked(self, encoded: Encoded, frozen: Array) -> Array:
        """The logits that intents are ranked by: those of the frozen views, and what the tuned layers say besides."""
        if not self._tuned:
            return frozen
        total = frozen.copy()
        for language, (tuned, weight) in self._tuned.items():
            rows = [i for i, spoken in enumerate(encoded.languages) if spoken == language]
            if rows:
                total[rows] += np.float32(weight) * tuned.logits([encoded.middles[i] for i in rows])
        return total

    def logits(self, encoded: Encoded, views: Sequence[str] | None = None) -> Array:
        """Summed logits (texts, classes) of the frozen views and of the wording, all or those named."""
        total = np.zeros((len(encoded.languages), len(self.classes)), np.float32)
        if views is None or WORDING in views:
            total += self._wording.logits(encoded.grams)
        for name, view in self._views.items():
            if views is not None and name not in views:
                continue
            rows = np.flatnonzero([language in VIEWS[name] for language in encoded.languages])
            if len(rows):
                total[rows] += view.logits(encoded.vectors[name][rows], _cues(encoded, name, rows))
        return total

    def nearness(self, encoded: Encoded) -> Array:
        """Cosine to the nearest training example, (texts,)."""
        vectors, known = meaning(encoded), self._neighbours
        step = 1024
        return np.concatenate([(vectors[i : i + step] @ known.T).max(axis=1) for i in range(0, len(vectors), step)])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything needed to rebuild the model, for `numpy.savez`."""
        neighbours = self._neighbours.astype(np.float16)
        saved: dict[str, NDArray[Any]] = {"classes": np.array(self.classes), "neighbours": neighbours}
        for name, view in self._views.items():
            for part in ("mean", "scale", "weights", "bias"):
                saved[f"{name}.{part}"] = getattr(view, part)
        return saved | {f"{WORDING}.{part}": array for part, array in self._wording.arrays().items()}

    @classmethod
    def from_arrays(cls, saved: Mapping[str, NDArray[Any]]) -> IntentModel:
        """The inverse of `arrays`."""
        names = [name for name in VIEWS if f"{name}.weights" in saved]
        views = {n: _View(*(saved[f"{n}.{part}"] for part in ("mean", "scale", "weights", "bias"))) for n in names}
        parts = {n.removeprefix(f"{WORDING}."): array for n, array in saved.items() if n.startswith(f"{WORDING}.")}
        wording = Lexical.from_arrays(parts)
        return cls([str(c) for c in saved["classes"]], views, wording, saved["neighbours"].astype(np.float32))


def class_names(labels: Sequence[str]) -> list[str]:
    """The intents in order; the hidden class comes last where there are negatives."""
    found = sorted(set(labels) - {OUT_OF_SCOPE})
    return [*found, OUT_OF_SCOPE] if OUT_OF_SCOPE in labels else found


def meaning(encoded: Encoded) -> Array:
    """Both multilingual encoders side by side, (texts, 896), length 1: what nearness is measured in."""
    return np.concatenate([encoded.vectors["e5"], encoded.vectors["use"]], axis=1) * np.float32(2**-0.5)


def compare(
    encoded: Encoded, logits: Array, nearest: Array, hidden: int | None, shots: Sequence[Array]
) -> fewshot.Nearness:
    """Messages against new intents, given as the `meaning` of their examples.

    `logits`, `nearest` and `hidden`: what a model's `logits` and `nearness` say of the messages, and its hidden class.
    """
    top = np.delete(logits, [] if hidden is None else hidden, axis=1).max(axis=1)
    over = np.zeros_like(top) if hidden is None else logits[:, hidden] - top
    return fewshot.nearness(meaning(encoded), shots, nearest, top, over)


def _cues(encoded: Encoded, view: str, rows: NDArray[Any]) -> Array:
    """The cues that stand beside a view, (rows, cues) or (rows, 0)."""
    if view in CUED and "cues" in encoded.vectors:
        return np.asarray(encoded.vectors["cues"][rows], dtype=np.float32)
    return np.zeros((len(rows), 0), np.float32)


def _prepared(x: Array, mean: Array, scale: Array, cues: Array) -> Array:
    z = (x - mean) / scale
    unit = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9)
    return np.asarray(np.concatenate([unit, CUE_SCALE * cues], axis=1), dtype=np.float32)


def speaks(language: Language) -> list[str]:
    """The views that read a language."""
    return [name for name, spoken in VIEWS.items() if language in spoken]


assert all(speaks(language) for language in LANGUAGES)
