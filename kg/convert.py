"""Between fault trees and graphs, and from graphs to YAML files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from kg import formula as f
from kg import schema
from kg.load import GraphError, valid_id
from kg.model import Fault, Gate, Graph, Kind, Skill, Symptom, Text, kind_of
from kg.tree import FaultTree
from kg.validate import problems

UNKNOWN_PRIOR: Final = 0.01
"""Prior of an event whose probability a file does not give."""
TEAM: Final = "imported_team"
_WORKS: Final = Text("现在正常了吗？", "Does it work now?")


def graph_of_tree(tree: FaultTree) -> Graph:
    """A graph with the tops as symptoms, the gates, and the basic events as faults that a person has to repair.

    It is a beginning for an editor, who adds Chinese texts, checks and fixes: names stand in both languages as they
    are.

    Raises:
        GraphError: two names become the same id, or nothing is left (a tree of constants).
    """
    names = {}
    for name in [*tree.gates, *tree.events, *tree.probabilities, *tree.house]:
        names[name] = _as_id(name)
    if len(set(names.values())) != len(names):
        twice = sorted({one for one in names.values() if list(names.values()).count(one) > 1})
        raise GraphError([f'{tree.name}: several names become the id "{twice[0]}"; rename them in the file'])
    tops = tree.tops()
    constant = {name: f.TRUE if value else f.FALSE for name, value in tree.house.items()}

    def translated(formula: f.Formula) -> f.Formula:
        if formula.op is f.Op.EVENT:
            return constant.get(formula.name, f.event(names[formula.name]))
        return f.Formula(formula.op, tuple(map(translated, formula.args)), "", formula.low, formula.high)

    def label(name: str) -> Text:
        text = tree.labels.get(name, name)
        return Text(text, text)

    below = set(tree.reachable(tops))
    used = {name for gate in below for name in tree.gates[gate].events()}
    graph = Graph(
        symptoms={
            names[top]: Symptom(label(top), translated(tree.gates[top]), (_WORKS,), leak=0.0, skill=TEAM)
            for top in tops
        },
        gates={names[g]: Gate(translated(tree.gates[g]), label(g)) for g in tree.gates if g in below and g not in tops},
        faults={
            names[name]: Fault(
                label(name), tree.probabilities.get(name, UNKNOWN_PRIOR), handoff="diagnosis_exhausted", skill=TEAM
            )
            for name in sorted(tree.events)
            if name in used
        },
        skills={TEAM: Skill(Text("技术支持", "Technical support"))},
    )
    found = [issue.message for issue in problems(graph)]
    if found or not tops:
        raise GraphError(found or [f"{tree.name}: has no gate to begin with"])
    return graph


def _as_id(name: str) -> str:
    plain = re.sub(r"[^\w\-]+", "_", name).strip("_")
    return plain if valid_id(plain) else f"n_{plain}"


class _Dumper(yaml.SafeDumper):
    """Short mappings and lists of plain values stand on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _mapping(dumper: yaml.SafeDumper, data: Mapping[str, Any]) -> yaml.Node:
    node = dumper.represent_mapping("tag:yaml.org,2002:map", data.items())
    node.flow_style = bool(data) and len(str(data)) < 200 and not any(isinstance(v, dict | list) for v in data.values())
    return node


def _sequence(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    node = dumper.represent_sequence("tag:yaml.org,2002:seq", data)
    node.flow_style = not any(isinstance(item, dict | list) for item in data)
    return node


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)


def to_yaml(graph: Graph) -> str:
    """The graph as one YAML file that `kg.load` reads back to an equal graph."""
    section_of = {kind: section for section, kind in schema.SECTIONS.items()}
    sections: dict[str, dict[str, Any]] = {section: {} for section in schema.SECTIONS}
    for name, node in graph.nodes.items():
        sections[section_of[Kind(kind_of(node))]][name] = schema.as_plain(node)
    parts = [
        yaml.dump({section: nodes}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000_000)
        for section, nodes in sections.items()
        if nodes
    ]
    return "\n".join(parts)
