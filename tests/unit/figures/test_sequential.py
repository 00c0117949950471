"""The sequential test against simulation: looked at after every pair, it is rarely wrong about equal variants."""

import random

import pytest

from server.gateway.experiments_result import result_of, value_of
from server.gateway.sequential import ALPHA, LEAST, Arm, compare, standing, units_needed

LOOKS = 700
RUNS = 120


def runs(p_a, p_b, effect, *, seed, looks=LOOKS, number=RUNS):
    """For each run: the first look at which B and A were called different (None: never), and whether the interval
    held the true difference at every look."""
    chance = random.Random(seed)
    found = []
    for _ in range(number):
        sums = [0, 0]
        first, held = None, True
        for n in range(1, looks + 1):
            sums[0] += chance.random() < p_a
            sums[1] += chance.random() < p_b
            if n < LEAST:
                continue
            result = compare(*(Arm(n, total, total) for total in sums), effect=effect)
            held &= result.low <= p_b - p_a <= result.high
            if result.clear and first is None:
                first = n
        found.append((first, held))
    return found


@pytest.mark.parametrize(("p", "effect", "seed"), [(0.6, 0.05, 1), (0.9, 0.1, 2), (0.08, 0.05, 3)])
def test_equal_variants_are_hardly_ever_called_different_however_often_one_looks(p, effect, seed):
    found = runs(p, p, effect, seed=seed)
    # With a true rate of 5 %, 13 of 120 or more would happen once in a hundred times.
    assert sum(first is not None for first, _ in found) <= 12
    assert sum(held for _, held in found) >= RUNS - 12


def test_a_real_difference_is_found_and_its_interval_holds_it():
    found = runs(0.6, 0.8, 0.15, seed=4, number=40)
    firsts = sorted(first for first, _ in found if first is not None)
    assert len(firsts) == 40
    # About as soon as what was announced beforehand.
    assert firsts[len(firsts) // 2] * 2 <= units_needed(0.21, 0.2)
    assert sum(held for _, held in found) >= 36


def test_p_value_and_interval_say_the_same():
    chance = random.Random(5)
    for _ in range(300):
        n, m = chance.randrange(LEAST, 5_000), chance.randrange(LEAST, 5_000)
        a, b = chance.randrange(n + 1), chance.randrange(m + 1)
        result = compare(Arm(n, a, a), Arm(m, b, b), effect=0.04)
        assert result.clear == (result.p < ALPHA)
        assert result.low <= result.difference <= result.high


def test_what_may_be_said():
    def says(a, b, n=4_000, effect=0.05):
        arms = Arm(n, a * n, a * n), Arm(n, b * n, b * n)
        return standing(*arms, compare(*arms, effect=effect), effect=effect)

    assert says(0.6, 0.9, n=LEAST - 1) == "early"
    assert says(0.6, 0.62, n=300) == "open"
    assert says(0.64, 0.71) == "better"
    assert says(0.71, 0.64) == "worse"
    assert says(0.6, 0.601, n=30_000) == "same"


def test_equal_values_are_no_certainty():
    """Fifty successes each way: nothing varied, and still a difference is not excluded."""
    result = compare(Arm(LEAST, LEAST, LEAST), Arm(LEAST, LEAST, LEAST), effect=0.05)
    assert result.low < 0 < result.high


def test_less_is_better_for_hand_offs_and_times():
    fewer = result_of("handoff", 0.05, Arm(4_000, 1_600, 1_600), Arm(4_000, 1_200, 1_200))
    assert (fewer["standing"], fewer["difference"]) == ("better", -0.1)
    assert fewer["low"] < -0.1 < fewer["high"] < 0
    slower = result_of("answer_time", 0.2, Arm(4_000, 4_000, 5_000), Arm(4_000, 6_000, 10_000))
    assert slower["standing"] == "worse"
    assert slower["a"]["low"] is None


def test_what_a_conversation_counts_for():
    assert value_of("handled", {"decided": 1, "handled": 1, "open": 1}) is None
    assert value_of("handled", {"decided": 1, "handled": 1}) == 1.0
    assert value_of("handoff", {"decided": 1, "contained": 1}) == 0.0
    assert value_of("handled", {"running": 1}) is None
    assert value_of("thumbs", {"thumbs_up": 3, "thumbs_down": 1}) == 0.75
    assert value_of("thumbs", {}) is None
    assert value_of("answer_time", {"answers": 2, "answer_ms": 500_000}) == 60.0
