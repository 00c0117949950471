"""Calibrate an engine that is not the embedded one, by that one's means, on messages it had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.nlu import calibrate
from server.nlu.calibrate import Calibration, Calibrations, Ladder, OosModel
from server.nlu.language import LANGUAGES

_LEAST: Final = 40  # messages of a language; below, both languages share numbers


@dataclass(frozen=True)
class Unseen:
    """Messages as an engine read them; row by row.

    `logits` (messages, intents + 1), the last column out of scope; `target` the right column, -1 out of scope;
    `stranger`: an intent that was hidden from the engine, which teaches what out of scope looks like and counts for
    nothing else; `nearness`: cosine of the nearest example.
    """

    logits: NDArray[Any]
    target: NDArray[Any]
    stranger: NDArray[np.bool_]
    nearness: NDArray[Any]
    languages: NDArray[Any]


def fit(unseen: Unseen, bound: float) -> tuple[Calibrations, dict[str, Any]]:
    """Everything fitted, and what was measured for each language."""
    inside = unseen.target >= 0
    visible = unseen.logits[:, :-1]
    features = OosModel.features(unseen.logits, unseen.nearness, visible.shape[1])
    fitted = Calibrations()
    oos: NDArray[Any] = np.zeros(len(inside))
    if (~inside).any() and inside.any():
        outside = features[~inside]
        fitted.oos = OosModel.fit(features[inside], outside, np.full(len(outside), 1 / len(outside)))
        oos = fitted.oos.probability(features)
    metrics: dict[str, Any] = {}
    pooled = np.ones(len(inside), bool)
    for language in LANGUAGES:
        own = unseen.languages == language
        rows = own if (own & inside).sum() >= _LEAST else pooled
        known = rows & inside
        calibration = Calibration()
        if known.any():
            calibration = Calibration.fit(visible[known], unseen.target[known], oos[known])
        ladders = [_ladder(calibration, unseen, oos, choice) for choice in (rows, pooled)]
        threshold = calibrate.found_on(ladders, bound)
        fitted.languages[language], fitted.thresholds[language] = calibration, threshold
        fitted.ladders[language] = ladders
        mine = own & inside
        if mine.any():
            p = calibration.probabilities(visible[mine], oos[mine])
            right = p.argmax(axis=1) == unseen.target[mine]
            metrics[language] = {
                "examples": int(mine.sum()),
                "intent_accuracy": round(float(right.mean()), 4),
                "ece": round(calibrate.expected_calibration_error(p.max(axis=1), right.astype(float)), 4),
                "coverage_at_risk_bound": round(threshold.coverage, 4),
                "error_at_risk_bound": round(threshold.error, 4),
                "guaranteed": threshold.guaranteed,
            }
    return fitted, metrics


def _ladder(calibration: Calibration, unseen: Unseen, oos: NDArray[Any], choice: NDArray[np.bool_]) -> Ladder:
    rows = choice & ~unseen.stranger
    visible = unseen.logits[rows, :-1]
    p = np.sort(calibration.probabilities(visible, oos[rows]), axis=1)
    right = visible.argmax(axis=1) == unseen.target[rows]
    return Ladder.of(p[:, -1], p[:, -1] - p[:, -2], right)
