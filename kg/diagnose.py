"""The state of a diagnosis, and what an answer changes. Pure functions of graph, state and answer.

The state is plain JSON. A diagnosis is: `start`, then `next_step` (`kg.next_step`) and `answer` in turn until the
step's kind is `solved` or `handoff`. Facts told before they were asked for are answers of kind `observe` at any time.

After a fix the device is not the device of before. A repaired fault keeps the probability that the repair failed,
outcomes that depended on it are retired (they may be asked again), and the complaint is observed anew by the
re-test. This is exact where those outcomes depend on the repaired faults alone; otherwise what they told about other
faults is given up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from kg.compiled import Knowledge
from kg.explain import NO_EXPLANATION, Explanation
from kg.model import Check, Fix, Graph, Text, Who
from kg.posterior import (
    SYMPTOM,
    Beliefs,
    Circuit,
    evidence_weights,
    facet_support,
    prior_vector,
)

MAX_STEPS: Final = 20
"""Questions, fixes and confirmations that a customer is asked for; then a person takes over."""
MAX_TRIES: Final = 2

State = dict[str, Any]
Kind = Literal["check", "fix", "confirm", "solved", "handoff"]


class StateError(ValueError):
    """A state or answer does not fit the graph; the message says what is wrong."""


@dataclass(frozen=True)
class Choice:
    """One outcome that can be answered by a button."""

    facet: str
    outcome: str
    label: Text


@dataclass(frozen=True)
class Step:
    """What happens next.

    `id` is the step's public id (the support manual's function name, or an account operation), `node` the node of the
    graph. `text` is the wording to use this time, `question` asks whether the symptom is gone where `retest` is set.
    """

    kind: Kind
    id: str = ""
    node: str = ""
    who: Who = Who.CUSTOMER
    text: Text | None = None
    question: Text | None = None
    explain: Text | None = None
    choices: tuple[Choice, ...] = ()
    retest: bool = False
    reason: str = ""
    skill: str = ""
    why: Explanation = NO_EXPLANATION
    hypotheses: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What the customer or a system answered.

    check: `outcomes` by facet id, or `result` unsure or refused (cannot or will not look). fix: `result` solved, still,
    done (no re-test yet), unsure (whether it helped), refused. confirm: yes or no. observe: `outcomes` told unasked.
    tried: a fix that was tried before. solved, still: the complaint itself. safety: something dangerous was reported.
    """

    kind: Literal["check", "fix", "confirm", "observe", "tried", "solved", "still", "safety"]
    node: str = ""
    outcomes: Mapping[str, str] | None = None
    result: str = ""


def start(knowledge: Knowledge, symptom: str, observed: Mapping[str, str] | None = None) -> State:
    """State at the beginning of a diagnosis; `observed` are outcomes by facet id that were told along with it.

    Raises:
        StateError: no such symptom, facet or outcome.
    """
    graph = knowledge.graph
    if symptom not in graph.symptoms:
        raise StateError(f'there is no symptom "{symptom}" in version {graph.version} of the graph')
    state: State = {
        "graph": graph.version,
        "symptom": symptom,
        "evidence": dict(graph.symptoms[symptom].implies),
        "priors": {},
        "asked": {},
        "unsure": {},
        "refused": [],
        "tried": {},
        "confirmed": [],
        "queue": [],
        "doubt": 0,
        "steps": 0,
        "status": "open",
        "reason": "",
        "skill": graph.symptoms[symptom].skill,
    }
    if graph.symptoms[symptom].safety:
        _hand_over(state, "safety", graph.symptoms[symptom].skill)
    return answer(knowledge, state, Answer("observe", outcomes=observed)) if observed else state


def outcomes_of_facts(check: Check, facts: Mapping[str, Any]) -> dict[str, str]:
    """Outcomes by facet id that facts of a system mean, by the `match` of each outcome; facets not told are left out.

    What facts a check needs stands in its `match` fields: for `get_line` these are `status`, `contract_ended`,
    `in_service` and `roaming`; for `get_bills` `overdue`; for `get_data_usage` `used_up`; for `list_outages` `outage`.
    """
    found: dict[str, str] = {}
    for facet in check.facets.values():
        for key, outcome in facet.outcomes.items():
            if outcome.match and all(name in facts and facts[name] == value for name, value in outcome.match.items()):
                found[facet.id] = key
                break
    return found


# --------------------------------------------------------------------------- answers


def answer(knowledge: Knowledge, state: State, given: Answer) -> State:
    """The state after an answer; the one before is left as it was.

    Raises:
        StateError: the state is of another graph, or the answer names what the graph lacks.
    """
    graph = knowledge.graph
    if state.get("graph") != graph.version:
        raise StateError(f"the diagnosis began with version {state.get('graph')} of the graph, not {graph.version}")
    after: State = {key: _copied(value) for key, value in state.items()}
    match given.kind:
        case "check":
            _answer_check(graph, after, given)
        case "observe":
            _observe(graph, after, given.outcomes or {})
        case "fix":
            _answer_fix(knowledge, after, given)
        case "tried":
            _fix(graph, given.node)
            _count(after["tried"], given.node)
            _repaired(knowledge, after, given.node)
        case "confirm":
            _answer_confirm(graph, after, given)
        case "solved":
            after["status"], after["doubt"], after["queue"] = "solved", 0, []
        case "still":
            after["status"], after["doubt"] = "open", 0
        case "safety":
            _hand_over(after, "safety", graph.symptoms[state["symptom"]].skill)
    return after


def _answer_check(graph: Graph, state: State, given: Answer) -> None:
    if given.node == state["symptom"]:  # the re-test asked again
        _count(state["asked"], given.node)
        state["steps"] += 1
        if given.result == "solved":
            state["status"], state["doubt"] = "solved", 0
        elif given.result == "still" or state["doubt"] >= MAX_TRIES:
            state["doubt"] = 0
        else:
            state["doubt"] += 1
        return
    check = graph.checks.get(given.node)
    if check is None:
        raise StateError(f'there is no check "{given.node}"')
    _count(state["asked"], given.node)
    if check.who is Who.CUSTOMER:
        state["steps"] += 1
    if given.outcomes:
        ids = {facet.id: facet.id for facet in check.facets.values()}
        ids |= {key: facet.id for key, facet in check.facets.items()}
        unknown = [key for key in given.outcomes if key not in ids]
        if unknown:
            raise StateError(
                f'check "{given.node}" has no facet "{unknown[0]}"; it has {", ".join(map(repr, check.facets))}'
            )
        _observe(graph, state, {ids[key]: value for key, value in given.outcomes.items()})
    elif given.result == "refused":
        state["refused"].append(given.node)
    elif given.result == "unsure":
        _count(state["unsure"], given.node)
    else:
        raise StateError(f'an answer to check "{given.node}" needs outcomes, or the result "unsure" or "refused"')


def _observe(graph: Graph, state: State, outcomes: Mapping[str, str]) -> None:
    for name, outcome in outcomes.items():
        facet = graph.facets.get(name)
        if facet is None or outcome not in facet.outcomes:
            known = f"; it has {', '.join(facet.outcomes)}" if facet else ""
            raise StateError(f'facet "{name}" with outcome "{outcome}" is not in the graph{known}')
        state["evidence"][name] = outcome
        if facet.outcomes[outcome].safety:
            _hand_over(state, "safety", graph.symptoms[state["symptom"]].skill)


def _answer_fix(knowledge: Knowledge, state: State, given: Answer) -> None:
    graph = knowledge.graph
    fix = _fix(graph, given.node)
    if given.result not in ("solved", "still", "done", "unsure", "refused"):
        raise StateError(
            f'an answer to fix "{given.node}" is solved, still, done, unsure or refused, not "{given.result}"'
        )
    if fix.who is not Who.SYSTEM or given.result != "done":
        state["steps"] += 1
    state["confirmed"] = [name for name in state["confirmed"] if name != given.node]
    if given.result == "refused":
        _drop(graph, state, given.node)
        return
    state["queue"] = [name for name in state["queue"] if name != given.node]
    _count(state["tried"], given.node)
    if given.result == "solved":
        state["status"], state["doubt"], state["queue"] = "solved", 0, []
        return
    _repaired(knowledge, state, given.node)
    state["queue"] = [name for name in fix.then if name not in state["queue"]] + state["queue"]
    if given.result == "unsure" and not state["queue"]:
        state["doubt"] = 1


def _answer_confirm(graph: Graph, state: State, given: Answer) -> None:
    _fix(graph, given.node)
    state["steps"] += 1
    if given.result == "yes":
        state["confirmed"].append(given.node)
    elif given.result == "no":
        _drop(graph, state, given.node)
    elif given.result == "unsure":
        _count(state["unsure"], given.node)
        if state["unsure"][given.node] >= MAX_TRIES:
            _drop(graph, state, given.node)
    else:
        raise StateError(f'an answer to a confirmation is yes, no or unsure, not "{given.result}"')


def _repaired(knowledge: Knowledge, state: State, name: str) -> None:
    """A fix was made: its faults keep the probability that it failed, and what was seen of them is out of date."""
    graph, fix = knowledge.graph, knowledge.graph.fixes[name]
    circuit = knowledge.circuit(state["symptom"])
    beliefs = _believe(graph, circuit, state)
    touched = {fault for fault in fix.repairs if fault in circuit.index}
    retired = [name for name in state["evidence"] if name in graph.facets and facet_support(graph, name) & touched]
    others = {fault for facet in retired for fault in facet_support(graph, facet)} - touched
    if others:
        # What is retired stays true of the faults that it exonerated, as far as it speaks of them by itself.
        alone = evidence_weights(graph, circuit, {facet: state["evidence"][facet] for facet in retired})
        if SYMPTOM in circuit.offset:
            alone[circuit.case_rows(SYMPTOM)] = 1.0
        before = prior_vector(graph, circuit, state["priors"])
        apart = circuit.evaluate(alone, before)
        for fault in others & circuit.index.keys():
            place = circuit.index[fault]
            if apart.faults[place, 0] < before[place]:
                state["priors"][fault] = float(apart.faults[place, 0])
    for fault in touched:
        state["priors"][fault] = float(beliefs.faults[circuit.index[fault], 0]) * (1.0 - fix.repairs[fault])
    for facet in retired:
        del state["evidence"][facet]
        # Asked again it is a new question about a new state.
        state["unsure"].pop(graph.facets[facet].check, None)


def _drop(graph: Graph, state: State, name: str) -> None:
    """A fix is refused, and with it what was to complete it, unless another fix still waits for the same."""
    state["refused"].append(name)
    follows = set(graph.fixes[name].then)
    tried: dict[str, int] = state["tried"]
    needed = {tail for done, times in tried.items() for tail in graph.fixes[done].then if times > tried.get(tail, 0)}
    state["queue"] = [one for one in state["queue"] if one != name and (one not in follows or one in needed)]


def _hand_over(state: State, reason: str, skill: str) -> None:
    state["status"], state["reason"], state["skill"] = "handoff", reason, skill or state["skill"]


def _fix(graph: Graph, name: str) -> Fix:
    if name not in graph.fixes:
        raise StateError(f'there is no fix "{name}"')
    return graph.fixes[name]


def _count(counter: dict[str, int], name: str) -> None:
    counter[name] = counter.get(name, 0) + 1


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value


def _believe(graph: Graph, circuit: Circuit, state: State) -> Beliefs:
    return circuit.evaluate(
        evidence_weights(graph, circuit, state["evidence"]), prior_vector(graph, circuit, state["priors"])
    )
