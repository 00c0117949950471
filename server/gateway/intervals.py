"""Intervals for figures that were counted, pure."""

from math import sqrt
from typing import Final

Z_95: Final = 1.959963984540054
"""The standard normal's 97.5 % point: two sides, 95 % between them."""


def wilson(successes: float, trials: float, z: float = Z_95) -> tuple[float, float] | None:
    """The interval of a share after `successes` in `trials`; None without trials.

    Wilson's score interval (Wilson 1927, JASA 22:209): unlike p ± z·s it stays inside [0, 1] and keeps its coverage
    where there is little to count.
    """
    if trials <= 0:
        return None
    p, square = successes / trials, z * z
    centre = (p + square / (2 * trials)) / (1 + square / trials)
    half = z / (1 + square / trials) * sqrt(p * (1 - p) / trials + square / (4 * trials * trials))
    # At the ends the formula gives 0 and 1 but for a rounding error.
    return (0.0 if successes == 0 else max(0.0, centre - half), 1.0 if successes == trials else min(1.0, centre + half))
