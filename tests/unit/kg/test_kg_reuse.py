"""What is compiled once is used again where a change leaves it as it was, and only there."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import kg
from kg import posterior
from kg.compiled import Knowledge
from kg.editing import Content, apply
from kg.load import load
from kg.model import Graph
from kg.posterior import compile_symptom, structure
from kg.problems import Reader

GRAPH = load([Path(kg.__file__).parent / "data"])
DEMO = Content.of_graph(GRAPH)


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    made = Knowledge(GRAPH)
    made.compile_all()
    return made


def edited(*operations: dict[str, Any]) -> Graph:
    checked = Reader().check(apply(DEMO, list(operations)))
    assert checked.finished
    return checked.graph


def put(node: str, *path: str | int, value: Any) -> dict[str, Any]:
    return {"op": "set", "node": node, "path": list(path), "value": value}


def compiled_again(before: Knowledge, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Symptoms that had to be compiled, after it was shown that every circuit is what a fresh one would be."""
    done: set[str] = set()
    after = Knowledge.after(graph, before)
    with monkeypatch.context() as watched:
        watched.setattr("kg.compiled.compile_symptom", lambda g, name: done.add(name) or compile_symptom(g, name))
        after.compile_all()
    for symptom in graph.symptoms:
        assert after.circuit(symptom) == compile_symptom(graph, symptom), symptom
    return done


def test_figures_and_texts_need_no_compiling(knowledge, monkeypatch):
    graph = edited(
        put("hdmi_loose", "prior", value=0.33),
        put("hdmi_loose", "name", "en", value="Cable loose"),
        put("tv_no_picture", "leak", value=0.07),
        put(next(name for name in GRAPH.checks if "outcomes" in DEMO.nodes[name].data), "reliability", value=0.8),
    )
    assert compiled_again(knowledge, graph, monkeypatch) == set()


def test_a_new_cause_compiles_its_symptom_alone(knowledge, monkeypatch):
    formula = DEMO.nodes["tv_remote_fails"].data["caused_by"]
    graph = edited(put("tv_remote_fails", "caused_by", value=f"{formula} or hdmi_loose"))
    assert "tv_remote_fails" in compiled_again(knowledge, graph, monkeypatch) < set(GRAPH.symptoms)


def test_the_leak_that_comes_or_goes_counts(knowledge, monkeypatch):
    graph = edited(put("tv_no_picture", "leak", value=0))
    assert compiled_again(knowledge, graph, monkeypatch) == {"tv_no_picture"}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_changes_circuits_are_what_fresh_ones_would_be(knowledge, monkeypatch, seed):
    dice = random.Random(seed)
    operations = []
    for name in dice.sample(sorted(GRAPH.gates), 2) + dice.sample(sorted(GRAPH.symptoms), 2):
        field = "formula" if name in GRAPH.gates else "caused_by"
        extra = dice.choice(sorted(GRAPH.faults))
        join = dice.choice(["or", "and", "xor"])
        operations.append(put(name, field, value=f"({DEMO.nodes[name].data[field]}) {join} {extra}"))
    for name in dice.sample(sorted(GRAPH.checks), 4):
        outcomes = DEMO.nodes[name].data.get("outcomes") or {}
        for key in [key for key, one in outcomes.items() if "when" in one][:1]:
            operations.append(put(name, "outcomes", key, "when", value=dice.choice(sorted(GRAPH.faults))))
    operations.append({"op": "rename", "node": dice.choice(sorted(GRAPH.checks)), "to": "renamed_check"})
    compiled_again(knowledge, edited(*operations), monkeypatch)


def test_a_structure_names_what_a_circuit_is_made_of():
    for symptom in GRAPH.symptoms:
        made = structure(GRAPH, symptom)
        assert hash(made) == hash(structure(Reader().check(DEMO).graph, symptom))
        assert posterior.SYMPTOM in {item for item, _ in made[0]}  # type: ignore[attr-defined]
