"""Analysis of a fault tree for people who maintain it: probability, minimal cut sets, importance. Pure functions.

Importance measures, for the top event T and event i (Borgonovo and Apostolakis 2001 compare them):
Birnbaum dP(T)/dp_i; criticality p_i·Birnbaum/P(T); Fussell-Vesely P(some minimal cut set that contains i occurs)/P(T).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kg import bdd, cutsets, truncated
from kg.tree import FaultTree, TreeError

DEFAULT_SECONDS = 600.0
DIAGRAM_SHARE = 0.5
"""Share of the time that the diagram may take where cut sets of small order can be had without it."""
EXACT_FUSSELL_VESELY_NODES = 200_000
"""Diagram nodes times events up to which Fussell-Vesely is computed; beyond it is left out."""


@dataclass(frozen=True)
class Importance:
    """How much one event matters for the top event."""

    event: str
    probability: float
    birnbaum: float
    criticality: float
    fussell_vesely: float | None


@dataclass(frozen=True)
class Analysis:
    """What `analyse` found. Fields that the tree or the limits do not allow are None, and `notes` says why."""

    top: str
    probability: float | None
    minimal_cut_sets: int | None
    seconds: float
    max_order: int | None
    events: int
    gates: int
    nodes: int
    cut_sets_by_order: dict[int, int] | None
    cut_sets: list[list[str]] | None
    importance: list[Importance] | None
    other_tops: list[str]
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self)


def analyse(
    tree: FaultTree,
    *,
    top: str | None = None,
    max_order: int | None = None,
    list_limit: int = 0,
    importance: bool = False,
    seconds: float | None = DEFAULT_SECONDS,
    spent: float = 0.0,
) -> Analysis:
    """Probability of the top event, and minimal cut sets of order `max_order` at most: their number, `list_limit` of
    them.

    Without `top`, the gate that no other uses is taken; of several, the one with most gates below it. `spent` are
    seconds used before (reading), which count in the result.

    Raises:
        TreeError: the tree is not well formed, or has no such top.
        kg.bdd.AnalysisLimitError: it does not fit into memory or time.
    """
    started = time.perf_counter() - spent
    name, others = choose_top(tree, top)
    coherent = tree.is_coherent([name])
    try:
        share = seconds if max_order is None or seconds is None else seconds * DIAGRAM_SHARE
        diagram = bdd.build(tree, [name], seconds=share)
    except bdd.AnalysisLimitError as error:
        if max_order is None or not coherent:
            raise
        return _without_diagram(tree, name, others, max_order, list_limit, started, seconds, str(error))
    notes: list[str] = []
    missing = [event for event in diagram.events if event not in tree.probabilities]
    probability = None
    if missing:
        notes.append(f'no probability: {len(missing)} events have none, among them "{missing[0]}"')
    else:
        probability = diagram.probability(name, tree.probabilities)
    sets: cutsets.CutSets | None = None
    try:
        remaining = None if seconds is None else max(0.001, seconds - (time.perf_counter() - started))
        sets = cutsets.minimal_cut_sets(diagram, name, max_order=max_order, seconds=remaining, coherent=coherent)
    except cutsets.NotCoherentError as error:
        notes.append(str(error))
    measures = None
    if importance and probability is not None:
        complete = sets if max_order is None else None
        measures = importances(diagram, name, tree.probabilities, complete)
        if any(measure.fussell_vesely is None for measure in measures):
            notes.append("Fussell-Vesely left out: it needs all minimal cut sets of a diagram that is not too large")
    listed = None
    if sets is not None and list_limit:
        listed = [list(one) for one in itertools.islice(sets, list_limit)]
    gates = tree.reachable([name])
    return Analysis(
        top=name,
        probability=probability,
        minimal_cut_sets=None if sets is None else sets.count(),
        seconds=round(time.perf_counter() - started, 3),
        max_order=max_order,
        events=len(diagram.events),
        gates=len(gates),
        nodes=len(diagram),
        cut_sets_by_order=None if sets is None else sets.count_by_order(),
        cut_sets=listed,
        importance=measures,
        other_tops=others,
        notes=notes,
    )


def _without_diagram(  # noqa: PLR0917 - the fields of the result, from one place
    tree: FaultTree,
    name: str,
    others: list[str],
    max_order: int,
    list_limit: int,
    started: float,
    seconds: float | None,
    reason: str,
) -> Analysis:
    """Cut sets up to an order of a tree whose diagram is too large; the exact probability stays unknown."""
    remaining = None if seconds is None else max(0.001, seconds - (time.perf_counter() - started))
    sets = truncated.small_cut_sets(tree, name, max_order, seconds=remaining)
    return Analysis(
        top=name,
        probability=None,
        minimal_cut_sets=sets.count(),
        seconds=round(time.perf_counter() - started, 3),
        max_order=max_order,
        events=len(sets.events),
        gates=len(tree.reachable([name])),
        nodes=len(sets.level),
        cut_sets_by_order=sets.count_by_order(),
        cut_sets=[list(one) for one in itertools.islice(sets, list_limit)] if list_limit else None,
        importance=None,
        other_tops=others,
        notes=[f"no probability: {reason}"],
    )


def choose_top(tree: FaultTree, top: str | None) -> tuple[str, list[str]]:
    """The gate to analyse and the other candidates."""
    if top is not None:
        tree.reachable([top])
        return top, []
    tops = tree.tops()
    if not tops:
        tree.reachable(list(tree.gates))  # names the cycle, if that is why
        raise TreeError(f"{tree.name}: there is no gate; name the file that defines the fault tree")
    if len(tops) > 1:
        reach = {name: sum(1 for _ in tree.reachable([name])) for name in tops}
        tops.sort(key=lambda name: -reach[name])
    return tops[0], tops[1:]


def importances(
    diagram: bdd.Diagram, top: str, probability: Mapping[str, float], sets: cutsets.CutSets | None
) -> list[Importance]:
    """Importance of every event, the most critical first. Without `sets`, Fussell-Vesely is None."""
    total = diagram.probability(top, probability)
    birnbaum = diagram.birnbaum(top, probability)
    vesely: Mapping[str, float] | None = None
    if sets is not None and len(sets.level) * len(diagram.events) <= EXACT_FUSSELL_VESELY_NODES:
        vesely = fussell_vesely(sets, probability, total)
    result = [
        Importance(
            event=name,
            probability=probability[name],
            birnbaum=value,
            criticality=probability[name] * value / total if total else 0.0,
            fussell_vesely=None if vesely is None else vesely[name],
        )
        for name, value in birnbaum.items()
    ]
    return sorted(result, key=lambda measure: (-measure.criticality, measure.event))


def fussell_vesely(sets: cutsets.CutSets, probability: Mapping[str, float], total: float) -> dict[str, float]:
    """P(at least one minimal cut set that contains the event occurs) / P(top), exactly, for every event."""
    if not total:
        return dict.fromkeys(sets.events, 0.0)
    p = [probability[name] for name in sets.events]
    result = {}
    for index, name in enumerate(sets.events):
        union = _Union(sets)
        containing = union.containing(sets.root, index)
        result[name] = union.probability(containing, p) / total
    return result


class _Union:
    """BDD of "some set of a family occurs", for families given as zero-suppressed diagrams."""

    def __init__(self, sets: cutsets.CutSets) -> None:
        self.sets = sets
        self.nodes: list[tuple[int, int, int]] = [(len(sets.events), 0, 0), (len(sets.events), 1, 1)]
        self._unique: dict[tuple[int, int, int], int] = {}
        self._or: dict[tuple[int, int], int] = {}

    def node(self, level: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (level, low, high)
        if key not in self._unique:
            self._unique[key] = len(self.nodes)
            self.nodes.append(key)
        return self._unique[key]

    def disjunction(self, first: int, second: int) -> int:
        if first == 1 or second == 1:
            return 1
        if first in (0, second):
            return second
        if second == 0:
            return first
        key = (min(first, second), max(first, second))
        if key not in self._or:
            (level1, low1, high1), (level2, low2, high2) = self.nodes[first], self.nodes[second]
            at = min(level1, level2)
            a0, a1 = (low1, high1) if level1 == at else (first, first)
            b0, b1 = (low2, high2) if level2 == at else (second, second)
            self._or[key] = self.node(at, self.disjunction(a0, b0), self.disjunction(a1, b1))
        return self._or[key]

    def containing(self, root: int, event: int) -> int:
        """Function that is true when a set with `event` in it occurs. One upward pass over the family."""
        sets = self.sets
        whole, part = [0, 1], [0, 0]  # by family node: any set occurs; a set with the event occurs
        for node in range(2, len(sets.level)):
            at, low, high = sets.level[node], sets.low[node], sets.high[node]
            if at < event:
                whole.append(0)  # not used above the event
                inner = self.node(at, 0, part[high]) if part[high] else 0
                part.append(self.disjunction(part[low], inner))
            else:
                inner = self.node(at, 0, whole[high])
                whole.append(self.disjunction(whole[low], inner))
                part.append(inner if at == event else 0)
        return part[root]

    def probability(self, root: int, p: Sequence[float]) -> float:
        value = [0.0, 1.0]
        for level, low, high in self.nodes[2:]:
            value.append((1 - p[level]) * value[low] + p[level] * value[high])
        return value[root]
