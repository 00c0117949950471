"""Numeric expressions of the Open-PSA Model Exchange Format, evaluated to one number.

Random deviates are taken by their mean, as a point-estimate calculation does. Names and formulas follow the format's
specification 2.0d (stochastic layer): arithmetic, conditionals, the built-in distributions of failure in time,
deviates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, Protocol
from xml.etree.ElementTree import Element

MAX_DEPTH: Final = 100


class ExpressionError(ValueError):
    """An expression cannot be evaluated; the message names the element."""


class Scope(Protocol):
    """What an expression may refer to."""

    mission_time: float

    def parameter(self, name: str, depth: int) -> float:
        """Value of a parameter."""
        ...


def _exponential(rate: float, time: float) -> float:
    return -math.expm1(-rate * time)


def _glm(gamma: float, rate: float, repair: float, time: float) -> float:
    total = rate + repair
    if total == 0:
        return gamma
    return (rate - (rate - gamma * total) * math.exp(-total * time)) / total


def _weibull(scale: float, shape: float, start: float, time: float) -> float:
    return 0.0 if time <= start else -math.expm1(-(((time - start) / scale) ** shape))


def _periodic_test(*args: float) -> float:
    """Periodic test with instantaneous (λ, τ, θ, t) or repaired (λ, μ, τ, θ, t) components, the format's 4 and 5
    forms."""
    if len(args) == 4:
        rate, period, first, time = args
        return _exponential(rate, time if time <= first else math.fmod(time - first, period))
    if len(args) != 5:
        raise ExpressionError(f"periodic-test takes 4 or 5 arguments here, not {len(args)}")
    rate, repair, period, first, time = args
    if time <= first:
        return _exponential(rate, time)
    failed, under_repair = _exponential(rate, first), 0.0

    def step(failed: float, under_repair: float, span: float) -> tuple[float, float]:
        working = 1.0 - failed - under_repair
        repairing, working_on = math.exp(-repair * span), math.exp(-rate * span)
        if math.isclose(rate, repair):
            repaired = repair * span * working_on
        else:
            repaired = repair * (repairing - working_on) / (rate - repair)
        # What was repaired within the span may have failed again before its end.
        broken_again = 1.0 - repairing - repaired
        return failed + working * (1.0 - working_on) + under_repair * broken_again, under_repair * repairing

    while time - first > period:
        under_repair, failed = failed + under_repair, 0.0
        failed, under_repair = step(failed, under_repair, period)
        first += period
    under_repair, failed = failed + under_repair, 0.0
    failed, under_repair = step(failed, under_repair, time - first)
    return failed + under_repair


def _lognormal(*args: float) -> float:
    """Mean: of (mean, error factor, level) it is the first argument, of (µ, σ) it is exp(µ + σ²/2)."""
    return args[0] if len(args) == 3 else math.exp(args[0] + args[1] ** 2 / 2)


def _divide(first: float, *others: float) -> float:
    for other in others:
        if other == 0:
            raise ExpressionError("an expression divides by zero")
        first /= other
    return first


def _equal(*args: float) -> float:
    return float(args[0] == args[1])


_FUNCTIONS: Final[dict[str, tuple[int, int, Callable[..., float]]]] = {
    # element name: least and most number of arguments, function
    "neg": (1, 1, lambda x: -x),
    "add": (1, 10**6, lambda *x: math.fsum(x)),
    "sub": (1, 10**6, lambda *x: x[0] - math.fsum(x[1:])),
    "mul": (1, 10**6, lambda *x: math.prod(x)),
    "div": (1, 10**6, _divide),
    "pi": (0, 0, lambda: math.pi),
    "abs": (1, 1, abs),
    "acos": (1, 1, math.acos),
    "asin": (1, 1, math.asin),
    "atan": (1, 1, math.atan),
    "cos": (1, 1, math.cos),
    "cosh": (1, 1, math.cosh),
    "exp": (1, 1, math.exp),
    "log": (1, 1, math.log),
    "log10": (1, 1, math.log10),
    "mod": (2, 2, math.fmod),
    "pow": (2, 2, math.pow),
    "sin": (1, 1, math.sin),
    "sinh": (1, 1, math.sinh),
    "tan": (1, 1, math.tan),
    "tanh": (1, 1, math.tanh),
    "sqrt": (1, 1, math.sqrt),
    "ceil": (1, 1, math.ceil),
    "floor": (1, 1, math.floor),
    "min": (1, 10**6, lambda *x: min(x)),
    "max": (1, 10**6, lambda *x: max(x)),
    "mean": (1, 10**6, lambda *x: math.fsum(x) / len(x)),
    "not": (1, 1, lambda x: float(not x)),
    "and": (1, 10**6, lambda *x: float(all(x))),
    "or": (1, 10**6, lambda *x: float(any(x))),
    "eq": (2, 2, _equal),
    "df": (2, 2, lambda x, y: float(x != y)),
    "lt": (2, 2, lambda x, y: float(x < y)),
    "gt": (2, 2, lambda x, y: float(x > y)),
    "leq": (2, 2, lambda x, y: float(x <= y)),
    "geq": (2, 2, lambda x, y: float(x >= y)),
    "exponential": (2, 2, _exponential),
    "GLM": (4, 4, _glm),
    "Weibull": (4, 4, _weibull),
    "periodic-test": (4, 5, _periodic_test),
    "uniform-deviate": (2, 2, lambda low, high: (low + high) / 2),
    "normal-deviate": (2, 2, lambda mean, deviation: mean),
    "lognormal-deviate": (2, 3, _lognormal),
    "gamma-deviate": (2, 2, lambda shape, scale: shape * scale),
    "beta-deviate": (2, 2, lambda alpha, beta: alpha / (alpha + beta)),
}

EXPRESSION_TAGS: Final = frozenset(
    {*_FUNCTIONS, "float", "int", "bool", "parameter", "system-mission-time", "ite", "switch", "histogram"}
)


def evaluate(element: Element, scope: Scope, depth: int = 0) -> float:  # noqa: PLR0912 - one branch for each form
    """Value of one expression element.

    Raises:
        ExpressionError: unknown element, wrong number of arguments, no value (division by zero, log of 0 …).
    """
    if depth > MAX_DEPTH:
        raise ExpressionError(
            f"expressions nest deeper than {MAX_DEPTH} levels, or parameters refer to each other in a circle"
        )
    tag, args = element.tag, list(element)
    if tag in ("float", "int"):
        return _number(element)
    if tag == "bool":
        return float(element.get("value", "") in ("true", "1"))
    if tag == "parameter":
        return scope.parameter(element.get("name", ""), depth + 1)
    if tag == "system-mission-time":
        return scope.mission_time
    if tag == "ite":
        _count(tag, len(args), 3, 3)
        return evaluate(args[1 if evaluate(args[0], scope, depth + 1) else 2], scope, depth + 1)
    if tag == "switch":
        for case in args[:-1]:
            pair = list(case)
            _count("case", len(pair), 2, 2)
            if evaluate(pair[0], scope, depth + 1):
                return evaluate(pair[1], scope, depth + 1)
        _count(tag, len(args), 1, 10**6)
        return evaluate(args[-1], scope, depth + 1)
    if tag == "histogram":
        return _histogram(args, scope, depth)
    if tag not in _FUNCTIONS:
        raise ExpressionError(f"<{tag}> is not an expression this program knows")
    least, most, function = _FUNCTIONS[tag]
    _count(tag, len(args), least, most)
    try:
        result = float(function(*(evaluate(arg, scope, depth + 1) for arg in args)))
    except ExpressionError:
        raise
    except (ValueError, ArithmeticError) as error:
        raise ExpressionError(f"<{tag}> has no value for its arguments ({error})") from error
    if not math.isfinite(result):
        raise ExpressionError(f"<{tag}> is not finite")
    return result


def _number(element: Element) -> float:
    text = element.get("value", "")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ExpressionError(f'<{element.tag} value="{text}"> is not a finite number')
    return value


def _histogram(args: Sequence[Element], scope: Scope, depth: int) -> float:
    """Mean of a piecewise uniform density: a lower bound, then bins of (upper bound, weight)."""
    _count("histogram", len(args), 2, 10**6)
    lower = evaluate(args[0], scope, depth + 1)
    total = moment = 0.0
    for bin_ in args[1:]:
        pair = list(bin_)
        _count("bin", len(pair), 2, 2)
        upper, weight = (evaluate(arg, scope, depth + 1) for arg in pair)
        # The weight is the height of the bin's density.
        mass = weight * (upper - lower)
        total += mass
        moment += mass * (lower + upper) / 2
        lower = upper
    if total <= 0:
        raise ExpressionError("<histogram> has no weight")
    return moment / total


def _count(tag: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        wanted = str(least) if least == most else f"{least} or more" if most > 100 else f"{least} to {most}"
        raise ExpressionError(f"<{tag}> takes {wanted} arguments, not {number}")
