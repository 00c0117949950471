"""The fault-tree knowledge graph as an immutable value: what can be wrong, how to find out, what to do about it.

Kinds of nodes: product, component, symptom (top event), gate, fault (basic event), check, fix, document, skill. The
typed nodes are the content; `Graph.network` shows the same as a NetworkX graph for questions about structure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import networkx as nx
import orjson

from kg import formula as f
from kg.formula import Formula
from kg.tree import FaultTree

LANGUAGES: Final = ("zh", "en")
OTHER: Final = ".other"
"""Suffix of the unknown cause that every symptom has: what the graph does not list."""


class Kind(StrEnum):
    """Kinds of nodes."""

    PRODUCT = "product"
    COMPONENT = "component"
    SYMPTOM = "symptom"
    GATE = "gate"
    FAULT = "fault"
    CHECK = "check"
    FIX = "fix"
    DOCUMENT = "document"
    SKILL = "skill"


class Who(StrEnum):
    """Who carries out a check or a fix."""

    CUSTOMER = "customer"
    SYSTEM = "system"
    TECHNICIAN = "technician"


@dataclass(frozen=True)
class Text:
    """One text in both languages."""

    zh: str
    en: str

    def as_json(self) -> dict[str, str]:
        """`{"zh": …, "en": …}`, as messages carry it."""
        return {"zh": self.zh, "en": self.en}


@dataclass(frozen=True)
class Phrases:
    """Ways in which customers say a thing, by language."""

    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()


class _Node:
    """What all nodes have in common. They never change, so that what follows from one is worked out once.

    It is kept under names with an underscore, which `Graph.version` does not read.
    """

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        """What it refers to: the other node's id, and as what."""
        return self._references

    @property
    def below(self) -> tuple[str, ...]:
        """The faults and gates that its formulas speak of."""
        return self._below

    @cached_property
    def _references(self) -> tuple[tuple[str, str], ...]:
        return tuple((target, role) for target, role in _references(self) if target)

    @cached_property
    def _below(self) -> tuple[str, ...]:
        return tuple(target for target, role in self._references if role in _OF_FORMULAS)


@dataclass(frozen=True)
class Product(_Node):
    """What the company sells."""

    name: Text


@dataclass(frozen=True)
class Component(_Node):
    """A part of a product that faults are in."""

    name: Text
    product: str = ""


@dataclass(frozen=True)
class Symptom(_Node):
    """What a customer notices: the top event of a fault tree.

    `caused_by` is over faults and gates; `leak` is the probability that something not listed causes it; `implies` are
    facet outcomes that the complaint itself tells; `retest` is the check that shows whether it is gone; `works` asks
    so.
    """

    name: Text
    caused_by: Formula
    works: tuple[Text, ...]
    product: str = ""
    phrases: Phrases = Phrases()
    leak: float = 0.01
    implies: Mapping[str, str] = field(default_factory=dict)
    retest: str = ""
    safety: bool = False
    advice: Text | None = None
    skill: str = ""
    document: str = ""


@dataclass(frozen=True)
class Gate(_Node):
    """A named formula over faults and gates."""

    formula: Formula
    name: Text | None = None


@dataclass(frozen=True)
class Fault(_Node):
    """Something that can be wrong, with its probability among the customers who complain of anything here.

    A `condition` is a circumstance (being abroad) that nobody repairs. `handoff` names why only a person can help
    ("policy", "safety", "diagnosis_exhausted"). `skill` is the team that then takes over.
    """

    name: Text
    prior: float
    component: str = ""
    condition: bool = False
    handoff: str = ""
    advice: Text | None = None
    skill: str = ""
    document: str = ""


@dataclass(frozen=True)
class Outcome:
    """One answer to a facet. `when` is the case in which it is the true answer (None: in every other case).

    `given` is P(outcome | this case) by outcome. `says` are typical wordings. `match` are the values of system facts
    that mean this outcome.
    """

    label: Text
    when: Formula | None
    given: Mapping[str, float]
    says: Phrases = Phrases()
    match: Mapping[str, Any] = field(default_factory=dict)
    safety: bool = False


@dataclass(frozen=True)
class Facet:
    """One thing that a check tells; its outcomes exclude each other. The first case that holds counts."""

    id: str
    check: str
    outcomes: Mapping[str, Outcome]
    name: Text | None = None

    def cases(self) -> list[tuple[str, Outcome]]:
        """Outcomes as cases, the remaining case last."""
        named = [(key, outcome) for key, outcome in self.outcomes.items() if outcome.when is not None]
        return named + [(key, outcome) for key, outcome in self.outcomes.items() if outcome.when is None]

    @property
    def normal(self) -> str:
        """The outcome of the remaining case: nothing wrong here."""
        return self.cases()[-1][0]


@dataclass(frozen=True)
class Check(_Node):
    """A question to the customer, or a look into a system, that tells one or several facets."""

    name: Text
    who: Who
    ask: tuple[Text, ...]
    facets: Mapping[str, Facet]
    step: str
    cost: float = 1.0
    explain: Text | None = None
    document: str = ""


@dataclass(frozen=True)
class Fix(_Node):
    """A repair. `repairs` gives P(the fault is gone after it | it was there) by fault.

    `blind` allows it as a try where the fault was not seen; `confirm` asks the customer before it (writes, charges,
    what cannot be undone); `then` names the fixes that complete it; `instead_of` the fix whose refusal it stands in
    for.
    """

    name: Text
    who: Who
    do: tuple[Text, ...]
    repairs: Mapping[str, float]
    step: str
    cost: float = 1.0
    reversible: bool = True
    safe: bool = True
    confirm: bool = False
    ask: Text | None = None
    blind: bool = True
    then: tuple[str, ...] = ()
    instead_of: str = ""
    explain: Text | None = None
    document: str = ""


@dataclass(frozen=True)
class Document(_Node):
    """A help article."""

    title: Text
    article: str = ""


@dataclass(frozen=True)
class Skill(_Node):
    """A team of people."""

    name: Text


Node = Product | Component | Symptom | Gate | Fault | Check | Fix | Document | Skill

_KINDS: Final[dict[type, Kind]] = {
    Product: Kind.PRODUCT, Component: Kind.COMPONENT, Symptom: Kind.SYMPTOM, Gate: Kind.GATE, Fault: Kind.FAULT,
    Check: Kind.CHECK, Fix: Kind.FIX, Document: Kind.DOCUMENT, Skill: Kind.SKILL,
}  # fmt: skip


_OF_FORMULAS: Final = frozenset({"caused by", "input", "shows"})


def _references(node: object) -> list[tuple[str, str]]:
    match node:
        case Component():
            return [(node.product, "part of")]
        case Symptom():
            found = [(used, "caused by") for used in dict.fromkeys(node.caused_by.events())]
            found += [(node.product, "of"), (node.retest, "re-tested by"), (node.skill, "handled by")]
            return [*found, (node.document, "described in")]
        case Gate():
            return [(used, "input") for used in dict.fromkeys(node.formula.events())]
        case Fault():
            return [(node.component, "in"), (node.skill, "handled by"), (node.document, "described in")]
        case Check():
            cases = [one.when for facet in node.facets.values() for one in facet.outcomes.values() if one.when]
            found = [(used, "shows") for case in cases for used in dict.fromkeys(case.events())]
            return [*found, (node.document, "described in")]
        case Fix():
            found = [(fault, "repairs") for fault in node.repairs]
            found += [(follow, "then") for follow in node.then]
            return [*found, (node.instead_of, "instead of"), (node.document, "described in")]
    return []


def kind_of(node: Node) -> Kind:
    """Kind of a node."""
    return _KINDS[type(node)]


@dataclass(frozen=True)
class Graph:
    """All nodes by id. Never changed after it was made; an edit makes another graph with another version."""

    products: Mapping[str, Product] = field(default_factory=dict)
    components: Mapping[str, Component] = field(default_factory=dict)
    symptoms: Mapping[str, Symptom] = field(default_factory=dict)
    gates: Mapping[str, Gate] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    fixes: Mapping[str, Fix] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)
    skills: Mapping[str, Skill] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """Digest of the content: equal graphs have equal versions."""
        # Twice through orjson: it reads dataclasses as they are, and sorts the keys of mappings only.
        plain = orjson.loads(orjson.dumps({one.name: getattr(self, one.name) for one in fields(self)}))
        content = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(content).hexdigest()[:16]

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """All nodes, whatever their kind."""
        return {
            **self.products, **self.components, **self.symptoms, **self.gates, **self.faults, **self.checks,
            **self.fixes, **self.documents, **self.skills,
        }  # fmt: skip

    @cached_property
    def facets(self) -> dict[str, Facet]:
        """Facets of all checks by id."""
        return {facet.id: facet for check in self.checks.values() for facet in check.facets.values()}

    @cached_property
    def fixes_of(self) -> dict[str, list[str]]:
        """Ids of the fixes that repair each fault."""
        result: dict[str, list[str]] = {}
        for name, fix in self.fixes.items():
            for fault in fix.repairs:
                result.setdefault(fault, []).append(name)
        return result

    @cached_property
    def network(self) -> nx.DiGraph:  # type: ignore[type-arg]
        """The graph for NetworkX, frozen: an edge leads from what depends to what it depends on, with a `role`."""
        network: nx.DiGraph = nx.DiGraph()  # type: ignore[type-arg]
        for name, node in self.nodes.items():
            network.add_node(name, kind=kind_of(node).value)
        for origin, target, role in self.links():
            network.add_edge(origin, target, role=role)
        nx.freeze(network)
        return network

    def links(self) -> Sequence[tuple[str, str, str]]:
        """Every reference from node to node: origin, target, role."""
        return self._links

    @cached_property
    def _links(self) -> list[tuple[str, str, str]]:
        return [(name, target, role) for name, node in self.nodes.items() for target, role in node.references]

    def tree(self, symptom: str) -> FaultTree:
        """Fault tree of one symptom: its gates, its faults with priors, and its unknown cause."""
        node = self.symptoms[symptom]
        other = symptom + OTHER
        top = f.any_of(node.caused_by, f.event(other)) if node.leak else node.caused_by
        gates: dict[str, Formula] = {symptom: top}
        pending = list(node.caused_by.events())
        faults: dict[str, float] = {other: node.leak} if node.leak else {}
        while pending:
            name = pending.pop()
            if name in self.faults:
                faults[name] = self.faults[name].prior
            elif name in self.gates and name not in gates:
                gates[name] = self.gates[name].formula
                pending += list(self.gates[name].formula.events())
        labels = {name: self.faults[name].name.en for name in faults if name in self.faults}
        return FaultTree(symptom, gates, faults, frozenset(faults), {}, {**labels, symptom: node.name.en})
