"""What was read out of a customer's words, as answers of the engine; the console's trial of a draft uses the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from actions.diagnosis_lexicon import Lexicon
from actions.diagnosis_reading import Reading, by_meaning, helped_by_meaning, read_check, read_fix
from kg.diagnose import Answer, Step
from kg.model import Graph

Similar = Callable[[str, Sequence[str]], list[float]]


def complaint_of(graph: Graph, name: str) -> dict[str, frozenset[str]]:
    """Facets of a symptom's re-test that show the symptom itself, with the outcomes that do."""
    symptom = graph.symptoms[name]
    check = graph.checks.get(symptom.retest)
    if check is None:
        return {}
    causes = set(symptom.caused_by.events())
    found = {}
    for facet in check.facets.values():
        shows = frozenset(
            key
            for key, one in facet.outcomes.items()
            if one.when is not None and (len(check.facets) == 1 or set(one.when.events()) == causes)
        )
        if shows:
            found[facet.id] = shows
    return found


def answer_of(graph: Graph, step: Mapping[str, Any], found: Reading) -> Answer | None:
    """The answer to the open step (``kind``, ``node``, ``retest``); ``None`` where only other things were told."""
    node, retest = step["node"], bool(step["retest"])
    if step["kind"] == "check" and node in graph.checks:
        if found.outcomes:
            return Answer("check", node, outcomes=found.outcomes)
        if found.result:
            return Answer("check", node, result="refused" if found.result == "refused" else "unsure")
        return None
    if step["kind"] == "check":
        if not found.result:
            return None
        return Answer("check", node, result=found.result if found.result in {"solved", "still"} else "unsure")
    if found.result:
        result: str = found.result
        if retest and result == "done":
            result = "unsure"
        if not retest and result in {"solved", "still", "unsure"}:
            result = "done"
        return Answer("fix", node, result=result)
    if node in found.tried:
        found.tried.remove(node)
        return Answer("fix", node, result="still" if retest else "done")
    return None


class Wanted:
    """Stands for a comparison by meaning and only notes what would be compared."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}

    def __call__(self, text: str, wordings: Sequence[str]) -> list[float]:
        """Nothing is like anything."""
        self.texts |= dict.fromkeys((text, *wordings))
        return [0.0] * len(wordings)


def read_words(lexicon: Lexicon, symptom: str, step: Step, said: tuple[str, str], similar: Similar) -> list[Answer]:
    """What a customer's words (``said``: text and language) answer: the step first, then what they tell besides.

    Like `actions.diagnosis_answers` for a message that is about the diagnosis; empty where nothing could be read.
    """
    graph, (text, language) = lexicon.graph, said
    if step.kind == "check" and step.node in graph.checks:
        found = read_check(lexicon, step.node, text, graph.facets)
        if found.empty or (found.outcomes and len(found.outcomes) < len(graph.checks[step.node].facets)):
            found.outcomes = by_meaning(lexicon, step.node, text, similar, known=found.outcomes) | found.outcomes
    else:
        asked = step.question or (step.text if step.retest else None)
        question = str(getattr(asked, language, "")) if asked is not None else ""
        found = read_fix(
            lexicon, text, question=question, retest=graph.symptoms[symptom].retest,
            complaint=complaint_of(graph, symptom), others=graph.facets,
        )  # fmt: skip
        if found.empty and question:
            found.result = helped_by_meaning(text, similar)
    open_step = {"kind": step.kind, "node": step.node, "retest": step.retest}
    answer = answer_of(graph, open_step, found)
    answers = [] if answer is None else [answer]
    if found.facts:
        answers.append(Answer("observe", outcomes=found.facts))
    return [*answers, *(Answer("tried", name) for name in found.tried)]
