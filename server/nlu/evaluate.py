"""How good a model is on a file it has not seen: every figure that `kefu eval nlu` prints."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from server.nlu import calibrate
from server.nlu.data import OUT_OF_SCOPE, Example, load
from server.nlu.engine import Parse, Understanding

_BATCH: Final = 64
_TIMED: Final = 200  # messages parsed one by one for the latency
_IN_SCOPE_COVERAGE: Final = 0.9


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, and the parses they come from."""

    metrics: dict[str, float | int | None]
    examples: list[Example]
    parses: list[Parse]


def evaluate(engine: Understanding, paths: Sequence[Path]) -> Evaluation:
    """Parse every example of the files and count. Rows with intent `oos` are out of scope."""
    examples = load(paths).examples
    parses: list[Parse] = []
    for i in range(0, len(examples), _BATCH):
        parses += engine.parse_batch([(e.text, e.language) for e in examples[i : i + _BATCH]])
    timed = []
    for example in examples[:_TIMED]:
        began = time.perf_counter()
        engine.parse(example.text, example.language)
        timed.append((time.perf_counter() - began) * 1000)
    metrics = measure(examples, parses)
    metrics |= {
        "latency_ms_p50": round(float(np.percentile(timed, 50)), 2),
        "latency_ms_p95": round(float(np.percentile(timed, 95)), 2),
    }
    return Evaluation(metrics, examples, parses)


def measure(examples: Sequence[Example], parses: Sequence[Parse]) -> dict[str, Any]:
    """Accuracy, calibration, out-of-scope and risk figures; None where the examples do not allow one."""
    truth = np.array([e.intent for e in examples])
    named = np.array([p.intent.name for p in parses])
    confidence = np.array([p.intent.confidence for p in parses])
    outside = truth == OUT_OF_SCOPE
    inside = ~outside
    right = named == truth
    handled = np.array([acts(p) for p in parses])
    metrics: dict[str, Any] = {"examples": len(examples), "in_scope": int(inside.sum())}
    if inside.any():
        metrics |= {
            "intent_accuracy": _round(right[inside].mean()),
            "intent_macro_f1": _round(macro_f1(truth[inside], named[inside])),
            "entity_f1": entity_f1(examples, parses),
            "ece": _round(calibrate.expected_calibration_error(confidence[inside], right[inside].astype(float))),
        }
    metrics |= {"oos_auroc": None, "oos_recall_at_in_scope_coverage_90": None}
    if outside.any() and inside.any():
        score = np.array([p.oos for p in parses]) - 1e-6 * confidence
        metrics["oos_auroc"] = _round(auroc(score[outside], score[inside]))
        gate = np.quantile(score[inside], _IN_SCOPE_COVERAGE)
        metrics["oos_recall_at_in_scope_coverage_90"] = _round((score[outside] > gate).mean())
    metrics["coverage_at_risk_bound"] = _round(handled[inside].mean()) if inside.any() else None
    metrics["error_at_risk_bound"] = _round((~right[handled]).mean()) if handled.any() else 0.0
    return metrics


def acts(parse: Parse) -> bool:
    """Whether the assistant acts on a parse by itself (what `FallbackClassifier` decides)."""
    second = parse.intent_ranking[1].confidence if len(parse.intent_ranking) > 1 else 0.0
    return parse.intent.confidence >= parse.threshold and parse.intent.confidence - second >= parse.ambiguity


def macro_f1(truth: Any, named: Any) -> float:
    """Mean F1 over the intents that occur in the truth or the predictions."""
    scores = []
    for intent in sorted(set(truth) | set(named)):
        hits = int(((truth == intent) & (named == intent)).sum())
        total = int((truth == intent).sum() + (named == intent).sum())
        scores.append(2 * hits / total)
    return float(np.mean(scores))


def entity_f1(examples: Sequence[Example], parses: Sequence[Parse]) -> float | None:
    """Micro F1 of exact spans and kinds; None where neither side has any."""
    hits = wanted = found = 0
    for example, parse in zip(examples, parses, strict=True):
        truth = {(s.start, s.end, s.entity) for s in example.entities}
        given = {(e.start, e.end, e.entity) for e in parse.entities}
        hits, wanted, found = hits + len(truth & given), wanted + len(truth), found + len(given)
    return _round(2 * hits / (wanted + found)) if wanted + found else None


def auroc(positive: Any, negative: Any) -> float:
    """P(a positive scores above a negative), ties counting half (Mann-Whitney)."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    upto = np.searchsorted(ordered, positive, side="right")
    return float((below + upto).mean() / (2 * len(ordered)))


def _round(value: Any) -> float:
    return round(float(value), 4)
