"""New intents by nearness: what the judge learns from episodes."""

from __future__ import annotations

import numpy as np
import pytest

from server.nlu.fewshot import PRIOR, Judge, nearness


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@pytest.fixture
def world() -> dict[str, np.ndarray]:
    """Messages around four centres: two of them new intents with three examples, two known to training."""
    rng = np.random.default_rng(0)
    centres = unit(rng.normal(size=(4, 32)))
    owner = np.repeat(np.arange(4), 100)
    return {
        "owner": owner,
        "messages": unit(centres[owner] + 0.12 * rng.normal(size=(400, 32))),
        "shots": np.stack([unit(c + 0.12 * rng.normal(size=(3, 32))) for c in centres[:2]]),
        "known": unit(np.repeat(centres[2:], 40, axis=0) + 0.12 * rng.normal(size=(80, 32))),
    }


def judged(world: dict[str, np.ndarray]) -> tuple[Judge, np.ndarray, np.ndarray]:
    known = (world["messages"] @ world["known"].T).max(axis=1)
    near = nearness(world["messages"], list(world["shots"]), known, 5 * known, -known)
    right = near.values.argmax(axis=1) == world["owner"]
    new = world["owner"] < 2
    weight = np.where(new, PRIOR / new.sum(), (1 - PRIOR) / (~new).sum())
    judge = Judge.fit(near.features, right, weight)
    p, shares = judge.probability(near)
    return judge, p, shares


def test_messages_of_new_intents_are_told_from_known_ones(world: dict[str, np.ndarray]) -> None:
    _, p, shares = judged(world)
    new = world["owner"] < 2
    assert p[new].mean() > 0.5
    assert p[~new].mean() < 0.1
    assert (shares[new].argmax(axis=1) == world["owner"][new]).mean() > 0.95
    assert np.allclose(shares.sum(axis=1), 1)


def test_the_probability_means_what_it_says(world: dict[str, np.ndarray]) -> None:
    _, p, _ = judged(world)
    new = world["owner"] < 2
    weighted = PRIOR * p[new].mean() + (1 - PRIOR) * p[~new].mean()
    assert weighted == pytest.approx(PRIOR, abs=0.02)


def test_a_judge_survives_the_manifest(world: dict[str, np.ndarray]) -> None:
    judge, _, _ = judged(world)
    assert Judge.from_json(judge.to_json()) == judge


def test_without_training_nothing_is_new() -> None:
    near = nearness(np.eye(3), [np.eye(3)[:1]], np.zeros(3), np.zeros(3), np.zeros(3))
    p, _ = Judge.from_json(None).probability(near)
    assert p.tolist() == [0, 0, 0]


@pytest.mark.parametrize("intents", [1, 2])
def test_a_message_is_judged_alike_alone_and_in_company(world: dict[str, np.ndarray], intents: int) -> None:
    known = (world["messages"] @ world["known"].T).max(axis=1)
    shots = list(world["shots"][:intents])
    together = nearness(world["messages"], shots, known, 5 * known, -known)
    for i in (0, 150, 399):
        row = slice(i, i + 1)
        alone = nearness(world["messages"][row], shots, known[row], 5 * known[row], -known[row])
        assert np.allclose(alone.features, together.features[row])
