"""Every figure of docs/capacity.md is printed by the simulation over what was measured, and the simulation adds up."""

import json
import random

import pytest

from benchmarks.capacity import (
    SOCKETS_A_GATEWAY,
    STAGES,
    WITHIN_MS,
    Costs,
    answers_p95,
    measured,
    planned,
    plans,
    read_costs,
    written,
)
from server.settings import ROOT

POINTS = ROOT / "docs/load.json"
PAGE = ROOT / "docs/capacity.md"
SEED = 5


@pytest.fixture(scope="module")
def blocks() -> dict[str, list[str]]:
    given = json.loads(POINTS.read_text("utf-8"))
    costs = read_costs(given)
    return {"measured": measured(given["points"]), "planned": planned(costs, plans(costs, SEED))}


def test_the_page_says_what_the_simulation_prints(blocks: dict[str, list[str]]) -> None:
    page = PAGE.read_text("utf-8")
    assert written(page, blocks) == page


def test_a_page_without_the_marks_is_left_alone(blocks: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match="no place for 'measured'"):
        written("# Capacity\n", blocks)


def test_plans_are_within_what_is_asked_and_grow_with_the_day() -> None:
    costs = Costs({"gateway": 30.0, "models": 25.0, "rasa": 10.0, "actions": 4.0, "accounts": 1.0}, 0.6)
    found = plans(costs, SEED)
    for one in found:
        assert one.p95 <= WITHIN_MS
        assert one.processes["gateway"] * SOCKETS_A_GATEWAY >= one.sockets
        assert all(one.processes[stage] * 1000 > one.rate * costs.ms[stage] for stage in STAGES)
    assert found[0].machines < found[1].machines < found[2].machines


def test_turns_wait_where_a_pool_is_full_and_nowhere_else() -> None:
    costs = Costs({"gateway": 1.0, "models": 100.0, "rasa": 1.0, "actions": 1.0, "accounts": 1.0}, 0.3)
    one_each = dict.fromkeys(STAGES, 1)
    calm, _ = answers_p95(costs, 0.1, one_each, random.Random(SEED))
    full, longest = answers_p95(costs, 20, one_each, random.Random(SEED))
    more, _ = answers_p95(costs, 20, {**one_each, "models": 8}, random.Random(SEED))
    # Alone a turn takes what it costs; with twice the load that one process carries the queue grows without end.
    assert 104 < calm < 250
    assert longest == "models"
    assert full > 100 * more
    assert more < 2 * calm
