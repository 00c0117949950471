"""Intents that training has not seen: a description and a few examples, understood at once by nearness.

A message is compared with the examples and the description of every new intent, and with its nearest training example.
How much nearness means is not guessed: at training, intents are hidden from the model in turn, three of their examples
are given as if they were new, and a logistic regression learns from their other examples, and from everything else,
when a message belongs to a new intent (cf. Snell et al. 2017, arXiv 1703.05175, for learning from such episodes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, softmax

Floats = NDArray[np.floating[Any]]
SHOTS: Final = 3
"""Examples of each hidden intent that an episode gives."""
_MARGIN: Final = 0.2
"""Margins between the nearest new intents count up to here; one that is alone gets half of it."""
PRIOR: Final = 0.05
"""Share of messages that ask for something new, as the probability assumes."""


@dataclass(frozen=True)
class NewIntent:
    """An intent as a person describes it before the next training."""

    name: str
    examples: tuple[str, ...]
    description: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All that a message is compared with."""
        return (*self.examples, *self.description)


@dataclass(frozen=True)
class Nearness:
    """What the judge looks at, for one message each row."""

    values: Floats  # (messages, intents): nearness to each new intent
    features: Floats  # (messages, 5)


def nearness(messages: Floats, shots: Sequence[Floats], known: Floats, top_logit: Floats, over: Floats) -> Nearness:
    """Compare messages with new intents.

    `messages` (n, width) unit vectors; `shots[i]` (examples of new intent i, width) unit vectors; `known` (n,) cosine
    to the nearest training example; `top_logit` (n,) of the trained intents; `over` (n,) hidden class over the best.
    """
    columns = []
    for vectors in shots:
        cosines = np.sort(messages @ vectors.T, axis=1)
        near = cosines[:, -1]
        columns.append(0.7 * near + 0.3 * cosines[:, -2:].mean(axis=1))
    values = np.stack(columns, axis=1)
    ordered = np.sort(values, axis=1)
    best = ordered[:, -1]
    margin = np.minimum(best - ordered[:, -2], _MARGIN) if values.shape[1] > 1 else np.full_like(best, _MARGIN / 2)
    return Nearness(values, np.stack([best, best - known, margin, top_logit, over], axis=1))


@dataclass
class Judge:
    """P(a message asks for its nearest new intent), learnt from hidden intents."""

    mean: list[float] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    bias: float = 0.0
    sharpness: float = 30.0  # of the softmax among new intents

    @classmethod
    def fit(cls, features: Floats, right: NDArray[np.bool_], weight: Floats) -> Judge:
        """`right[i]`: whether row i belongs to its nearest new intent; `weight` brings the shares to the prior."""
        mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
        z = (features - mean) / scale
        y = right.astype(float)

        def loss(v: Floats) -> tuple[float, Floats]:
            s = z @ v[:-1] + v[-1]
            error = weight * (expit(s) - y)
            value = float((weight * (np.logaddexp(0, s) - y * s)).sum() + 1e-3 * (v[:-1] ** 2).sum())
            return value, np.append(z.T @ error + 2e-3 * v[:-1], error.sum())

        found = minimize(loss, np.zeros(z.shape[1] + 1), jac=True, method="L-BFGS-B").x
        return cls(mean.tolist(), scale.tolist(), found[:-1].tolist(), float(found[-1]))

    def probability(self, near: Nearness) -> tuple[Floats, Floats]:
        """P(new) for each message (n,), and among the new ones the share of each (n, intents)."""
        if not self.weights:
            return np.zeros(len(near.values)), np.full(near.values.shape, 1 / max(1, near.values.shape[1]))
        z = (near.features - np.array(self.mean)) / np.array(self.scale)
        return np.asarray(expit(z @ np.array(self.weights) + self.bias)), np.asarray(
            softmax(self.sharpness * near.values, axis=1)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Judge:
        """The inverse of `to_json`; without data, a judge that never finds anything new."""
        return cls(**data) if data else cls()
