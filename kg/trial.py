"""Talks with a graph that is not in service: one step after another, and whole recorded talks as regression cases.

Both run the engine of the real chat (`kg.diagnose`, `kg.next_step`). Nothing is kept between two steps: a talk is its
symptom and its answers, replayed on the graph as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kg.compiled import Knowledge
from kg.diagnose import Answer, State, StateError, Step, answer, start
from kg.explain import fault_name, for_agent, for_customer, option
from kg.model import Graph, Text, Who
from kg.next_step import hypotheses, next_step

Json = dict[str, Any]
Given = Mapping[str, Any]

MAX_ANSWERS: Final = 60
ENDS: Final = ("solved", "handoff", "open")
_KINDS: Final = frozenset({"check", "fix", "confirm", "observe", "tried", "solved", "still", "safety"})
_UNASKED: Final = frozenset({"observe", "tried"})
"""Kinds of answers that a customer gives of their own accord."""


class TalkError(ValueError):
    """A talk or a case is not written as it should be; the message says where."""


@dataclass(frozen=True)
class Outcome:
    """How a talk stands. `node`: the fix that solved it, or the step that is open. `fault`: the most probable one."""

    end: str
    reason: str = ""
    skill: str = ""
    fault: str = ""
    node: str = ""
    steps: int = 0

    def as_json(self) -> Json:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def read_answer(given: Any, where: str = "answer") -> Answer:
    """An answer from plain values.

    Raises:
        TalkError: It is none.
    """
    if not isinstance(given, Mapping) or given.get("kind") not in _KINDS:
        raise TalkError(f'{where}: "kind" is one of {", ".join(sorted(_KINDS))}')
    node, result, outcomes = given.get("node", ""), given.get("result", ""), given.get("outcomes")
    if not isinstance(node, str) or not isinstance(result, str):
        raise TalkError(f'{where}: "node" and "result" are words')
    if outcomes is not None and not (
        isinstance(outcomes, Mapping)
        and all(isinstance(key, str) and isinstance(value, str) for key, value in outcomes.items())
    ):
        raise TalkError(f'{where}: "outcomes" maps facets to outcomes')
    return Answer(given["kind"], node, dict(outcomes) if outcomes else None, result)


def talk(knowledge: Knowledge, symptom: str, answers: Sequence[Given]) -> Json:
    """Where a talk stands after its answers: the next step with its possible answers, every fault's probability.

    Raises:
        TalkError: The answers are not written as they should be.
        StateError: There is no such symptom.
    """
    if len(answers) > MAX_ANSWERS:
        raise TalkError(f"answers: more than {MAX_ANSWERS}; a talk ends long before")
    read = [read_answer(given, f"answers[{place}]") for place, given in enumerate(answers)]
    graph = knowledge.graph
    state = start(knowledge, symptom)
    before, trail, stale = state, [], None
    for place, given in enumerate(read):
        step = next_step(knowledge, state)
        try:
            if step.kind in ("solved", "handoff"):
                raise StateError("the talk has ended")
            after = answer(knowledge, state, given)
        except StateError:
            stale = place
            break
        trail.append({"step": _brief(graph, step), "answer": dict(answers[place]), "label": _label(graph, given)})
        before, state = state, after
    step = next_step(knowledge, state)
    return {
        "step": _shown(graph, step),
        "posterior": _posterior(knowledge, before, state),
        "trail": trail,
        "outcome": _outcome(knowledge, state, step, before).as_json(),
        "stale": stale,
    }


def standing(knowledge: Knowledge, symptom: str, answers: Sequence[Given]) -> tuple[State, Step]:
    """The engine's state after a talk, and its next step.

    Raises:
        TalkError: The answers are not written as they should be.
        StateError: There is no such symptom, or the talk has ended before.
    """
    state = start(knowledge, symptom)
    for place, given in enumerate(answers[:MAX_ANSWERS]):
        state = answer(knowledge, state, read_answer(given, f"answers[{place}]"))
    return state, next_step(knowledge, state)


def meant(knowledge: Knowledge, symptom: str, answers: Sequence[Given], read: Sequence[Answer]) -> list[Json]:
    """Answers in plain values that can be given one after the other, with their labels; what cannot be is left out.

    Raises:
        TalkError, StateError: As for `standing`.
    """
    state, found = standing(knowledge, symptom, answers)[0], []
    for one in read:
        try:
            state = answer(knowledge, state, one)
        except StateError:
            continue
        plain = {"kind": one.kind, "node": one.node, "outcomes": dict(one.outcomes or {}), "result": one.result}
        kept = {name: value for name, value in plain.items() if value}
        found.append({"answer": kept, "label": _label(knowledge.graph, one)})
    return found


def _posterior(knowledge: Knowledge, before: State, after: State) -> list[Json]:
    earlier = dict(hypotheses(knowledge, before))
    return [
        {
            "fault": fault, "title": fault_name(knowledge.graph, fault).as_json(),
            "probability": share, "before": earlier.get(fault, 0.0),
        }
        for fault, share in hypotheses(knowledge, after)
    ]  # fmt: skip


def _outcome(knowledge: Knowledge, state: State, step: Step, before: State) -> Outcome:
    graph = knowledge.graph
    if step.kind == "solved":
        tried = [name for name in state["tried"] if state["tried"][name] != before["tried"].get(name, 0)]
        node = tried[-1] if tried else next(reversed(state["tried"]), "")
        shares = dict(hypotheses(knowledge, before))
        repaired = graph.fixes[node].repairs if node else {}
        likely = max(repaired, key=lambda fault: (shares.get(fault, 0.0), fault), default="")
        return Outcome("solved", fault=likely, node=node, steps=state["steps"])
    end = "handoff" if step.kind == "handoff" else "open"
    fault = step.hypotheses[0][0] if step.hypotheses else next((one for one, _ in hypotheses(knowledge, state)), "")
    return Outcome(end, step.reason, step.skill, fault, step.node, state["steps"])


# --------------------------------------------------------------------------- steps as plain values


def _brief(graph: Graph, step: Step) -> Json:
    return {"kind": step.kind, "node": step.node, "text": _text(_wording(graph, step))}


def _shown(graph: Graph, step: Step) -> Json:
    return {
        **_brief(graph, step),
        "id": step.id,
        "who": step.who.value,
        "question": _text(step.question),
        "explain": _text(step.explain),
        "retest": step.retest,
        "reason": step.reason,
        "skill": step.skill,
        "why": for_customer(graph, step.why).as_json(),
        "why_agent": for_agent(graph, step).as_json(),
        "options": _options(graph, step),
    }


def _wording(graph: Graph, step: Step) -> Text | None:
    """What is said; a look into a system says nothing and is called by its name."""
    if step.text is None and step.node in graph.checks:
        return graph.checks[step.node].name
    return step.text


def _options(graph: Graph, step: Step) -> list[Json]:
    def given(name: str, **answer: Any) -> Json:
        return {"label": option(name).as_json(), "answer": {"kind": step.kind, "node": step.node, **answer}}

    if step.kind in ("solved", "handoff"):
        return []
    if step.kind == "confirm":
        return [given(name, result=name) for name in ("yes", "no", "unsure")]
    if step.kind == "fix":
        names = ("solved", "still", "unsure", "refused") if step.retest else ("done", "refused")
        return [given(name, result=name) for name in names]
    if step.node not in graph.checks:
        return [given(name, result=name) for name in ("solved", "still", "unsure")]
    options = [
        {
            "label": _facet_label(graph, choice.facet, choice.outcome),
            "answer": {"kind": "check", "node": step.node, "outcomes": {choice.facet: choice.outcome}},
        }
        for choice in step.choices
    ]
    facets = dict.fromkeys(choice.facet for choice in step.choices)
    if len(facets) > 1:
        options.append(given("all_fine", outcomes={facet: graph.facets[facet].normal for facet in facets}))
    if step.who is Who.SYSTEM:
        return [*options, given("nothing_known", result="refused")]
    return [*options, given("unsure", result="unsure"), given("refused", result="refused")]


def _facet_label(graph: Graph, facet: str, outcome: str) -> Json:
    node = graph.facets[facet]
    label = node.outcomes[outcome].label
    if node.name is None:
        return label.as_json()
    return {"zh": f"{node.name.zh}：{label.zh}", "en": f"{node.name.en}: {label.en}"}


def _label(graph: Graph, given: Answer) -> Json:
    """An answer in words."""
    if given.outcomes:
        normal = {name: graph.facets[name].normal for name in given.outcomes if name in graph.facets}
        if len(normal) > 1 and normal == given.outcomes:
            return option("all_fine").as_json()
        labels = [
            _facet_label(graph, name, outcome) for name, outcome in given.outcomes.items() if name in graph.facets
        ]
        return {"zh": "；".join(one["zh"] for one in labels), "en": "; ".join(one["en"] for one in labels)}
    if given.kind == "tried" and given.node in graph.fixes:
        name = graph.fixes[given.node].name
        return {"zh": f"已经试过：{name.zh}", "en": f"Tried already: {name.en}"}
    check = graph.checks.get(given.node)
    if given.kind == "check" and given.result == "refused" and check is not None and check.who is Who.SYSTEM:
        return option("nothing_known").as_json()
    if given.kind in ("solved", "still"):
        return option(given.kind).as_json()
    known = given.result in ("solved", "still", "done", "unsure", "refused", "yes", "no")
    return option(given.result).as_json() if known else {"zh": given.kind, "en": given.kind}


def _text(text: Text | None) -> Json | None:
    return None if text is None else text.as_json()


# --------------------------------------------------------------------------- cases


@dataclass(frozen=True)
class Case:
    """A customer with one trouble: what they say when asked, and how it should end."""

    id: str
    title: str
    symptom: str
    answers: tuple[Answer, ...]
    expect: Mapping[str, str]

    @staticmethod
    def read(data: Mapping[str, Any], name: str = "") -> Case:
        """A case from plain values.

        Raises:
            TalkError: It is none.
        """
        answers, expect = data.get("answers"), data.get("expect")
        if not isinstance(answers, list) or len(answers) > MAX_ANSWERS:
            raise TalkError(f"answers: a list of at most {MAX_ANSWERS}")
        if not isinstance(expect, Mapping) or expect.get("end") not in ENDS:
            raise TalkError(f'expect: "end" is one of {", ".join(ENDS)}')
        wanted = {}
        for key in ("end", "reason", "node", "fault"):
            value = expect.get(key) or ""
            if not isinstance(value, str):
                raise TalkError(f'expect: "{key}" is a word')
            if value:
                wanted[key] = value
        if not isinstance(data.get("symptom"), str) or not isinstance(data.get("title"), str):
            raise TalkError('"symptom" and "title" are words')
        read = tuple(read_answer(given, f"answers[{place}]") for place, given in enumerate(answers))
        return Case(name, data["title"], data["symptom"], read, wanted)


@dataclass(frozen=True)
class Result:
    """How a case went. `at`: the step at which the talk first left the recorded one, None where it did not."""

    case: Case
    got: Outcome
    at: int | None
    missing: str = ""
    """What the graph lacks of what the case names."""

    @property
    def passed(self) -> bool:
        """Whether it ended as expected."""
        got = self.got.as_json()
        return not self.missing and all(got[key] == value for key, value in self.case.expect.items())

    def as_json(self) -> Json:
        """Plain values, with a sentence in both languages."""
        wanted, got = dict(self.case.expect), self.got.as_json()
        if self.missing:
            text = {"zh": f"图里已经没有“{self.missing}”。", "en": f'The graph has no "{self.missing}" any more.'}
        else:
            text = {
                "zh": f"应当以 {_told(wanted)} 结束，实际是 {_told({key: got[key] for key in wanted})}。",
                "en": f"It should end with {_told(wanted)}; it ended with {_told({key: got[key] for key in wanted})}.",
            }
        return {
            "case": self.case.id, "title": self.case.title, "expected": wanted, "got": got, "at": self.at, "text": text,
        }  # fmt: skip


def run_case(knowledge: Knowledge, case: Case) -> Result:
    """The talk of a case's customer with the engine, from the beginning to its end."""
    if case.symptom not in knowledge.graph.symptoms:
        return Result(case, Outcome("open"), 0, case.symptom)
    try:
        return _run(knowledge, case)
    except StateError:
        named = [(one.node, *(one.outcomes or {})) for one in case.answers]
        known = knowledge.graph.nodes.keys() | knowledge.graph.facets.keys()
        missing = next((name for names in named for name in names if name and name not in known), "")
        return Result(case, Outcome("open"), 0, missing or case.symptom)


def _run(knowledge: Knowledge, case: Case) -> Result:
    state = start(knowledge, case.symptom)
    left = [given for given in case.answers if given.kind not in _UNASKED]
    for given in case.answers:
        if given.kind in _UNASKED:
            state = answer(knowledge, state, given)
    before, at, place = state, None, 0
    while True:
        step = next_step(knowledge, state)
        if step.kind in ("solved", "handoff"):
            break
        told = next((one for one in left if one.kind in ("safety", "still", "solved")), None)
        if told is None or left[0] is not told:
            told = next((one for one in left if (one.kind, one.node) == (step.kind, step.node)), None)
        if told is None and not left and case.expect["end"] == "open":
            break
        if at is None and (told is None or told is not left[0]):
            at = place
        if told is not None:
            left.remove(told)
        place += 1
        before, state = state, answer(knowledge, state, _fitting(step, told))
    return Result(case, _outcome(knowledge, state, step, before), at)


def _fitting(step: Step, told: Answer | None) -> Answer:
    """What the customer says now: what was recorded, as far as this step takes it, or what anybody may say."""
    if told is not None and told.kind == "fix" and not step.retest and told.result in ("solved", "still", "unsure"):
        return replace(told, result="done")
    if told is not None:
        if told.kind == "fix" and step.retest and told.result == "done":
            return replace(told, result="still")
        return told
    if step.kind == "check":
        result = "refused" if step.who is Who.SYSTEM else "still" if step.retest else "unsure"
        return Answer("check", step.node, result=result)
    if step.kind == "fix":
        return Answer("fix", step.node, result="still" if step.retest else "done")
    return Answer("confirm", step.node, result="yes")


def _told(values: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in values.values() if value) or "–"
