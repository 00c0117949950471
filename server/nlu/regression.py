"""Multinomial logistic regression."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float32]
STRENGTH: Final = 10.0  # inverse of the L2 penalty
_ITERATIONS: Final = 100  # twice as many gain a tenth of a point
_TOLERANCE: Final = 1e-5


def softmax_regression(x: Array, y: NDArray[Any], classes: int, *, strength: float = STRENGTH) -> tuple[Array, Array]:
    """Multinomial logistic regression by L-BFGS: weights (width, classes) and bias (classes,).

    Minimises mean cross-entropy + |weights|² / (2 · strength · rows); the bias is not penalised.
    """
    rows, width = x.shape
    target = np.zeros((rows, classes), np.float32)
    target[np.arange(rows), y] = 1
    penalty = 1.0 / (strength * rows)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = flat[:-classes].reshape(width, classes).astype(np.float32)
        z = x @ w + flat[-classes:].astype(np.float32)
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        value = float(-(z[np.arange(rows), y] - np.log(total[:, 0])).mean(dtype=np.float64)) + 0.5 * penalty * float(
            (w * w).sum()
        )
        p -= target
        gradient = (x.T @ p) / rows + penalty * w
        return value, np.concatenate([gradient.ravel(), p.mean(axis=0)]).astype(np.float64)

    start = np.zeros(width * classes + classes)
    result = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS, "gtol": _TOLERANCE, "ftol": 1e-7}
    )
    solution = result.x.astype(np.float32)
    return solution[:-classes].reshape(width, classes), solution[-classes:]
