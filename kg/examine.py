"""The fault tree of one symptom for who maintains it: what causes it, what matters, which check helps most."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from kg.analysis import Analysis, analyse
from kg.bdd import AnalysisLimitError
from kg.compiled import Knowledge
from kg.diagnose import start
from kg.explain import fault_name
from kg.model import Text
from kg.next_step import check_values, hypotheses

Json = dict[str, Any]
LISTED: Final = 200
"""Minimal cut sets that are listed; all are counted."""
SECONDS: Final = 5.0
LARGEST_ORDER: Final = 4
"""Order of the cut sets that are looked for in a tree that is too large for all of them."""


def examine(knowledge: Knowledge, symptom: str) -> Json:
    """Probability, cut sets, importance of every fault, and what each check is worth, for one symptom.

    Raises:
        KeyError: There is no such symptom.
        TreeError: Its tree is not well formed.
        AnalysisLimitError: It does not fit into memory or time, however little of it is looked at.
        EntangledError: Its checks cannot be compiled.
    """
    began = time.perf_counter()
    graph = knowledge.graph
    tree = graph.tree(symptom)
    found = _analysis(knowledge, symptom)
    state = start(knowledge, symptom)
    shares = dict(hypotheses(knowledge, state))
    measures = found.importance or []
    return {
        "symptom": symptom,
        "probability": found.probability,
        "events": found.events,
        "gates": found.gates,
        "cut_sets": {
            "count": found.minimal_cut_sets,
            "by_order": {str(order): number for order, number in (found.cut_sets_by_order or {}).items()},
            "list": _cut_sets(found, tree.probabilities),
        },
        "importance": [
            {
                "fault": one.event, "title": fault_name(graph, one.event).as_json(), "probability": one.probability,
                "birnbaum": one.birnbaum, "fussell_vesely": one.fussell_vesely, "criticality": one.criticality,
                "posterior": shares.get(one.event),
            }
            for one in measures
        ],
        "checks": [
            {
                "check": name, "title": graph.checks[name].name.as_json(), "who": graph.checks[name].who.value,
                "helps": value, "cost": graph.checks[name].cost,
            }
            for name, value in check_values(knowledge, state).items()
        ],
        "notes": [note.as_json() for note in _notes(found)],
        "ms": round((time.perf_counter() - began) * 1000, 1),
    }  # fmt: skip


def _analysis(knowledge: Knowledge, symptom: str) -> Analysis:
    tree = knowledge.graph.tree(symptom)
    try:
        return analyse(tree, top=symptom, list_limit=LISTED, importance=True, seconds=SECONDS)
    except AnalysisLimitError:
        return analyse(tree, top=symptom, max_order=LARGEST_ORDER, list_limit=LISTED, seconds=SECONDS)


def _notes(found: Analysis) -> list[Text]:
    """What the tree or the limits did not allow, for who maintains the graph."""
    notes = []
    if found.max_order is not None:
        notes.append(
            Text(
                f"这棵树太大，只列出了不超过 {found.max_order} 个故障的割集。",
                f"This tree is too large for everything: only cut sets of up to {found.max_order} faults are given.",
            )
        )
    if found.probability is None:
        notes.append(Text("没有算出概率，也就没有重要度。", "The probability is not known, and so no importance."))
    if found.minimal_cut_sets is None:
        notes.append(Text("树里有“非”关系，没有最小割集。", "The tree holds a NOT, so there are no minimal cut sets."))
    elif any(one.fussell_vesely is None for one in found.importance or ()):
        notes.append(
            Text(
                "割集太多，没有计算 Fussell-Vesely 重要度。",
                "There are too many cut sets for the Fussell-Vesely importance.",
            )
        )
    return notes


def _cut_sets(found: Analysis, probabilities: Mapping[str, float]) -> list[Json] | None:
    """The likeliest first."""
    if found.cut_sets is None:
        return None
    listed = []
    for faults in found.cut_sets:
        chance = 1.0
        for fault in faults:
            chance *= probabilities.get(fault, 0.0)
        listed.append({"faults": faults, "probability": chance})
    return sorted(listed, key=lambda one: (-float(one["probability"]), one["faults"]))
