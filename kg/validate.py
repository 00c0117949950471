"""Whether a graph hangs together: references, cycles, what every complaint needs. Used by loading and by the editor."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from kg.formula import Formula, Op
from kg.model import OTHER, Check, Gate, Graph, Kind, Symptom, kind_of

MAX_NODES: Final = 60_000


@dataclass(frozen=True)
class Issue:
    """One problem of one node; `path` leads to the field."""

    node: str
    message: str
    code: str
    path: tuple[str, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)


_TARGETS: Final[dict[str, tuple[Kind, ...]]] = {
    # role of a link: the kinds that it may lead to
    "part of": (Kind.PRODUCT,),
    "of": (Kind.PRODUCT,),
    "caused by": (Kind.FAULT, Kind.GATE),
    "input": (Kind.FAULT, Kind.GATE),
    "shows": (Kind.FAULT, Kind.GATE),
    "re-tested by": (Kind.CHECK,),
    "handled by": (Kind.SKILL,),
    "described in": (Kind.DOCUMENT,),
    "in": (Kind.COMPONENT,),
    "repairs": (Kind.FAULT,),
    "then": (Kind.FIX,),
    "instead of": (Kind.FIX,),
}
_FIELDS: Final = {
    "part of": "product", "of": "product", "caused by": "caused_by", "input": "formula", "shows": "outcomes",
    "re-tested by": "retest", "handled by": "skill", "described in": "document", "in": "component",
    "repairs": "repairs", "then": "then", "instead of": "instead_of",
}  # fmt: skip


_COUNTS: Final = frozenset({Op.ATLEAST, Op.CARDINALITY})


def problems(graph: Graph, unfinished: Collection[str] = ()) -> list[Issue]:
    """Everything that is wrong with a graph, in the order of its nodes. Empty: it may be used.

    `unfinished` are ids of nodes that exist but cannot be read yet: a reference to them is no mistake.
    """
    if len(graph.nodes) > MAX_NODES:
        message = f"the graph has {len(graph.nodes)} nodes, more than {MAX_NODES}; split it by product"
        return [Issue("", message, "too_many_nodes", (), {"count": len(graph.nodes), "most": MAX_NODES})]
    links = graph.links()
    issues = [*_dangling(graph, links, unfinished), *_cycles(links)]
    return [*issues, *_unreachable(graph), *_counts(graph), *_implied(graph), *_unrepairable(graph)]


def _dangling(graph: Graph, links: Sequence[tuple[str, str, str]], unfinished: Collection[str]) -> list[Issue]:
    issues, nodes = [], graph.nodes
    for origin, target, role in links:
        wanted = _TARGETS[role]
        if target in unfinished or (target in nodes and kind_of(nodes[target]) in wanted):
            continue
        kind = kind_of(nodes[origin])
        names = " or ".join(kind.value for kind in wanted)
        if target not in nodes:
            issues.append(
                Issue(
                    origin,
                    f'{kind.value} "{origin}" points to {names} "{target}", which does not exist; '
                    "add it or correct the name",
                    "dangling",
                    (_FIELDS[role],),
                    {"target": target, "wanted": [one.value for one in wanted]},
                )
            )
        else:
            issues.append(
                Issue(
                    origin,
                    f'{kind.value} "{origin}" needs a {names} as "{_FIELDS[role]}", but "{target}" is a '
                    f"{kind_of(graph.nodes[target]).value}",
                    "wrong_kind",
                    (_FIELDS[role],),
                    {"target": target, "wanted": [one.value for one in wanted], "kind": kind_of(graph.nodes[target])},
                )
            )
    return issues


def _cycles(links: Sequence[tuple[str, str, str]]) -> list[Issue]:
    issues = []
    for role, what in (("input", "gates"), ("then", "fixes")):
        after: dict[str, list[str]] = {}
        for origin, target, link in links:
            if link == role:
                after.setdefault(origin, []).append(target)
        done: set[str] = set()
        for start in after:
            path: list[str] = []
            on_path: set[str] = set()
            stack: list[tuple[str, bool]] = [(start, False)]
            while stack:
                name, leaving = stack.pop()
                if leaving:
                    on_path.discard(path.pop())
                    done.add(name)
                elif name in on_path:
                    cycle = [*path[path.index(name) :], name]
                    issues.append(
                        Issue(
                            name,
                            f"the {what} {' → '.join(cycle)} form a cycle; cut one of these links",
                            "cycle",
                            (_FIELDS[role],),
                            {"cycle": " → ".join(cycle)},
                        )
                    )
                    done.update(cycle)
                elif name not in done:
                    path.append(name)
                    on_path.add(name)
                    stack.append((name, True))
                    stack += [(target, False) for target in after.get(name, ())]
    return issues


def _unreachable(graph: Graph) -> list[Issue]:
    """Faults and gates that no symptom, checks that no fault of a symptom, depends on."""
    caused = reached(graph, graph.symptoms)
    # Gates may also serve checks alone.
    used = caused | reached(graph, graph.checks)
    issues = [
        Issue(
            name,
            f'fault "{name}" causes no symptom; name it in a "caused_by" or in a gate there, or remove it',
            "unreachable",
        )
        for name in graph.faults
        if name not in caused
    ]
    issues += [
        Issue(name, f'gate "{name}" is used by no symptom and no check; use it or remove it', "unused_gate")
        for name in graph.gates
        if name not in used
    ]
    return issues


def reached(graph: Graph, origins: Iterable[str]) -> set[str]:
    """Faults and gates that the formulas of some nodes stand on."""
    found: set[str] = set()
    stack = [name for origin in origins for name in graph.nodes[origin].below]
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            if name in graph.gates:
                stack += graph.gates[name].below
    return found


def _counts(graph: Graph) -> list[Issue]:
    """k-of-n with impossible k, and symptoms that are not coherent only by mistake are left to the author."""
    issues = []
    for name, node in graph.nodes.items():
        formulas: list[tuple[str, Formula]] = []
        match node:
            case Symptom():
                formulas = [("caused_by", node.caused_by)]
            case Gate():
                formulas = [("formula", node.formula)]
            case Check():
                formulas = [
                    ("outcomes", outcome.when)
                    for facet in node.facets.values()
                    for outcome in facet.outcomes.values()
                    if outcome.when is not None
                ]
            case _:
                continue
        for field_name, formula in formulas:
            stack = [formula]
            while stack:
                part = stack.pop()
                stack += part.args
                if part.op in _COUNTS and not 1 <= part.low <= len(part.args):
                    issues.append(
                        Issue(
                            name,
                            f'"{part}" of {kind_of(node).value} "{name}" asks for {part.low} of {len(part.args)}',
                            "impossible_count",
                            (field_name,),
                            {"low": part.low, "count": len(part.args)},
                        )
                    )
    return issues


def _implied(graph: Graph) -> list[Issue]:
    issues = []
    for name, symptom in graph.symptoms.items():
        for facet, outcome in symptom.implies.items():
            if facet not in graph.facets or outcome not in graph.facets[facet].outcomes:
                issues.append(
                    Issue(
                        name,
                        f'symptom "{name}" implies "{facet}: {outcome}", which no check has; name a facet '
                        '("check" or "check.facet") and one of its outcomes',
                        "unknown_outcome",
                        ("implies",),
                        {"outcome": f"{facet}: {outcome}"},
                    )
                )
        if name + OTHER in graph.nodes:
            issues.append(
                Issue(name, f'"{name}{OTHER}" is the name of the unknown cause; rename that node', "reserved")
            )
    return issues


def _unrepairable(graph: Graph) -> list[Issue]:
    """A fault needs a fix, or a reason why a person has to help."""
    return [
        Issue(
            name,
            f'fault "{name}" has no fix; add one that "repairs" it, or say why a person must help with "handoff"',
            "no_fix",
        )
        for name, fault in graph.faults.items()
        if name not in graph.fixes_of and not fault.handoff and not fault.condition
    ]
