"""Which check is worth its cost, and which has to come first."""

from __future__ import annotations

from typing import Final

import numpy as np

from kg import plan
from kg.model import Who
from kg.posterior import Floats, facet_support
from kg.situation import Situation, cost_of, shares_of

NEGLIGIBLE: Final = 0.015
"""Probability below which a fix is not tried any more."""
MAX_ROWS: Final = 72
"""What-if rows for one step; facets beyond it are ranked by how much they can tell."""
MIN_ROWS: Final = 24
MAX_CELLS: Final = 9_000
"""Rows times faults, so that a step in a very large tree stays within a few milliseconds."""
NARROW: Final = 3
"""Faults that a check may speak of to be a look at one of them."""
ANSWERED: Final = 0.9
"""Share of questions that get an answer; the others are worth nothing."""
UNSURE_SURCHARGE: Final = 0.3
"""What asking the same again costs more: people who were not sure once often are again."""
ASKING: Final = 1.0
"""Cost of a look into a system that the customer has to be asked something for (`asks` in the state)."""


def best_check(situation: Situation, costs: Floats, blind: Floats) -> tuple[str, float]:
    """The check worth most beyond its cost, and that worth in customer steps."""
    graph, circuit, state = situation.graph, situation.circuit, situation.state
    facets = [
        facet.id
        for check in situation.checks
        for facet in graph.checks[check].facets.values()
        if facet.id in circuit.cases and facet.id in circuit.offset and facet.id not in state["evidence"]
    ]
    facets = _most_telling(situation, [name for name in facets if name not in circuit.constant])
    if not facets:
        return "", 0.0
    gain = gains(situation, facets, costs, blind)
    worth: dict[str, float] = {}
    for name, value in gain.items():
        check = graph.facets[name].check
        worth[check] = worth.get(check, 0.0) + max(0.0, value) * ANSWERED
    for name in worth:
        repeats = state["unsure"].get(name, 0)
        worth[name] -= graph.checks[name].cost * (1.0 + UNSURE_SURCHARGE * repeats)
    for name in state.get("asks", ()):
        if name in worth:
            worth[name] -= ASKING
    # Looking into a system first costs the customer nothing, and may spare the question.
    free = [
        name
        for name in worth
        if graph.checks[name].who is Who.SYSTEM and worth[name] > 0 and name not in state.get("asks", ())
    ]
    best = max(free or worth, key=lambda name: (worth[name], name))
    return best, worth[best]


def gains(situation: Situation, facets: list[str], costs: Floats, blind: Floats) -> dict[str, float]:
    """How much less the repair is expected to cost, in customer steps, once each facet is known."""
    graph, circuit = situation.graph, situation.circuit
    rows: list[tuple[str, str]] = [(name, outcome) for name in facets for outcome in graph.facets[name].outcomes]
    weights = np.repeat(situation.base, len(rows) + 1, axis=1)
    for row, (name, outcome) in enumerate(rows, start=1):
        weights[circuit.case_rows(name), row] *= circuit.likelihood(graph.facets[name], outcome)
    beliefs = circuit.evaluate(weights, situation.priors)
    shares = shares_of(circuit, beliefs)
    expected = plan.repair_costs(situation.chances(shares), costs, blind, situation.hopeless(shares))
    chance = beliefs.evidence / max(float(beliefs.evidence[0]), 1e-300)
    gain = dict.fromkeys(facets, float(expected[0]))
    for row, (name, _) in enumerate(rows, start=1):
        gain[name] -= float(chance[row] * expected[row])
    return gain


def _most_telling(situation: Situation, facets: list[str]) -> list[str]:
    """As many facets as `MAX_ROWS` allows, those about the most probable faults first."""
    graph, index = situation.graph, situation.circuit.index
    shares = situation.shares[:, 0]

    def weight(name: str) -> float:
        return sum(float(shares[index[fault]]) for fault in facet_support(graph, name) if fault in index)

    most = min(MAX_ROWS, max(MIN_ROWS, MAX_CELLS // max(1, len(index))))
    chosen: list[str] = []
    rows = 0
    for name in sorted(facets, key=lambda name: (-weight(name), name)):
        rows += len(graph.facets[name].outcomes)
        if rows > most:
            break
        chosen.append(name)
    return chosen


def safety_check(situation: Situation) -> str:
    """A check not yet asked that can show a danger which is not negligible: it comes before anything else."""
    graph = situation.graph
    dangers = {
        fault
        for fault in situation.circuit.faults
        if fault in graph.faults
        and graph.faults[fault].handoff == "safety"
        and situation.of_fault(fault) >= NEGLIGIBLE
        and situation.owns(fault)
    }
    if not dangers:
        return ""
    for name in situation.checks:
        if situation.state["asked"].get(name, 0):
            continue
        for facet in graph.checks[name].facets.values():
            shows = any(outcome.safety for outcome in facet.outcomes.values())
            if shows and facet.id not in situation.state["evidence"] and facet_support(graph, facet.id) & dangers:
                return name
    return ""


def in_vain(situation: Situation, likely: list[str]) -> str:
    """A check that comes before probable fixes because it may show that only a person can help; "" for none.

    Looking first spares the fixes where it shows so; looking later spares the check where the fixes are all it takes.
    """
    graph = situation.graph
    hopeless = {
        fault: situation.of_fault(fault)
        for fault in situation.circuit.faults
        if fault in graph.faults
        and graph.faults[fault].handoff
        and situation.owns(fault)
        and not situation.repairable(fault)
    }
    repaired = {fault for name in likely for fault in graph.fixes[name].repairs}
    fine = 1.0
    for fault, place in situation.circuit.index.items():
        node = graph.faults.get(fault)
        if fault not in repaired and not (node and node.condition) and situation.owns(fault):
            fine *= 1.0 - float(situation.shares[place, 0])
    spared = sum(cost_of(graph.fixes[name], graph) for name in likely)
    best, most = "", 0.0
    for name in situation.checks:
        check = graph.checks[name]
        asked = situation.state["unsure"].get(name, 0)
        shown = {
            fault
            for facet in check.facets.values()
            if facet.id not in situation.state["evidence"]
            for outcome in facet.outcomes.values()
            if outcome.when is not None and hopeless.keys() >= set(outcome.when.events())
            for fault in outcome.when.events()
        }
        gain = spared * sum(hopeless[fault] for fault in shown) * ANSWERED
        gain -= check.cost * (fine + UNSURE_SURCHARGE * asked)
        if gain > most and check.who is Who.CUSTOMER:
            best, most = name, gain
    return best


def check_about(situation: Situation, fix: str) -> str:
    """A check still open that shows a fault of the fix: one not asked yet, and of those the one most about it."""
    graph = situation.graph
    faults = graph.fixes[fix].repairs.keys()

    def breadth(name: str) -> int:
        """Faults that the check's narrowest open facet about the fix speaks of; 0 where there is none."""
        supports = [
            facet_support(graph, facet.id)
            for facet in graph.checks[name].facets.values()
            if facet.id not in situation.state["evidence"]
        ]
        return min((len(support) for support in supports if support & faults), default=0)

    asked = situation.state["asked"]
    found = [name for name in situation.checks if 0 < breadth(name) <= max(NARROW, len(faults))]
    return min(found, key=lambda name: (asked.get(name, 0), breadth(name), graph.checks[name].cost, name), default="")
