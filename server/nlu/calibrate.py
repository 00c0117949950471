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

from collections.abc import Mapping, Sequence
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
_STEPS: Final = 400  # levels of a ladder
_DECIMALS: Final = 4
_REMEMBERED: Final = 256  # thresholds found for other bounds
_TINY: Final = 1e-6


def carried(probability: Floats) -> Floats:
    """Probabilities as parses carry them: four decimals, and never 1, the threshold that nothing passes."""
    return np.minimum(np.round(probability, _DECIMALS), 1 - 10**-_DECIMALS)


@dataclass(frozen=True)
class Threshold:
    """When to act on a parse: confidence at least `confidence`, and ahead of the runner-up by at least `ambiguity`.

    A confidence of 1 is that of no parse (`carried`): nothing passes.
    """

    confidence: float
    ambiguity: float
    coverage: float  # share of the calibration messages above it
    error: float  # their observed error rate
    bound: float
    certainty: float
    messages: int
    guaranteed: bool  # False: too few examples for any guarantee, nothing passes


@dataclass(frozen=True)
class Ladder:
    """What a threshold for any risk bound is found on: counts over unseen messages, from the strictest level down.

    `levels[i]` is a confidence (four decimals, as a parse has it); `handled[s][i]` messages are at least as confident
    and ahead of the runner-up by `MARGIN_SHARES[s]` of it, and `errors[s][i]` of those are misunderstood. The levels
    depend on the confidences only, never on which answers were right, and not on the bound. No text is in here.
    """

    messages: int
    levels: list[float]
    handled: list[list[int]]
    errors: list[list[int]]

    @classmethod
    def of(cls, confidence: Floats, margin: Floats, right: NDArray[np.bool_]) -> Ladder:
        """From the confidence, its lead over the runner-up, and whether the answer was right, of each message."""
        confidence = carried(np.asarray(confidence, float))
        ordered = np.sort(confidence)[::-1]
        at = np.unique(np.linspace(0, max(len(ordered) - 1, 0), min(_STEPS, len(ordered))).astype(int))
        levels = np.unique(ordered[at])[::-1]
        handled, errors = [], []
        for share in MARGIN_SHARES:
            # A message passes a level when the level is at most this.
            passes = np.minimum(confidence, margin / share) if share else confidence
            every, wrong = np.sort(passes), np.sort(passes[~right])
            handled.append((len(every) - np.searchsorted(every, levels)).tolist())
            errors.append((len(wrong) - np.searchsorted(wrong, levels)).tolist())
        return cls(len(confidence), levels.tolist(), handled, errors)

    def certified(self, bound: float, certainty: float = RISK_CERTAINTY) -> Threshold:
        """The lowest threshold at which P(wrong | handled) ≤ `bound` with probability `certainty`.

        Fixed-sequence testing from the strictest level down, stopping at the first that cannot be certified, controls
        the family-wise error although the threshold is chosen on the same messages. One sequence for each margin
        share, at `1 - certainty` divided among them (Bonferroni).
        """
        each = 1 - (1 - certainty) / len(MARGIN_SHARES)
        needed = int(np.ceil(np.log(1 - each) / np.log(1 - bound)))  # fewer cannot certify even without an error
        best: tuple[int, float, float, float] | None = None
        # The first test leaves room for one error, or a single slip at the top would end the sequence.
        first = next((i for i, count in enumerate(self.handled[0]) if count >= min(2 * needed, self.messages)), None)
        for share, handled, errors in zip(MARGIN_SHARES, self.handled, self.errors, strict=True):
            last = self._last_certified(first, handled, errors, needed=needed, bound=bound, certainty=each)
            if last is not None and (best is None or handled[last] > best[0]):
                best = handled[last], self.levels[last], share, errors[last] / handled[last]
        if best is None:
            return Threshold(1.0, 0.0, 0.0, 0.0, bound, certainty, self.messages, guaranteed=False)
        count, level, share, error = best
        return Threshold(
            level, share * level, count / self.messages, error, bound, certainty, self.messages, guaranteed=True
        )

    def _last_certified(
        self,
        first: int | None,
        handled: Sequence[int],
        errors: Sequence[int],
        *,
        needed: int,
        bound: float,
        certainty: float,
    ) -> int | None:
        if first is None:
            return None
        count, wrong = np.array(handled[first:]), np.array(errors[first:])
        fails = np.flatnonzero((count < needed) | (upper_bounds(wrong, count, certainty) > bound))
        passed = int(fails[0]) if len(fails) else len(count)
        return first + passed - 1 if passed else None

    def observed(self, bound: float) -> Threshold:
        """Where too few messages allow a guarantee: the lowest level at which the observed error rate keeps the bound.

        One more error than was seen counts, as a prior.
        """
        kept = [i for i, count in enumerate(self.handled[0]) if self.errors[0][i] + 1 <= bound * count]
        if not kept:
            return Threshold(1.0, 0.0, 0.0, 0.0, bound, 0.0, self.messages, guaranteed=False)
        count, wrong = self.handled[0][kept[-1]], self.errors[0][kept[-1]]
        return Threshold(
            self.levels[kept[-1]], 0.0, count / self.messages, wrong / count, bound, 0.0, self.messages,
            guaranteed=False,
        )  # fmt: skip


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
    ladders: dict[str, list[Ladder]] = field(default_factory=dict)
    """By language: its own messages, then those of all languages together."""

    def __post_init__(self) -> None:
        """Nothing has been asked yet."""
        self._known: dict[tuple[str, float], Threshold] = {}

    def threshold(self, language: str, bound: float | None = None) -> Threshold:
        """When to act on a message of a language at a risk bound; None: the one of the training.

        For the language alone, else for all languages together, else without a guarantee at the observed error rate.
        """
        if bound is None or bound == self.thresholds[language].bound:
            return self.thresholds[language]
        known = self._known.get((language, bound))
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[language, bound] = found_on(self.ladders[language], bound)
        return known

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
            {k: [Ladder(**one) for one in v] for k, v in data["ladders"].items()},
        )


def found_on(ladders: Sequence[Ladder], bound: float) -> Threshold:
    """The first certified threshold, else the one at the observed error rate of the last ladder."""
    certified = (ladder.certified(bound) for ladder in ladders)
    return next((found for found in certified if found.guaranteed), None) or ladders[-1].observed(bound)


def upper_bounds(errors: NDArray[Any], total: NDArray[Any], certainty: float) -> Floats:
    """One-sided Clopper-Pearson upper bounds on error rates after `errors` in `total` (Clopper & Pearson 1934)."""
    found = beta.ppf(certainty, errors + 1, np.maximum(total - errors, 1))
    return np.where(errors >= total, 1.0, found)


def expected_calibration_error(confidence: Floats, right: Floats, bins: int = 15) -> float:
    """ECE over bins of equal mass (Nixon et al. 2019, arXiv 1904.01685)."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    return float(sum(len(p) * abs(confidence[p].mean() - right[p].mean()) for p in parts) / len(order))
