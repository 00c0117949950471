"""Two models on the same held-out messages: figures side by side, and how sure the difference is. Pure.

Every message is read by both, so differences are paired: McNemar's exact test for accuracy, the bootstrap over messages
for ratios of sums, and for a single intent the interval of Agresti and Min (2005, Statistics in Medicine 24:729).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from server.nlu.calibrate import expected_calibration_error
from server.nlu.data import OUT_OF_SCOPE, Example
from server.nlu.engine import Parse
from server.nlu.evaluate import acts, measure

Json = dict[str, Any]
_RESAMPLES: Final = 1000
_RESAMPLES_OF_BINS: Final = 300
"""Fewer, because each sorts the messages into bins anew."""
_BINS: Final = 10
_POINTS: Final = 20
_PAIRS: Final = 15
_Z: Final = 1.959963984540054


def compare(examples: Sequence[Example], base: Sequence[Parse], candidate: Sequence[Parse], *, seed: int = 0) -> Json:
    """Everything that the console shows of two models, as plain data; `base` is the one in service.

    ``differences`` are candidate minus base with a 95 % interval; ``p`` is one-sided: how often chance alone would make
    the candidate look at least as bad as it does.
    """
    inside = np.array([e.intent != OUT_OF_SCOPE for e in examples], bool)
    rng = np.random.default_rng(seed)
    sides = [_Side(examples, parses) for parses in (base, candidate)]
    truth = np.array([e.intent for e in examples])
    return {
        "examples": len(examples),
        "in_scope": int(inside.sum()),
        "base": _figures(examples, base, inside),
        "candidate": _figures(examples, candidate, inside),
        "differences": {
            "intent_accuracy": {
                **_interval(sides, "right", inside, rng),
                "p": _worse(sides[0].right[inside], sides[1].right[inside]),
            },
            "entity_f1": _entity_interval(sides, rng),
            "coverage_at_risk_bound": _interval(sides, "acts", inside, rng),
            "error_at_risk_bound": _error_interval(sides, rng),
            "ece": _calibration_interval(sides, inside, rng),
        },
        "intents": [
            _intent(name, sides[0].right[truth == name], sides[1].right[truth == name])
            for name in sorted(set(truth[inside].tolist()))
        ],
    }


class _Side:
    """What one model made of every message, as arrays over the messages."""

    def __init__(self, examples: Sequence[Example], parses: Sequence[Parse]) -> None:
        self.right = np.array([p.intent.name == e.intent for e, p in zip(examples, parses, strict=True)], bool)
        self.confidence = np.array([p.intent.confidence for p in parses], float)
        self.acts = np.array([acts(p) for p in parses], bool)
        counts = []
        for example, parse in zip(examples, parses, strict=True):
            wanted = {(s.start, s.end, s.entity) for s in example.entities}
            found = {(e.start, e.end, e.entity) for e in parse.entities}
            counts.append((len(wanted & found), len(wanted) + len(found)))
        self.entities = np.array(counts, float).reshape(len(counts), 2)


def _figures(examples: Sequence[Example], parses: Sequence[Parse], inside: NDArray[np.bool_]) -> Json:
    confidence = np.array([p.intent.confidence for p in parses])[inside]
    right = np.array([p.intent.name == e.intent for e, p in zip(examples, parses, strict=True)], bool)[inside]
    parts = [part for part in np.array_split(np.argsort(confidence, kind="stable"), _BINS) if len(part)]
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~right[order])
    ends = sorted({max(1, round(len(order) * (i + 1) / _POINTS)) for i in range(_POINTS)}) if len(order) else []
    pairs = Counter(
        (e.intent, p.intent.name)
        for e, p in zip(examples, parses, strict=True)
        if e.intent not in {OUT_OF_SCOPE, p.intent.name}
    )
    return {
        "metrics": measure(examples, parses),
        "reliability": [[_r(confidence[part].mean()), _r(right[part].mean())] for part in parts],
        "risk": [[_r(end / len(order)), _r(wrong[end - 1] / end)] for end in ends],
        "confusions": [
            {"intent": one, "taken_for": other, "count": count}
            for (one, other), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:_PAIRS]
        ],
    }


def _interval(sides: Sequence[_Side], name: str, rows: NDArray[np.bool_], rng: np.random.Generator) -> Json:
    """The difference of two shares over the same messages."""
    change = getattr(sides[1], name)[rows].astype(float) - getattr(sides[0], name)[rows]
    if not len(change):
        return {"difference": None, "low": None, "high": None}
    means = change[rng.integers(0, len(change), (_RESAMPLES, len(change)))].mean(axis=1)
    return _with_ends(float(change.mean()), means)


def _entity_interval(sides: Sequence[_Side], rng: np.random.Generator) -> Json:
    def f1(counts: NDArray[Any]) -> NDArray[Any]:
        sums = counts.sum(axis=-2)
        return np.asarray(np.where(sums[..., 1] > 0, 2 * sums[..., 0] / np.maximum(sums[..., 1], 1), 1.0))

    rows = len(sides[0].entities)
    if not rows or not any(side.entities[:, 1].any() for side in sides):
        return {"difference": None, "low": None, "high": None}
    drawn = rng.integers(0, rows, (_RESAMPLES, rows))
    change = f1(sides[1].entities[drawn]) - f1(sides[0].entities[drawn])
    return _with_ends(float(f1(sides[1].entities) - f1(sides[0].entities)), change)


def _error_interval(sides: Sequence[_Side], rng: np.random.Generator) -> Json:
    def error(side: _Side, drawn: NDArray[Any]) -> NDArray[Any]:
        acted, wrong = side.acts[drawn], (side.acts & ~side.right)[drawn]
        return np.asarray(wrong.sum(axis=-1) / np.maximum(acted.sum(axis=-1), 1))

    rows = len(sides[0].right)
    if not rows:
        return {"difference": None, "low": None, "high": None}
    drawn = rng.integers(0, rows, (_RESAMPLES, rows))
    everything = np.arange(rows)
    whole = float(error(sides[1], everything) - error(sides[0], everything))
    return _with_ends(whole, error(sides[1], drawn) - error(sides[0], drawn))


def _calibration_interval(sides: Sequence[_Side], rows: NDArray[np.bool_], rng: np.random.Generator) -> Json:
    count = int(rows.sum())
    if not count:
        return {"difference": None, "low": None, "high": None}
    values = [(side.confidence[rows], side.right[rows].astype(float)) for side in sides]

    def change(drawn: NDArray[Any]) -> float:
        base, candidate = (expected_calibration_error(c[drawn], r[drawn]) for c, r in values)
        return float(candidate - base)

    resampled = [change(rng.integers(0, count, count)) for _ in range(_RESAMPLES_OF_BINS)]
    return _with_ends(change(np.arange(count)), np.array(resampled))


def _with_ends(difference: float, resampled: NDArray[Any]) -> Json:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return {"difference": _r(difference), "low": _r(low), "high": _r(high)}


def _worse(base: NDArray[np.bool_], candidate: NDArray[np.bool_]) -> float:
    """McNemar's exact test, one-sided: P(at least so many lost among those that changed), if change went both ways."""
    lost, won = int((base & ~candidate).sum()), int((~base & candidate).sum())
    return float(binom.sf(lost - 1, lost + won, 0.5)) if lost + won else 1.0


def _intent(name: str, base: NDArray[np.bool_], candidate: NDArray[np.bool_]) -> Json:
    lost, won = int((base & ~candidate).sum()), int((~base & candidate).sum())
    n = len(base)
    b, c, size = lost + 0.5, won + 0.5, n + 2
    middle = (c - b) / size
    spread = _Z * float(np.sqrt(max(0.0, (b + c) - (c - b) ** 2 / size))) / size
    return {
        "intent": name,
        "examples": n,
        "base": int(base.sum()),
        "candidate": int(candidate.sum()),
        "difference": _r((won - lost) / n),
        "low": _r(max(-1.0, middle - spread)),
        "high": _r(min(1.0, middle + spread)),
        "p": _worse(base, candidate),
    }


def _r(value: Any) -> float:
    return round(float(value), 4)
