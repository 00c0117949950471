from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import COHERENT, formulas

from kg.compiled import Knowledge
from kg.load import GraphError, load_texts
from kg.model import Graph
from kg.posterior import Circuit, EntangledError, compile_symptom, evidence_weights, posterior, prior_vector

TEXT = {"zh": "文", "en": "text"}
TWICE = [TEXT, {"zh": "文二", "en": "text two"}]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Small graphs with checks over any formulas, of two or three outcomes with any likelihoods."""
    names = [f"f{i}" for i in range(draw(st.integers(2, 5)))]
    cause = draw(formulas(names, COHERENT, depth=3))
    cause_text = f"({cause}) or ({' and '.join(names)})"  # every fault is in it
    likelihood = st.floats(0.05, 0.95)
    checks = {}
    for index in range(draw(st.integers(0, 3))):
        keys = ["x", "y", "z"][: draw(st.integers(2, 3))]
        outcomes: dict[str, Any] = {}
        for key in keys:
            shares = [draw(likelihood) for _ in keys]
            given_ = {other: share / sum(shares) for other, share in zip(keys, shares, strict=True)}
            outcomes[key] = {"label": TEXT, "given": given_}
            if key != keys[-1]:
                outcomes[key]["when"] = str(draw(formulas(names, depth=2)))
        checks[f"c{index}"] = {"name": TEXT, "ask": TWICE, "outcomes": outcomes}
    content = {
        "symptoms": {"s": {"name": TEXT, "caused_by": cause_text, "works": [TEXT], "leak": draw(st.floats(0.01, 0.5))}},
        "faults": {name: {"name": TEXT, "prior": draw(likelihood), "handoff": "policy"} for name in names},
        "checks": checks,
    }
    return load_texts({"random.yaml": json.dumps(content, ensure_ascii=False)})


def enumerated(graph: Graph, names: tuple[str, ...], evidence: dict[str, str]) -> dict[str, float]:
    """P(fault | symptom, evidence) by summing over all states."""
    tree = graph.tree("s")
    total, share = 0.0, dict.fromkeys(names, 0.0)
    for bits in itertools.product((False, True), repeat=len(names)):
        present = dict(zip(names, bits, strict=True))

        def value(name: str, present: dict[str, bool] = present) -> bool:
            return present[name] if name in present else tree.gates[name].evaluate(value)

        if not value("s"):
            continue
        weight = math.prod(tree.probabilities[n] if present[n] else 1 - tree.probabilities[n] for n in names)
        for facet, outcome in evidence.items():
            cases = graph.facets[facet].cases()
            case = next(case for _, case in cases if case.when is None or case.when.evaluate(value))
            weight *= case.given[outcome]
        total += weight
        for name in names:
            share[name] += weight * present[name]
    return {name: value / total for name, value in share.items()}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_posteriors_are_those_of_enumeration(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    circuit = compile_symptom(graph, "s")
    evidence = {
        name: data.draw(st.sampled_from(sorted(facet.outcomes)))
        for name, facet in graph.facets.items()
        if data.draw(st.booleans())
    }
    found = posterior(graph, circuit, evidence)
    expected = enumerated(graph, circuit.faults, evidence)
    for name, value in expected.items():
        assert math.isclose(found[name], value, abs_tol=1e-9), name


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
def test_predictions_are_averages_over_outcomes(graph: Graph) -> None:
    """Law of total probability: posteriors averaged over a facet's outcomes are the posteriors before it."""
    circuit = compile_symptom(graph, "s")
    before = posterior(graph, circuit, {})
    for name, facet in graph.facets.items():
        if name not in circuit.cases:
            continue
        priors = prior_vector(graph, circuit)
        chance = {
            outcome: float(circuit.evaluate(evidence_weights(graph, circuit, {name: outcome}), priors).evidence[0])
            for outcome in facet.outcomes
        }
        total = sum(chance.values())
        assert math.isclose(total, float(circuit.evaluate(circuit.weights(), priors).evidence[0]), rel_tol=1e-9)
        for fault, value in before.items():
            mixed = sum(posterior(graph, circuit, {name: o})[fault] * c for o, c in chance.items()) / total
            assert math.isclose(mixed, value, abs_tol=1e-9)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
def test_a_stored_circuit_is_the_same(graph: Graph) -> None:
    circuit = compile_symptom(graph, "s")
    again = Circuit.from_json(json.loads(json.dumps(circuit.as_json())))
    assert again == circuit
    assert posterior(graph, again, {}) == posterior(graph, circuit, {})


def test_a_compiled_graph_is_stored_and_loaded(tmp_path: Any) -> None:
    graph = load_texts({"g.yaml": json.dumps(simple("a or b", {"a": "a", "b": "b"}))})
    path = tmp_path / "graph.json"
    Knowledge(graph).save(path)
    loaded = Knowledge.load(path)
    assert loaded.graph == graph
    assert loaded.graph.version == graph.version
    assert loaded.circuit("s") == compile_symptom(graph, "s")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(GraphError, match="damaged"):
        Knowledge.load(path)
    path.write_text('{"format": 99}')
    with pytest.raises(GraphError, match="compile the graph again"):
        Knowledge.load(path)


def simple(cause: str, shows: dict[str, str], **priors: float) -> dict[str, Any]:
    names = dict.fromkeys([*priors, *shows, *"ab"])
    return {
        "symptoms": {"s": {"name": TEXT, "caused_by": cause, "works": [TEXT], "leak": 0.0}},
        "faults": {name: {"name": TEXT, "prior": priors.get(name, 0.1), "handoff": "policy"} for name in names},
        "checks": {
            f"c_{name}": {
                "name": TEXT, "ask": TWICE, "sensitivity": 0.9, "specificity": 0.8,
                "outcomes": {"yes": {"label": TEXT, "when": when}, "no": {"label": TEXT}},
            }
            for name, when in shows.items()
        },
    }  # fmt: skip


def test_bayes_by_hand() -> None:
    graph = load_texts({"g.yaml": json.dumps(simple("a or b", {"a": "a"}, a=0.2, b=0.1))})
    found = posterior(graph, compile_symptom(graph, "s"), {"c_a": "yes"})
    both, only_a, only_b = 0.2 * 0.1 * 0.9, 0.2 * 0.9 * 0.9, 0.8 * 0.1 * 0.2
    assert found["a"] == pytest.approx((both + only_a) / (both + only_a + only_b))
    assert found["b"] == pytest.approx((both + only_b) / (both + only_a + only_b))


def test_overlap_beyond_reason_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kg.posterior.MAX_WIDTH", 4)
    names = [f"f{i}" for i in range(8)]
    shows = {n: f"{n} and ({names[(i + 3) % 8]} or {names[(i + 5) % 8]})" for i, n in enumerate(names)}
    content = simple(" or ".join([*names, "a", "b"]), shows)
    with pytest.raises(EntangledError, match="c_f"):
        compile_symptom(load_texts({"g.yaml": json.dumps(content)}), "s")


def test_a_fault_of_a_pair_is_a_cause_only_with_the_other() -> None:
    content = simple("(a and b) or c", {"a": "a"}, a=0.5, b=0.01, c=0.3)
    graph = load_texts({"g.yaml": json.dumps(content)})
    circuit = compile_symptom(graph, "s")
    beliefs = circuit.evaluate(circuit.weights(), prior_vector(graph, circuit))
    both = 0.5 * 0.01
    total = 0.3 + both - 0.3 * both
    assert beliefs.cases[circuit.offset["cause:a"], 0] == pytest.approx(both / total)
    assert beliefs.faults[circuit.index["a"], 0] > 0.5
