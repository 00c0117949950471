"""Encoders whose upper layers know the operator's intents: one for each language, trained, stored, and run on ONNX.

The lower layers are shared with the frozen views, whose pass yields the states that the tuned layers begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from server.nlu import graphs, tuning, weights
from server.nlu.encoders import BATCH_TOKENS, Array, by_length, session
from server.nlu.language import LANGUAGES, Language
from server.nlu.regression import softmax_regression
from server.nlu.resume import Work
from server.nlu.weights import Checkpoint

LEAST: Final = 1_000
"""Messages of a language from which on tuning pays; with fewer the frozen encoders are as good."""
_READINGS: Final = 45_000  # messages read in all epochs together: what two cores do in a few minutes
_EPOCHS: Final = (1, 4)  # at least and at most
_FINISH: Final = 0.5  # rate of the last epoch, which sees the held-out messages too, against the first ones
_WEIGHTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True)
class Base:
    """An encoder to tune for a language: where its weights are, and the first layer that is tuned."""

    name: str
    first: int
    checkpoint: Callable[[], Checkpoint]


BASES: Final[Mapping[Language, Base]] = {
    "zh": Base("e5", weights.E5_MIDDLE, weights.e5_checkpoint),
    "en": Base("minilm", weights.MINILM_MIDDLE, weights.minilm_checkpoint),
}


def new(language: Language, classes: int) -> tuning.Classifier:
    """The upper layers as they are, with a head that knows nothing."""
    base = BASES[language]
    found = base.checkpoint()
    return tuning.Classifier(
        found.weights, range(base.first, found.layers), heads=found.heads, epsilon=found.epsilon, classes=classes
    )


def train(
    model: tuning.Classifier,
    middles: Sequence[NDArray[Any]],
    targets: NDArray[np.int64],
    *,
    seed: int,
    progress: Callable[[float], None],
) -> None:
    """Fit the head on the layers as they are, then both together (LP-FT)."""
    pooled = in_batches(model.pooled, middles, model.width)
    model.mean[:], model.scale[:] = pooled.mean(axis=0), pooled.std(axis=0) + 1e-6
    unit = (pooled - model.mean) / model.scale
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-9)
    weight, bias = softmax_regression(unit, targets, model.classes)
    model.p["head.w"][:], model.p["head.b"][:] = weight / np.float32(tuning.HEAD_SCALE), bias
    few, many = _EPOCHS
    epochs = max(few, min(many, round(_READINGS / len(middles))))
    tuning.fit(model, middles, _hot(targets, model.classes), epochs=epochs, seed=seed, progress=progress)


def finish(
    model: tuning.Classifier,
    middles: Sequence[NDArray[Any]],
    targets: NDArray[np.int64],
    *,
    seed: int,
    progress: Callable[[float], None],
) -> None:
    """One more epoch over everything, the messages held out so far among them."""
    tuning.fit(model, middles, _hot(targets, model.classes), epochs=1, seed=seed, rate=_FINISH, progress=progress)


def _hot(targets: NDArray[np.int64], classes: int) -> Array:
    return np.eye(classes, dtype=np.float32)[targets]


def in_batches(
    function: Callable[[tuning.Batch], Array], middles: Sequence[NDArray[Any]], width: int, size: int = 128
) -> Array:
    """The function's rows for every text, (texts, width)."""
    out = np.zeros((len(middles), width), np.float32)
    order = sorted(range(len(middles)), key=lambda i: len(middles[i]))
    for i in range(0, len(order), size):
        chosen = order[i : i + size]
        out[chosen] = function(tuning.Batch.of([middles[k] for k in chosen]))
    return out


@dataclass(frozen=True)
class Draft:
    """Tuned layers, and how they read the messages that were held out while they learnt."""

    model: tuning.Classifier
    rows: NDArray[np.int64]
    logits: NDArray[Any]  # (rows, classes)


def spoken(languages: NDArray[Any]) -> list[Language]:
    """The languages with enough messages to tune an encoder for."""
    return [language for language in LANGUAGES if (languages == language).sum() >= LEAST]


def tune(
    middles: list[NDArray[Any]],
    languages: NDArray[Any],
    targets: NDArray[np.int64],
    *,
    classes: int,
    held_out: NDArray[np.bool_],
    work: Work,
    seed: int,
    progress: Callable[[float], None],
) -> dict[Language, Draft]:
    """Tune an encoder for each language that has enough messages, the languages side by side.

    `middles[i]` are the states that the tuned layers of message i's language begin with; `targets` are class numbers
    below `classes`; the messages `held_out` are read before they are learnt from.
    """
    chosen = spoken(languages)
    done = dict.fromkeys(chosen, 0.0)

    def one(language: Language) -> Draft:
        def tell(start: float, share: float) -> Callable[[float], None]:
            def told(fraction: float) -> None:
                done[language] = start + share * fraction
                progress(sum(done.values()) / len(done))

            return told

        own = np.flatnonzero(languages == language)
        held, rest = own[held_out[own]], own[~held_out[own]]
        model = new(language, classes)

        def learnt() -> dict[str, NDArray[Any]]:
            train(model, [middles[i] for i in rest], targets[rest], seed=seed, progress=tell(0.0, 0.75))
            read = in_batches(model.logits, [middles[i] for i in held], classes)
            logits = read - read.mean(axis=1, keepdims=True)
            finish(model, [middles[i] for i in own], targets[own], seed=seed, progress=tell(0.75, 0.25))
            return {"values": model.values, "mean": model.mean, "scale": model.scale, "logits": logits}

        kept = work.step(f"tuned-{language}", learnt)
        model.values[:], model.mean[:], model.scale[:] = kept["values"], kept["mean"], kept["scale"]
        return Draft(model, held, kept["logits"])

    with ThreadPoolExecutor(max_workers=max(1, len(chosen))) as pool:
        return dict(zip(chosen, pool.map(one, chosen), strict=True))


def best_weight(frozen: Array, tuned: Array, labels: NDArray[Any]) -> float:
    """How much the tuned logits count beside the frozen ones: least log loss, each weight at its best temperature."""
    rows = np.arange(len(labels))

    def loss(weight: float) -> float:
        logits = (frozen + weight * tuned).astype(np.float64)
        found = minimize_scalar(
            lambda t: -log_softmax(logits / np.exp(t), axis=1)[rows, labels].mean(), bounds=(-4, 4), method="bounded"
        )
        return float(found.fun)

    return min(_WEIGHTS, key=loss)


def save(model: tuning.Classifier, path: Path) -> None:
    """The tuned layers with their head, 8-bit weights, as ONNX."""
    checkpoint = model.checkpoint()
    graph = graphs.classifier(
        checkpoint, layers=model.layers, heads=model.heads, epsilon=model.epsilon, head=model.head()
    )
    path.write_bytes(weights.quantised(graph))


class Tuned:
    """Tuned layers, loaded."""

    def __init__(self, path: Path) -> None:
        self._session = session(str(path))

    def logits(self, middles: Sequence[NDArray[Any]]) -> Array:
        """Centred logits (texts, classes) of texts given by their middle states."""
        found: Array | None = None
        for chosen in by_length([len(m) for m in middles], BATCH_TOKENS):
            longest = max(len(middles[i]) for i in chosen)
            states = np.zeros((len(chosen), longest, middles[chosen[0]].shape[1]), np.float32)
            mask = np.zeros((len(chosen), longest), np.int64)
            for row, i in enumerate(chosen):
                states[row, : len(middles[i])] = middles[i]
                mask[row, : len(middles[i])] = 1
            (rows,) = self._session.run(["logits"], {"middle": states, "attention_mask": mask})
            if found is None:
                found = np.zeros((len(middles), rows.shape[1]), np.float32)
            found[chosen] = rows - rows.mean(axis=1, keepdims=True)
        return np.zeros((0, 0), np.float32) if found is None else found
