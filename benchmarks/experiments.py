"""How often the sequential test of experiments is wrong, and how long it takes, by simulation.

    python -m benchmarks.experiments [--runs N] [--json]

Both variants get one more customer at a time and somebody looks each time, from the first look on until twice the
length that was announced. Printed: how often equal variants were ever called different (at most 5 %), how often the
interval held the true difference at every look (at least 95 %), how often a real difference was found within the
announced length (about 80 %), and the median length against a test of fixed length at which one may look but once.
"""

import argparse
import json
from math import log

import numpy as np

from server.gateway.sequential import _SEQUENTIAL_COST, ALPHA, LEAST, Arm, compare, units_needed

EQUAL = ((0.6, 0.05), (0.9, 0.05), (0.05, 0.03), (0.98, 0.02))
DIFFERENT = ((0.60, 0.65), (0.64, 0.71), (0.85, 0.88), (0.10, 0.13))
LOOKS = 5_000
CHECKED = 40


def boundaries(a: np.ndarray, b: np.ndarray, effect: float) -> tuple[np.ndarray, np.ndarray]:
    """Difference and half the interval's width at every look; `compare` for whole runs at once."""
    n = np.arange(1, len(a) + 1)
    variances = []
    for total in (a, b):
        mean = total / n
        spread = mean * (1 - mean) * n / np.maximum(n - 1, 1)
        variances.append(np.maximum(spread, 1 / (4 * n)))
    variance, tau = (variances[0] + variances[1]) / n, effect**2
    half = np.sqrt(variance * (variance + tau) / tau * (2 * log(1 / ALPHA) + np.log((variance + tau) / variance)))
    return (b - a) / n, np.where(n >= LEAST, half, np.inf)


def checked(a: np.ndarray, b: np.ndarray, effect: float, difference: np.ndarray, half: np.ndarray) -> None:
    """The fast form says what the product's own function says."""
    for n in np.linspace(LEAST, len(a) - 1, CHECKED).astype(int):
        one = compare(Arm(n, float(a[n - 1]), float(a[n - 1])), Arm(n, float(b[n - 1]), float(b[n - 1])), effect=effect)
        assert abs(one.high - (difference[n - 1] + half[n - 1])) < 1e-9


def simulate(p_a: float, p_b: float, effect: float, looks: int, runs: int) -> dict[str, float]:
    chance = np.random.default_rng(17)
    found, held, lengths = 0, 0, []
    for run in range(runs):
        a, b = (np.cumsum(chance.random(looks) < p) for p in (p_a, p_b))
        difference, half = boundaries(a, b, effect)
        if run == 0:
            checked(a, b, effect, difference, half)
        clear = np.abs(difference) > half
        found += bool(clear.any())
        held += bool((np.abs(difference - (p_b - p_a)) <= half).all())
        lengths.append(int(np.argmax(clear)) + 1 if clear.any() else looks)
    return {"found": found / runs, "held": held / runs, "median": float(np.median(lengths))}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=2_000)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    results = []
    for p, effect in EQUAL:
        one = simulate(p, p, effect, LOOKS, given.runs)
        results.append({"a": p, "b": p, "effect": effect, "looks": LOOKS, "wrong": one["found"], "held": one["held"]})
    for p_a, p_b in DIFFERENT:
        effect = p_b - p_a
        announced = units_needed((p_a * (1 - p_a) + p_b * (1 - p_b)) / 2, effect)
        one = simulate(p_a, p_b, effect, announced // 2, max(100, given.runs // 4))
        fixed = announced / _SEQUENTIAL_COST
        results.append(
            {"a": p_a, "b": p_b, "effect": effect, "announced": announced, "found": one["found"], "held": one["held"],
             "length_to_fixed": 2 * one["median"] / fixed}
        )  # fmt: skip
    if given.json:
        print(json.dumps(results))
        return
    print(f"{given.runs} runs of {LOOKS} looks: equal variants")
    for line in results:
        if "wrong" in line:
            print(
                f"  {line['a']:.2f} both, effect {line['effect']:.2f}: called different in {line['wrong']:.1%}, interval held in {line['held']:.1%}"
            )
    print("a real difference, within the announced length")
    for line in results:
        if "found" in line:
            print(
                f"  {line['a']:.2f} and {line['b']:.2f}: announced {line['announced']:,} customers; found in {line['found']:.0%}, median {line['length_to_fixed']:.2f} of the fixed length, interval held in {line['held']:.1%}"
            )


if __name__ == "__main__":
    main()
