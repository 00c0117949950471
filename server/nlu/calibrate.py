"""From logits to numbers that mean what they say: confidence, out-of-scope probability, and thresholds with a
guarantee.

Everything here is fitted on out-of-fold predictions, per language.

- Confidence: softmax with a temperature (Guo et al. 2017, arXiv 1706.04599), times P(in scope), then a logistic
correction of the top
  probability (Platt 1999), which keeps the order of candidates.
- Out of scope: a logistic regression on max-logit, energy (Liu et al. 2020, arXiv 2010.03759), margin, nearness to
known examples.
- Thresholds: Learn-then-Test (Angelopoulos et al. 2021, arXiv 2110.01052) by fixed-sequence testing with Clopper-
Pearson bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, logit, logsumexp, softmax
from scipy.stats import beta

from server.nlu.fewshot import Judge

Floats = NDArray[np.floating[Any]]
OOS_PRIOR: Final = 0.1  # share of messages out of scope that the probability assumes
RISK_BOUND: Final = 0.05
RISK_CERTAINTY: Final = 0.95
# The runner-up must stay this share of the threshold behind the winner; tested side by side, hence the correction
# below.
MARGIN_SHARES: Final = (0.0, 0.25, 0.5)
_STEPS: Final = 200
_TINY: Final = 1e-6


@dataclass(frozen=True)
class Threshold:
    """When to act on a parse: confidence at least `confidence`, and ahead of the runner-up by at least `ambiguity`."""

    confidence: float
    ambiguity: float
    coverage: float  # share of the calibration messages above it
    error: float  # their observed error rate
    bound: float
    certainty: float
    messages: int
    guaranteed: bool  # False: too few examples for any guarantee, nothing passes


@dataclass
class Calibration:
    """Fitted numbers for one language."""

    temperature: float = 1.0
    slope: float = 1.0
    shift: float = 0.0

    def probabilities(self, logits: Floats, oos: Floats) -> Floats:
        """Calibrated P(intent) for each in-scope class, (texts, classes); a row sums to at most 1."""
        p = softmax(logits / self.temperature, axis=1) * (1 - oos[:, None])
        top = p.argmax(axis=1)
        rows = np.arange(len(p))
        first = p[rows, top]
        corrected = expit(self.slope * logit(np.clip(first, _TINY, 1 - _TINY)) + self.shift)
        rest = (1 - corrected) / np.maximum(1 - first, _TINY)
        scaled = np.minimum(p * np.minimum(rest, 1e6)[:, None], (1 - _TINY) * corrected[:, None])
        scaled[rows, top] = corrected
        return np.asarray(scaled)

    @classmethod
    def fit(cls, logits: Floats, labels: NDArray[Any], oos: Floats) -> Calibration:
        """`labels[i]` is the class of row i (in scope only)."""
        rows = np.arange(len(labels))
        found = minimize_scalar(
            lambda t: -log_softmax(logits / np.exp(t), axis=1)[rows, labels].mean(), bounds=(-4, 4), method="bounded"
        )
        temperature = float(np.exp(found.x))
        p = softmax(logits / temperature, axis=1) * (1 - oos[:, None])
        x = logit(np.clip(p.max(axis=1), _TINY, 1 - _TINY))
        right = (p.argmax(axis=1) == labels).astype(float)
        slope, shift = _platt(x, right)
        return cls(temperature, slope, shift)


def _platt(x: Floats, right: Floats) -> tuple[float, float]:
    """Slope (positive) and shift of P(right) = σ(slope · x + shift), held near the identity by a weak prior."""

    def loss(v: Floats) -> float:
        z = np.exp(v[0]) * x + v[1]
        return float((np.logaddexp(0, z) - right * z).sum() + 2.0 * (v[0] ** 2 + 0.1 * v[1] ** 2))

    found = minimize(loss, np.zeros(2), method="BFGS").x
    return float(np.exp(np.clip(found[0], -2, 2))), float(np.clip(found[1], -4, 4))


@dataclass
class OosModel:
    """P(out of scope) from what the logits and the neighbours say."""

    mean: list[float]
    scale: list[float]
    weights: list[float]
    bias: float

    @staticmethod
    def features(logits: Floats, nearness: Floats, hidden: int | None) -> Floats:
        """(texts, 5): max-logit, energy, margin, nearness, hidden-class logit over the best (0 without negatives).

        `hidden` is the column of the hidden class.
        """
        visible = logits if hidden is None else np.delete(logits, hidden, axis=1)
        ordered = np.sort(visible, axis=1)
        top = ordered[:, -1]
        second = ordered[:, -2] if visible.shape[1] > 1 else np.zeros_like(top)
        over = np.zeros_like(top) if hidden is None else logits[:, hidden] - top
        return np.stack([top, logsumexp(visible, axis=1), top - second, nearness, over], axis=1)

    @classmethod
    def fit(cls, inside: Floats, outside: Floats, weights: Floats) -> OosModel:
        """Fit features of in-scope rows against out-of-scope rows (with weights), at the prior `OOS_PRIOR`."""
        x = np.concatenate([inside, outside])
        mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
        z = (x - mean) / scale
        y = np.concatenate([np.zeros(len(inside)), np.ones(len(outside))])
        weight = np.concatenate(
            [np.full(len(inside), (1 - OOS_PRIOR) / len(inside)), OOS_PRIOR * weights / weights.sum()]
        )

        def loss(v: Floats) -> tuple[float, Floats]:
            s = z @ v[:-1] + v[-1]
            error = weight * (expit(s) - y)
            value = float((weight * (np.logaddexp(0, s) - y * s)).sum() + 5e-4 * (v[:-1] ** 2).sum())
            return value, np.append(z.T @ error + 1e-3 * v[:-1], error.sum())

        found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
        return cls(mean.tolist(), scale.tolist(), found[:-1].tolist(), float(found[-1]))

    def probability(self, features: Floats) -> Floats:
        """P(out of scope), (texts,)."""
        z = (features - np.array(self.mean)) / np.array(self.scale)
        return np.asarray(expit(z @ np.array(self.weights) + self.bias))


@dataclass
class Calibrations:
    """All that calibration fitted, as it goes into the manifest."""

    languages: dict[str, Calibration] = field(default_factory=dict)
    thresholds: dict[str, Threshold] = field(default_factory=dict)
    oos: OosModel | None = None
    judge: Judge = field(default_factory=Judge)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibrations:
        """The inverse of `to_json`."""
        return cls(
            {k: Calibration(**v) for k, v in data["languages"].items()},
            {k: Threshold(**v) for k, v in data["thresholds"].items()},
            OosModel(**data["oos"]) if data["oos"] else None,
            Judge.from_json(data.get("judge")),
        )


def upper_bound(errors: int, total: int, certainty: float) -> float:
    """One-sided Clopper-Pearson upper bound on an error rate after `errors` in `total` (Clopper & Pearson 1934)."""
    return 1.0 if errors >= total else float(beta.ppf(certainty, errors + 1, total - errors))


def risk_threshold(
    confidence: Floats,
    margin: Floats,
    right: NDArray[np.bool_],
    *,
    bound: float = RISK_BOUND,
    certainty: float = RISK_CERTAINTY,
) -> Threshold:
    """The lowest threshold at which P(wrong | handled) ≤ `bound` with probability `certainty`.

    Fixed-sequence testing from the strictest threshold down, stopping at the first that cannot be certified,
    controls the
    family-wise error although the threshold is chosen on the same messages. The sequence depends on the
    confidences only, never on
    which answers were right. One sequence for each margin share, at `1 - certainty` divided among them (Bonferroni).
    """
    best: tuple[int, float, float, float] | None = None
    each = 1 - (1 - certainty) / len(MARGIN_SHARES)
    for share in MARGIN_SHARES:
        passing = _lowest_certified(confidence, margin, right, share=share, bound=bound, certainty=each)
        if passing is not None and (best is None or passing[0] > best[0]):
            best = passing
    total = len(confidence)
    if best is None:
        return Threshold(1.0, 0.0, 0.0, 0.0, bound, certainty, total, guaranteed=False)
    handled, level, share, error = best
    return Threshold(level, share * level, handled / total, error, bound, certainty, total, guaranteed=True)


def _lowest_certified(
    confidence: Floats, margin: Floats, right: NDArray[np.bool_], *, share: float, bound: float, certainty: float
) -> tuple[int, float, float, float] | None:
    needed = int(np.ceil(np.log(1 - certainty) / np.log(1 - bound)))  # fewer cannot certify even without an error
    if len(confidence) < needed:
        return None
    ordered = np.sort(confidence)[::-1]
    # The first test leaves room for one error, or a single slip at the top would end the sequence.
    positions = np.unique(np.linspace(min(2 * needed, len(ordered)) - 1, len(ordered) - 1, _STEPS).astype(int))
    found = None
    for level in dict.fromkeys(ordered[positions].tolist()):
        handled = (confidence >= level) & (margin >= share * level)
        count = int(handled.sum())
        errors = int((handled & ~right).sum())
        if count < needed or upper_bound(errors, count, certainty) > bound:
            break
        found = (count, float(level), share, errors / count)
    return found


def observed_threshold(confidence: Floats, right: NDArray[np.bool_], *, bound: float = RISK_BOUND) -> Threshold:
    """Where too few messages allow a guarantee.

    The lowest threshold at which the observed error rate keeps the bound.
    """
    order = np.argsort(-confidence, kind="stable")
    errors = np.cumsum(~right[order]) + 1  # one more error than seen, as a prior
    kept = np.flatnonzero(errors <= bound * np.arange(1, len(order) + 1))
    if not len(kept):
        return Threshold(1.0, 0.0, 0.0, 0.0, bound, 0.0, len(order), guaranteed=False)
    last = int(kept[-1])
    level = float(confidence[order[last]])
    return Threshold(
        level,
        0.0,
        (last + 1) / len(order),
        float((~right[order[: last + 1]]).mean()),
        bound,
        0.0,
        len(order),
        guaranteed=False,
    )


def expected_calibration_error(confidence: Floats, right: Floats, bins: int = 15) -> float:
    """ECE over bins of equal mass (Nixon et al. 2019, arXiv 1904.01685)."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    return float(sum(len(p) * abs(confidence[p].mean() - right[p].mean()) for p in parts) / len(order))
