"""What is believed in a diagnosis at one moment, and which fixes and checks are left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from kg.compiled import Knowledge
from kg.diagnose import MAX_TRIES, State
from kg.model import Check, Fix, Graph, Who
from kg.posterior import CAUSE, Beliefs, Circuit, Floats, evidence_weights, facets_of, prior_vector

SHOWN: Final = 5
"""Hypotheses shown with a step."""


@dataclass(frozen=True)
class Situation:
    """What is believed now, and which fixes and checks are left."""

    graph: Graph
    circuit: Circuit
    state: State
    base: Floats  # weights of the evidence, a row for each case of the circuit
    priors: Floats  # of each fault
    shares: Floats  # (faults, 1): probability that it is part of the cause
    fixes: tuple[str, ...]
    checks: tuple[str, ...]

    @classmethod
    def of(cls, knowledge: Knowledge, state: State) -> Situation:
        """Everything that the next step is chosen by."""
        graph, circuit = knowledge.graph, knowledge.circuit(state["symptom"])
        base = evidence_weights(graph, circuit, state["evidence"])
        priors = prior_vector(graph, circuit, state["priors"])
        shares = shares_of(circuit, circuit.evaluate(base, priors))
        refused = set(state["refused"])
        own = _tree_faults(graph, state["symptom"])
        fixes = sorted({fix for fault in own for fix in graph.fixes_of.get(fault, ())})
        usable = [
            name
            for name in fixes
            if name not in refused
            and state["tried"].get(name, 0)
            < min(MAX_TRIES, len(graph.fixes[name].do) if graph.fixes[name].who is Who.CUSTOMER else 1)
            and (not graph.fixes[name].instead_of or graph.fixes[name].instead_of in refused)
        ]
        known = facets_of(graph, circuit)
        checks = dict.fromkeys(graph.facets[facet].check for facet in known if facet not in state["evidence"])
        open_checks = [
            name
            for name in checks
            if name not in refused and state["asked"].get(name, 0) < _wordings(graph.checks[name])
        ]
        return cls(graph, circuit, state, base, priors, shares, tuple(usable), tuple(open_checks))

    def of_fault(self, fault: str) -> float:
        """Probability that a fault is part of the cause."""
        place = self.circuit.index.get(fault)
        return 0.0 if place is None else float(self.shares[place, 0])

    def owns(self, fault: str) -> bool:
        """Whether a fault belongs to the symptom, and not only to what its checks show."""
        return fault in _tree_faults(self.graph, self.state["symptom"])

    def saw(self, fault: str) -> bool:
        """Whether an outcome was observed that shows a fault: what only elimination tells hands nobody over."""
        facets = self.graph.facets
        return any(
            (when := facets[name].outcomes[outcome].when) is not None and fault in when.events()
            for name, outcome in self.state["evidence"].items()
            if name in facets and outcome in facets[name].outcomes
        )

    def repairable(self, fault: str) -> bool:
        """Whether a fix that is left removes a fault."""
        return any(fault in self.graph.fixes[name].repairs for name in self.fixes)

    def repairs(self) -> tuple[Floats, Floats, Floats]:
        """Of each fix that is left: its chance to remove a cause, its cost, and whether it may be tried unseen."""
        return (
            self.chances(self.shares),
            np.array([cost_of(self.graph.fixes[name], self.graph) for name in self.fixes]),
            np.array([float(self.graph.fixes[name].blind) for name in self.fixes]),
        )

    def chances(self, shares: Floats) -> Floats:
        """Probability that each fix removes a present cause."""
        if not self.fixes:
            return np.empty((0, shares.shape[1]))
        graph, index = self.graph, self.circuit.index
        own = _tree_faults(graph, self.state["symptom"])
        places: list[int] = []
        success: list[float] = []
        starts: list[int] = []
        for name in self.fixes:
            starts.append(len(places))
            for fault, chance in graph.fixes[name].repairs.items():
                if fault in own:
                    places.append(index[fault])
                    success.append(chance)
        misses = 1.0 - np.array(success)[:, None] * shares[places]
        return 1.0 - np.asarray(np.multiply.reduceat(misses, starts, axis=0))

    def hopeless(self, shares: Floats) -> Floats:
        """Probability that a cause is present that no usable fix removes."""
        repaired = {fault for name in self.fixes for fault in self.graph.fixes[name].repairs}
        fine = np.ones(shares.shape[1])
        for fault, place in self.circuit.index.items():
            node = self.graph.faults.get(fault)
            if fault not in repaired and not (node and node.condition) and self.owns(fault):
                fine *= 1.0 - shares[place]
        return np.minimum(1.0 - fine, 1.0 - 1e-9)

    def ranked(self) -> list[tuple[str, float]]:
        """Faults of the symptom with their probabilities, the most probable first."""
        graph = self.graph
        pairs = [
            (fault, float(self.shares[place, 0]))
            for fault, place in self.circuit.index.items()
            if self.owns(fault) and not (fault in graph.faults and graph.faults[fault].condition)
        ]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def hypotheses(self) -> tuple[tuple[str, float], ...]:
        """The first of them, as they are shown with a step."""
        return tuple(self.ranked()[:SHOWN])


def _wordings(check: Check) -> int:
    """A question is not repeated in the same words; a system may be looked at again."""
    return len(check.ask) if check.who is Who.CUSTOMER else 3


def shares_of(circuit: Circuit, beliefs: Beliefs) -> Floats:
    """Probability that each fault is part of the cause: of its presence, where it can cause the symptom alone."""
    shares = beliefs.faults.copy()
    for item in circuit.cases:
        if item.startswith(CAUSE):
            shares[circuit.index[item.removeprefix(CAUSE)]] = beliefs.cases[circuit.offset[item]]
    return shares


def cost_of(fix: Fix, graph: Graph) -> float:
    """Cost of a fix with its confirmation and with the fixes that complete it."""
    return fix.cost + (1.0 if fix.confirm else 0.0) + sum(graph.fixes[name].cost for name in fix.then)


def _tree_faults(graph: Graph, symptom: str) -> frozenset[str]:
    cached: dict[str, frozenset[str]] = graph.__dict__.setdefault("_tree_faults", {})
    if symptom not in cached:
        cached[symptom] = graph.tree(symptom).events
    return cached[symptom]
