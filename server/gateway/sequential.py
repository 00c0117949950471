"""Sequential tests of two variants that may be looked at as often as one likes; pure.

Both are always valid: the chance that they ever call two equal variants different is at most `alpha`, however often and
whenever somebody looks and stops. They give a confidence sequence, an interval that holds the true difference at all
times together, and the p-value that belongs to it.

- The normal mixture of Robbins (1970, Ann. Math. Stat. 41:1397) on the running difference of means with estimated
  variance: the mixture sequential probability ratio test of Johari, Koomen, Pekelis, Walsh (KDD 2017; Operations
  Research 70:1806, 2022, section 4), whose interval is the two-sided normal-mixture boundary of Howard, Ramdas,
  McAuliffe, Sekhon (Annals of Statistics 49:1055, 2021, equation 14). With estimated variances it holds asymptotically
  (Waudby-Smith et al. 2024, Annals of Statistics 52:2613), so nothing is said before `LEAST` of each variant.
"""

from dataclasses import dataclass
from math import ceil, exp, inf, log, sqrt
from statistics import NormalDist
from typing import Final, Literal

ALPHA: Final = 0.05
POWER: Final = 0.8
LEAST: Final = 50
"""Units of each variant before anything is said: until then the variance is not known well enough."""
_SEQUENTIAL_COST: Final = 1.6
"""How much longer than a test of fixed length the sequential one takes to find the effect that it is built for with
`POWER` (benchmarks/experiments.py prints the measured ratio)."""

Standing = Literal["early", "open", "better", "worse", "same"]


@dataclass(frozen=True, slots=True)
class Arm:
    """What was seen of one variant: how many units, the sum of their values and of the squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """The mean of the values; 0 before the first."""
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """The variance of a value, estimated so that it is never quite 0: as if one half had been seen on each side.

        A run of equal values must not look like certainty.
        """
        if self.n < 2:
            return 0.25
        spread = max(0.0, self.squares / self.n - self.mean**2)
        return max(spread * self.n / (self.n - 1), 1.0 / (4 * self.n))


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of B minus A: the estimate, the interval that holds at all times together, and its p-value."""

    difference: float
    low: float
    high: float
    p: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves no difference out."""
        return self.low > 0 or self.high < 0


def compare(a: Arm, b: Arm, *, effect: float, alpha: float = ALPHA) -> Result:
    """The standing of B against A.

    ``effect`` is the smallest difference worth finding, in the metric's unit: the mixture is laid out for it, which
    costs nothing in validity whatever the truth is.
    """
    if min(a.n, b.n) < LEAST:
        return Result(b.mean - a.mean, -inf, inf, 1.0)
    difference = b.mean - a.mean
    variance = a.variance / a.n + b.variance / b.n
    # The mixture's variance: the boundary is then tightest about when such an effect can be found.
    tau = effect**2
    half = sqrt(variance * (variance + tau) / tau * (2 * log(1 / alpha) + log((variance + tau) / variance)))
    # The mixture's likelihood ratio; its inverse is an always-valid p-value.
    exponent = difference**2 * tau / (2 * variance * (variance + tau))
    evidence = 0.5 * log(variance / (variance + tau)) + exponent
    return Result(difference, difference - half, difference + half, min(1.0, exp(-min(evidence, 700.0))))


def standing(a: Arm, b: Arm, result: Result, *, effect: float) -> Standing:
    """What may be said: too early, not clear yet, B better or worse, or the same for all that matters."""
    if min(a.n, b.n) < LEAST:
        return "early"
    if result.low > 0:
        return "better"
    if result.high < 0:
        return "worse"
    # No difference as large as the effect is left: going on would find nothing worth having.
    return "same" if result.high < effect and result.low > -effect else "open"


def units_needed(variance: float, effect: float, *, share: float = 0.5, alpha: float = ALPHA) -> int:
    """About how many units altogether find a true difference of `effect` with `POWER`; `share` of them get B.

    The fixed-length number (two-sided normal test), times what looking at any time costs.
    """
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(POWER)
    fixed = z * z * variance * (1 / share + 1 / (1 - share)) / (effect * effect)
    return ceil(_SEQUENTIAL_COST * fixed)
