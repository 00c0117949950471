"""Confidence that means what it says, checked by simulation."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from server.nlu.calibrate import (
    Calibration,
    Calibrations,
    Ladder,
    OosModel,
    carried,
    expected_calibration_error,
    found_on,
    upper_bounds,
)


def test_clopper_pearson_matches_its_closed_form() -> None:
    found = upper_bounds(np.array([0, 0, 5]), np.array([59, 58, 5]), 0.95)
    assert found[0] == pytest.approx(1 - 0.05 ** (1 / 59))
    assert found[0] < 0.05 < found[1]
    assert found[2] == 1.0


def test_the_risk_bound_holds_as_often_as_promised() -> None:
    """Confidence overstates by construction; the bound must hold all the same in 95 of 100 draws."""
    rng = np.random.default_rng(5)
    broken = 0
    draws = 200
    population = rng.beta(3, 0.3, 100_000)
    chance = population**1.3
    covered = []
    for _ in range(draws):
        confidence = rng.beta(3, 0.3, 600)
        right = rng.random(600) < confidence**1.3
        found = Ladder.of(confidence, confidence, right).certified(0.05)
        if found.guaranteed:
            handled = population >= found.confidence
            covered.append(handled.mean())
            broken += (1 - chance[handled]).mean() > 0.05
    assert broken / draws <= 0.05
    assert len(covered) > draws / 2


@pytest.mark.parametrize("bound", [0.02, 0.1, 0.2])
def test_another_bound_is_kept_as_often_without_a_message_in_sight(bound: float) -> None:
    """The ladder, stored and read again, is all that is needed: thresholds for any bound, each with its guarantee."""
    rng = np.random.default_rng(7)
    population = rng.beta(3, 0.3, 50_000)
    chance = population**1.3
    broken, certified, draws = 0, 0, 150
    for _ in range(draws):
        confidence = rng.beta(3, 0.3, 1200)
        ladder = Ladder.of(confidence, confidence, rng.random(1200) < confidence**1.3)
        found = Ladder(**json.loads(json.dumps(asdict(ladder)))).certified(bound)
        certified += found.guaranteed
        broken += found.guaranteed and (1 - chance[population >= found.confidence]).mean() > bound
    assert broken / draws <= 0.05
    assert certified > draws / 2


def test_a_laxer_bound_never_handles_less_and_counts_are_those_of_the_messages() -> None:
    rng = np.random.default_rng(3)
    confidence, margin = rng.random(900), rng.random(900)
    right = rng.random(900) < confidence**0.3
    ladder = Ladder.of(confidence, margin, right)
    found = [ladder.certified(bound) for bound in (0.05, 0.1, 0.2, 0.3, 0.5)]
    coverage = [one.coverage for one in found]
    assert coverage == sorted(coverage)
    assert coverage[-1] > 0
    for one in found:
        handled = (np.round(confidence, 4) >= one.confidence) & (margin >= one.ambiguity)
        assert one.coverage == pytest.approx(handled.mean() if one.guaranteed else 0)
        assert one.error == pytest.approx((~right[handled]).mean() if one.guaranteed else 0)


def test_without_enough_messages_nothing_is_promised() -> None:
    confidence = np.linspace(0.5, 1, 40)
    right = np.ones(40, bool)
    ladder = Ladder.of(confidence, confidence, right)
    assert not ladder.certified(0.05).guaranteed
    found = ladder.observed(0.05)
    assert found == found_on([ladder], 0.05)
    assert not found.guaranteed
    assert 0.5 <= found.confidence < 1


def test_the_temperature_of_known_logits_is_found() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, (4000, 5))
    p = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(5, p=row) for row in p])
    fitted = Calibration.fit(true * 3, labels, np.zeros(4000))
    assert fitted.temperature == pytest.approx(3, rel=0.1)
    out = fitted.probabilities(true * 3, np.zeros(4000))
    assert out.sum(axis=1).max() <= 1 + 1e-9
    assert (out.argmax(axis=1) == true.argmax(axis=1)).all()
    assert expected_calibration_error(out.max(axis=1), (out.argmax(axis=1) == labels).astype(float)) < 0.03


def test_calibration_error_of_a_fixed_example() -> None:
    confidence = np.array([0.1, 0.2, 0.8, 0.9])
    right = np.array([0.0, 0.0, 1.0, 1.0])
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx(0.15)


def test_out_of_scope_probability_tells_strangers_apart_and_survives_storage() -> None:
    rng = np.random.default_rng(1)
    inside, outside = rng.normal(1.5, 1, (500, 5)), rng.normal(-1.5, 1, (200, 5))
    model = OosModel.fit(inside, outside, np.ones(200))
    assert model.probability(inside).mean() < 0.05
    assert model.probability(outside).mean() > 0.6
    restored = Calibrations.from_json(Calibrations({"zh": Calibration()}, {}, model).to_json())
    assert restored.oos is not None
    assert np.array_equal(restored.oos.probability(inside), model.probability(inside))


def test_nothing_passes_where_no_bound_can_be_kept():
    certain = np.ones(50)
    ladder = Ladder.of(certain, certain, np.zeros(50, bool))
    assert float(carried(certain).max()) < ladder.certified(0.05).confidence
    assert float(carried(certain).max()) < ladder.observed(0.05).confidence
