"""The diagnosis itself: which step is next, and what an answer changes. Pure functions of graph, state and answer.

The state is plain JSON. A diagnosis is: `start`, then `next_step` and `answer` in turn until the step's kind is
`solved` or `handoff`. Facts told before they were asked for are answers of kind `observe` at any time.

After a fix the device is not the device of before. A repaired fault keeps the probability that the repair failed,
outcomes that depended on it are retired (they may be asked again), and the complaint is observed anew by the
re-test. This is exact where those outcomes depend on the repaired faults alone; otherwise what they told about other
faults is given up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from kg import plan
from kg.compiled import Knowledge
from kg.explain import NO_EXPLANATION, Explanation
from kg.model import Check, Fix, Graph, Text, Who
from kg.posterior import (
    CAUSE,
    SYMPTOM,
    Beliefs,
    Circuit,
    Floats,
    evidence_weights,
    facet_support,
    facets_of,
    prior_vector,
)

MAX_STEPS: Final = 20
"""Questions, fixes and confirmations that a customer is asked for; then a person takes over."""
MAX_TRIES: Final = 2
CERTAIN: Final = 0.8
"""Probability from which a fault that only a person can remove ends the diagnosis."""
NEGLIGIBLE: Final = 0.015
"""Probability below which a fix is not tried any more."""
MAX_ROWS: Final = 72
"""What-if rows for one step; facets beyond it are ranked by how much they can tell."""
MIN_ROWS: Final = 24
MAX_CELLS: Final = 9_000
"""Rows times faults, so that a step in a very large tree stays within a few milliseconds."""
KNOWN: Final = 0.8
"""Probability from which a fix that must not be tried on a suspicion (`blind: false`) needs no look before it."""
NARROW: Final = 3
"""Faults that a check may speak of to be a look at one of them."""
FAILS_ANYWAY: Final = 0.95
"""Probability of another cause from which nobody is asked whether a repair made by the system has helped."""
ANSWERED: Final = 0.9
"""Share of questions that get an answer; the others are worth nothing."""
UNSURE_SURCHARGE: Final = 0.3
"""What asking the same again costs more: people who were not sure once often are again."""
ASKING: Final = 1.0
"""Cost of a look into a system that the customer has to be asked something for (`asks` in the state)."""
SHOWN: Final = 5
"""Hypotheses shown with a step."""

IN_VAIN: Final = "why.check.in_vain"
"""Why a check comes before repairs that are known to be needed: it may show that a person has to go on."""

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


# --------------------------------------------------------------------------- the next step


@dataclass(frozen=True)
class _Situation:
    """What is believed now, and which fixes and checks are left."""

    graph: Graph
    circuit: Circuit
    state: State
    base: Floats
    priors: Floats
    shares: Floats
    fixes: tuple[str, ...]
    checks: tuple[str, ...]

    def of_fault(self, fault: str) -> float:
        place = self.circuit.index.get(fault)
        return 0.0 if place is None else float(self.shares[place, 0])


def next_step(knowledge: Knowledge, state: State) -> Step:  # noqa: PLR0912 - the order of precedence in one place
    """The next best step. Same graph and state, same step.

    Raises:
        StateError: the state is of another graph.
    """
    graph = knowledge.graph
    if state.get("graph") != graph.version:
        raise StateError(f"the diagnosis began with version {state.get('graph')} of the graph, not {graph.version}")
    symptom = graph.symptoms[state["symptom"]]
    if state["status"] == "solved":
        return Step("solved", why=Explanation("why.solved"))
    situation = _situation(knowledge, state)
    hypotheses = _hypotheses(situation)
    if state["status"] == "handoff":
        return _handoff(situation, state["reason"], state["skill"], hypotheses, "")
    if state["steps"] >= MAX_STEPS:
        return _handoff(situation, "diagnosis_exhausted", state["skill"], hypotheses, "")
    if state["doubt"]:
        return Step(
            "check",
            graph.checks[symptom.retest].step if symptom.retest else state["symptom"],
            state["symptom"],
            text=_question(situation),
            retest=True,
            why=Explanation("why.retest"),
            hypotheses=hypotheses,
        )
    if state["queue"]:
        return _fix_step(situation, _before_tail(situation, state["queue"][0]), hypotheses)

    for fault, share in hypotheses:
        reason = graph.faults[fault].handoff if fault in graph.faults else ""
        if share >= CERTAIN and reason and _seen(situation, fault) and not _repairable(situation, fault):
            return _handoff(situation, reason, graph.faults[fault].skill, hypotheses, fault)
    if danger := _safety_check(situation):
        return _check_step(situation, danger, hypotheses)
    chances, costs, blind = _repairs(situation)
    ranking = plan.best_first(chances[:, 0], costs) if situation.fixes else []
    likely = [place for place in ranking if chances[place, 0] >= (plan.SURE if blind[place] else KNOWN)]
    check, worth = _best_check(situation, costs, blind)
    silent = bool(check) and graph.checks[check].who is Who.SYSTEM and check not in state.get("asks", ())
    if worth > 0 and (not likely or silent):
        return _check_step(situation, check, hypotheses)
    if likely and (check := _in_vain(situation, [situation.fixes[place] for place in likely])):
        known = tuple(fault for fault, share in hypotheses if share >= KNOWN)
        return replace(_check_step(situation, check, hypotheses), why=Explanation(IN_VAIN, (("faults", known),)))
    if likely:
        return _fix_step(situation, situation.fixes[likely[0]], hypotheses)
    for place in ranking:
        if chances[place, 0] < NEGLIGIBLE:
            continue
        name = situation.fixes[place]
        if not blind[place] and (look := _check_about(situation, name)):
            return _check_step(situation, look, hypotheses)
        return _fix_step(situation, name, hypotheses)
    return _handoff(situation, "diagnosis_exhausted", state["skill"], hypotheses, "")


def hypotheses(knowledge: Knowledge, state: State) -> list[tuple[str, float]]:
    """Every fault of the diagnosis with the probability that it is part of the cause, the most probable first."""
    return list(_ranked(_situation(knowledge, state)))


def check_values(knowledge: Knowledge, state: State) -> dict[str, float]:
    """How many customer steps each check that is left is expected to save, before its cost, the most helpful first."""
    situation = _situation(knowledge, state)
    graph, circuit = situation.graph, situation.circuit
    _, costs, blind = _repairs(situation)
    facets = [
        facet.id
        for check in situation.checks
        for facet in graph.checks[check].facets.values()
        if facet.id in circuit.offset and facet.id not in circuit.constant and facet.id not in state["evidence"]
    ]
    values = dict.fromkeys(situation.checks, 0.0)
    for first in range(0, len(facets), MIN_ROWS):  # in parts, so that a very large tree needs no very large table
        for name, gain in _gains(situation, facets[first : first + MIN_ROWS], costs, blind).items():
            values[graph.facets[name].check] += max(0.0, gain) * ANSWERED
    return dict(sorted(values.items(), key=lambda pair: (-pair[1], pair[0])))


def _believe(graph: Graph, circuit: Circuit, state: State) -> Beliefs:
    return circuit.evaluate(
        evidence_weights(graph, circuit, state["evidence"]), prior_vector(graph, circuit, state["priors"])
    )


def _situation(knowledge: Knowledge, state: State) -> _Situation:
    graph, circuit = knowledge.graph, knowledge.circuit(state["symptom"])
    base = evidence_weights(graph, circuit, state["evidence"])
    priors = prior_vector(graph, circuit, state["priors"])
    shares = _shares(circuit, circuit.evaluate(base, priors))
    refused = set(state["refused"])
    own = _tree_faults(graph, state["symptom"])
    fixes = sorted({fix for fault in own for fix in graph.fixes_of.get(fault, ())})
    usable = [
        name
        for name in fixes
        if name not in refused
        and state["tried"].get(name, 0)
        < min(MAX_TRIES, len(graph.fixes[name].do) if graph.fixes[name].who is Who.CUSTOMER else 1)
        and (not graph.fixes[name].instead_of or graph.fixes[name].instead_of in refused)
    ]
    known = facets_of(graph, circuit)
    checks = dict.fromkeys(graph.facets[facet].check for facet in known if facet not in state["evidence"])
    open_checks = [
        name for name in checks if name not in refused and state["asked"].get(name, 0) < _wordings(graph.checks[name])
    ]
    return _Situation(graph, circuit, state, base, priors, shares, tuple(usable), tuple(open_checks))


def _wordings(check: Check) -> int:
    """A question is not repeated in the same words; a system may be looked at again."""
    return len(check.ask) if check.who is Who.CUSTOMER else 3


def _shares(circuit: Circuit, beliefs: Beliefs) -> Floats:
    """Probability that each fault is part of the cause: of its presence, where it can cause the symptom alone."""
    shares = beliefs.faults.copy()
    for item in circuit.cases:
        if item.startswith(CAUSE):
            shares[circuit.index[item.removeprefix(CAUSE)]] = beliefs.cases[circuit.offset[item]]
    return shares


def _cost(fix: Fix, graph: Graph) -> float:
    """Cost of a fix with its confirmation and with the fixes that complete it."""
    return fix.cost + (1.0 if fix.confirm else 0.0) + sum(graph.fixes[name].cost for name in fix.then)


def _repairs(situation: _Situation) -> tuple[Floats, Floats, Floats]:
    return (
        _chances(situation, situation.shares),
        np.array([_cost(situation.graph.fixes[name], situation.graph) for name in situation.fixes]),
        np.array([float(situation.graph.fixes[name].blind) for name in situation.fixes]),
    )


def _chances(situation: _Situation, shares: Floats) -> Floats:
    """Probability that each fix removes a present cause."""
    if not situation.fixes:
        return np.empty((0, shares.shape[1]))
    graph, index = situation.graph, situation.circuit.index
    own = _tree_faults(graph, situation.state["symptom"])
    places: list[int] = []
    success: list[float] = []
    starts: list[int] = []
    for name in situation.fixes:
        starts.append(len(places))
        for fault, chance in graph.fixes[name].repairs.items():
            if fault in own:
                places.append(index[fault])
                success.append(chance)
    misses = 1.0 - np.array(success)[:, None] * shares[places]
    return 1.0 - np.asarray(np.multiply.reduceat(misses, starts, axis=0))


def _hopeless(situation: _Situation, shares: Floats) -> Floats:
    """Probability that a cause is present that no usable fix removes."""
    repaired = {fault for name in situation.fixes for fault in situation.graph.fixes[name].repairs}
    fine = np.ones(shares.shape[1])
    for fault, place in situation.circuit.index.items():
        node = situation.graph.faults.get(fault)
        if fault not in repaired and not (node and node.condition) and _own(situation, fault):
            fine *= 1.0 - shares[place]
    return np.minimum(1.0 - fine, 1.0 - 1e-9)


def _own(situation: _Situation, fault: str) -> bool:
    """Whether a fault belongs to the symptom, and not only to what its checks show."""
    return fault in _tree_faults(situation.graph, situation.state["symptom"])


def _tree_faults(graph: Graph, symptom: str) -> frozenset[str]:
    cached: dict[str, frozenset[str]] = graph.__dict__.setdefault("_tree_faults", {})
    if symptom not in cached:
        cached[symptom] = graph.tree(symptom).events
    return cached[symptom]


def _seen(situation: _Situation, fault: str) -> bool:
    """Whether an outcome was observed that shows a fault: what only elimination tells hands nobody over."""
    facets = situation.graph.facets
    return any(
        (when := facets[name].outcomes[outcome].when) is not None and fault in when.events()
        for name, outcome in situation.state["evidence"].items()
        if name in facets and outcome in facets[name].outcomes
    )


def _repairable(situation: _Situation, fault: str) -> bool:
    return any(fault in situation.graph.fixes[name].repairs for name in situation.fixes)


def _best_check(situation: _Situation, costs: Floats, blind: Floats) -> tuple[str, float]:
    """The check worth most beyond its cost, and that worth in customer steps."""
    graph, circuit, state = situation.graph, situation.circuit, situation.state
    facets = [
        facet.id
        for check in situation.checks
        for facet in graph.checks[check].facets.values()
        if facet.id in circuit.cases and facet.id in circuit.offset and facet.id not in state["evidence"]
    ]
    facets = _most_telling(situation, [name for name in facets if name not in circuit.constant])
    if not facets:
        return "", 0.0
    gain = _gains(situation, facets, costs, blind)
    worth: dict[str, float] = {}
    for name, value in gain.items():
        check = graph.facets[name].check
        worth[check] = worth.get(check, 0.0) + max(0.0, value) * ANSWERED
    for name in worth:
        repeats = state["unsure"].get(name, 0)
        worth[name] -= graph.checks[name].cost * (1.0 + UNSURE_SURCHARGE * repeats)
    for name in state.get("asks", ()):
        if name in worth:
            worth[name] -= ASKING
    # Looking into a system first costs the customer nothing, and may spare the question.
    free = [
        name
        for name in worth
        if graph.checks[name].who is Who.SYSTEM and worth[name] > 0 and name not in state.get("asks", ())
    ]
    best = max(free or worth, key=lambda name: (worth[name], name))
    return best, worth[best]


def _gains(situation: _Situation, facets: list[str], costs: Floats, blind: Floats) -> dict[str, float]:
    """How much less the repair is expected to cost, in customer steps, once each facet is known."""
    graph, circuit = situation.graph, situation.circuit
    rows: list[tuple[str, str]] = [(name, outcome) for name in facets for outcome in graph.facets[name].outcomes]
    weights = np.repeat(situation.base, len(rows) + 1, axis=1)
    for row, (name, outcome) in enumerate(rows, start=1):
        weights[circuit.case_rows(name), row] *= circuit.likelihood(graph.facets[name], outcome)
    beliefs = circuit.evaluate(weights, situation.priors)
    shares = _shares(circuit, beliefs)
    expected = plan.repair_costs(_chances(situation, shares), costs, blind, _hopeless(situation, shares))
    chance = beliefs.evidence / max(float(beliefs.evidence[0]), 1e-300)
    gain = dict.fromkeys(facets, float(expected[0]))
    for row, (name, _) in enumerate(rows, start=1):
        gain[name] -= float(chance[row] * expected[row])
    return gain


def _most_telling(situation: _Situation, facets: list[str]) -> list[str]:
    """As many facets as `MAX_ROWS` allows, those about the most probable faults first."""
    graph, index = situation.graph, situation.circuit.index
    shares = situation.shares[:, 0]

    def weight(name: str) -> float:
        return sum(float(shares[index[fault]]) for fault in facet_support(graph, name) if fault in index)

    most = min(MAX_ROWS, max(MIN_ROWS, MAX_CELLS // max(1, len(index))))
    chosen: list[str] = []
    rows = 0
    for name in sorted(facets, key=lambda name: (-weight(name), name)):
        rows += len(graph.facets[name].outcomes)
        if rows > most:
            break
        chosen.append(name)
    return chosen


def _safety_check(situation: _Situation) -> str:
    """A check not yet asked that can show a danger which is not negligible: it comes before anything else."""
    graph = situation.graph
    dangers = {
        fault
        for fault in situation.circuit.faults
        if fault in graph.faults
        and graph.faults[fault].handoff == "safety"
        and situation.of_fault(fault) >= NEGLIGIBLE
        and _own(situation, fault)
    }
    if not dangers:
        return ""
    for name in situation.checks:
        if situation.state["asked"].get(name, 0):
            continue
        for facet in graph.checks[name].facets.values():
            shows = any(outcome.safety for outcome in facet.outcomes.values())
            if shows and facet.id not in situation.state["evidence"] and facet_support(graph, facet.id) & dangers:
                return name
    return ""


def _in_vain(situation: _Situation, likely: list[str]) -> str:
    """A check that comes before probable fixes because it may show that only a person can help; "" for none.

    Looking first spares the fixes where it shows so; looking later spares the check where the fixes are all it takes.
    """
    graph = situation.graph
    hopeless = {
        fault: situation.of_fault(fault)
        for fault in situation.circuit.faults
        if fault in graph.faults
        and graph.faults[fault].handoff
        and _own(situation, fault)
        and not _repairable(situation, fault)
    }
    repaired = {fault for name in likely for fault in graph.fixes[name].repairs}
    fine = 1.0
    for fault, place in situation.circuit.index.items():
        node = graph.faults.get(fault)
        if fault not in repaired and not (node and node.condition) and _own(situation, fault):
            fine *= 1.0 - float(situation.shares[place, 0])
    spared = sum(_cost(graph.fixes[name], graph) for name in likely)
    best, most = "", 0.0
    for name in situation.checks:
        check = graph.checks[name]
        asked = situation.state["unsure"].get(name, 0)
        shown = {
            fault
            for facet in check.facets.values()
            if facet.id not in situation.state["evidence"]
            for outcome in facet.outcomes.values()
            if outcome.when is not None and hopeless.keys() >= set(outcome.when.events())
            for fault in outcome.when.events()
        }
        gain = spared * sum(hopeless[fault] for fault in shown) * ANSWERED
        gain -= check.cost * (fine + UNSURE_SURCHARGE * asked)
        if gain > most and check.who is Who.CUSTOMER:
            best, most = name, gain
    return best


def _before_tail(situation: _Situation, name: str) -> str:
    """What to do next where `name` completes a fix: first another known fix that it completes too, so that it is made
    once for both.

    The complaint counts for nothing here: nobody has tested yet whether the fix before removed it.
    """
    graph, circuit = situation.graph, situation.circuit
    if graph.fixes[name].who is not Who.CUSTOMER or not situation.fixes:
        return name
    untested = situation.base.copy()
    if SYMPTOM in circuit.offset:
        untested[circuit.case_rows(SYMPTOM)] = 1.0
    chances = _chances(situation, _shares(circuit, circuit.evaluate(untested, situation.priors)))[:, 0]
    for place, other in enumerate(situation.fixes):
        if name in graph.fixes[other].then and chances[place] >= plan.SURE and other not in situation.state["queue"]:
            return other
    return name


def _check_about(situation: _Situation, fix: str) -> str:
    """A check still open that shows a fault of the fix: one not asked yet, and of those the one most about it."""
    graph = situation.graph
    faults = graph.fixes[fix].repairs.keys()

    def breadth(name: str) -> int:
        """Faults that the check's narrowest open facet about the fix speaks of; 0 where there is none."""
        supports = [
            facet_support(graph, facet.id)
            for facet in graph.checks[name].facets.values()
            if facet.id not in situation.state["evidence"]
        ]
        return min((len(support) for support in supports if support & faults), default=0)

    asked = situation.state["asked"]
    found = [name for name in situation.checks if 0 < breadth(name) <= max(NARROW, len(faults))]
    return min(found, key=lambda name: (asked.get(name, 0), breadth(name), graph.checks[name].cost, name), default="")


# --------------------------------------------------------------------------- steps as values


def _ranked(situation: _Situation) -> list[tuple[str, float]]:
    graph = situation.graph
    pairs = [
        (fault, float(situation.shares[place, 0]))
        for fault, place in situation.circuit.index.items()
        if _own(situation, fault) and not (fault in graph.faults and graph.faults[fault].condition)
    ]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def _hypotheses(situation: _Situation) -> tuple[tuple[str, float], ...]:
    return tuple(_ranked(situation)[:SHOWN])


def _check_step(situation: _Situation, name: str, hypotheses: tuple[tuple[str, float], ...]) -> Step:
    graph, state = situation.graph, situation.state
    check = graph.checks[name]
    open_facets = [facet for facet in check.facets.values() if facet.id not in state["evidence"]]
    support = {fault for facet in open_facets for fault in facet_support(graph, facet.id)}
    about = [fault for fault, _ in _ranked(situation) if fault in support][:3]
    text = check.ask[state["asked"].get(name, 0) % len(check.ask)] if check.ask else None
    return Step(
        "check", check.step, name, check.who, text, explain=check.explain,
        choices=tuple(
            Choice(facet.id, key, outcome.label) for facet in open_facets for key, outcome in facet.outcomes.items()
        ),
        why=Explanation("why.check.system" if check.who is Who.SYSTEM else "why.check", (("faults", tuple(about)),)),
        hypotheses=hypotheses,
    )  # fmt: skip


def _fix_step(situation: _Situation, name: str, hypotheses: tuple[tuple[str, float], ...]) -> Step:
    graph, state = situation.graph, situation.state
    fix = graph.fixes[name]
    target = max(fix.repairs, key=situation.of_fault, default="")
    share = situation.of_fault(target)
    if fix.confirm and name not in state["confirmed"]:
        return Step(
            "confirm", fix.step, name, fix.who, fix.ask, explain=fix.explain,
            why=Explanation("why.confirm", (("faults", (target,)),)), hypotheses=hypotheses,
        )  # fmt: skip
    retest = not fix.then and state["queue"] in ([], [name]) and not _fails_anyway(situation, fix)
    key = "why.fix.chain" if name in state["queue"] else "why.fix.sure" if share >= plan.SURE else "why.fix.try"
    return Step(
        "fix", fix.step, name, fix.who, fix.do[state["tried"].get(name, 0) % len(fix.do)],
        question=_question(situation) if retest else None,
        explain=fix.explain, retest=retest,
        why=Explanation(key, (("faults", (target,) if target else ()),), round(100 * share)), hypotheses=hypotheses,
    )  # fmt: skip


def _fails_anyway(situation: _Situation, fix: Fix) -> bool:
    """Whether the customer need not be asked if a repair of the system helped: something else is known to be wrong."""
    return fix.who is Who.SYSTEM and any(
        share >= FAILS_ANYWAY and fault not in fix.repairs for fault, share in _ranked(situation)
    )


def _question(situation: _Situation) -> Text:
    """Whether the symptom is gone, in other words each time."""
    state, works = situation.state, situation.graph.symptoms[situation.state["symptom"]].works
    asked: int = sum(state["tried"].values()) + state["asked"].get(state["symptom"], 0)
    return works[asked % len(works)]


def _handoff(
    situation: _Situation, reason: str, skill: str, hypotheses: tuple[tuple[str, float], ...], fault: str
) -> Step:
    graph, state = situation.graph, situation.state
    symptom = graph.symptoms[state["symptom"]]
    advice = graph.faults[fault].advice if fault else symptom.advice if reason == "safety" else None
    return Step(
        "handoff", reason=reason, skill=skill or state["skill"], text=advice,
        why=Explanation(f"why.handoff.{reason}", (("faults", (fault,) if fault else ()),)), hypotheses=hypotheses,
    )  # fmt: skip
