"""The next best step of a diagnosis: the order of precedence, and the step as a value."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kg import plan
from kg.compiled import Knowledge
from kg.diagnose import MAX_STEPS, Choice, State, StateError, Step
from kg.explain import Explanation
from kg.model import Fix, Text, Who
from kg.next_check import ANSWERED, MIN_ROWS, NEGLIGIBLE, best_check, check_about, gains, in_vain, safety_check
from kg.posterior import SYMPTOM, facet_support
from kg.situation import Situation, shares_of

CERTAIN: Final = 0.8
"""Probability from which a fault that only a person can remove ends the diagnosis."""
KNOWN: Final = 0.8
"""Probability from which a fix that must not be tried on a suspicion (`blind: false`) needs no look before it."""
FAILS_ANYWAY: Final = 0.95
"""Probability of another cause from which nobody is asked whether a repair made by the system has helped."""

IN_VAIN: Final = "why.check.in_vain"
"""Why a check comes before repairs that are known to be needed: it may show that a person has to go on."""


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
    situation = Situation.of(knowledge, state)
    hypotheses = situation.hypotheses()
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
        if share >= CERTAIN and reason and situation.saw(fault) and not situation.repairable(fault):
            return _handoff(situation, reason, graph.faults[fault].skill, hypotheses, fault)
    if danger := safety_check(situation):
        return _check_step(situation, danger, hypotheses)
    chances, costs, blind = situation.repairs()
    ranking = plan.best_first(chances[:, 0], costs) if situation.fixes else []
    likely = [place for place in ranking if chances[place, 0] >= (plan.SURE if blind[place] else KNOWN)]
    check, worth = best_check(situation, costs, blind)
    silent = bool(check) and graph.checks[check].who is Who.SYSTEM and check not in state.get("asks", ())
    if worth > 0 and (not likely or silent):
        return _check_step(situation, check, hypotheses)
    if likely and (check := in_vain(situation, [situation.fixes[place] for place in likely])):
        known = tuple(fault for fault, share in hypotheses if share >= KNOWN)
        return replace(_check_step(situation, check, hypotheses), why=Explanation(IN_VAIN, (("faults", known),)))
    if likely:
        return _fix_step(situation, situation.fixes[likely[0]], hypotheses)
    for place in ranking:
        if chances[place, 0] < NEGLIGIBLE:
            continue
        name = situation.fixes[place]
        if not blind[place] and (look := check_about(situation, name)):
            return _check_step(situation, look, hypotheses)
        return _fix_step(situation, name, hypotheses)
    return _handoff(situation, "diagnosis_exhausted", state["skill"], hypotheses, "")


def hypotheses(knowledge: Knowledge, state: State) -> list[tuple[str, float]]:
    """Every fault of the diagnosis with the probability that it is part of the cause, the most probable first."""
    return Situation.of(knowledge, state).ranked()


def check_values(knowledge: Knowledge, state: State) -> dict[str, float]:
    """How many customer steps each check that is left is expected to save, before its cost, the most helpful first."""
    situation = Situation.of(knowledge, state)
    graph, circuit = situation.graph, situation.circuit
    _, costs, blind = situation.repairs()
    facets = [
        facet.id
        for check in situation.checks
        for facet in graph.checks[check].facets.values()
        if facet.id in circuit.offset and facet.id not in circuit.constant and facet.id not in state["evidence"]
    ]
    values = dict.fromkeys(situation.checks, 0.0)
    for first in range(0, len(facets), MIN_ROWS):  # in parts, so that a very large tree needs no very large table
        for name, gain in gains(situation, facets[first : first + MIN_ROWS], costs, blind).items():
            values[graph.facets[name].check] += max(0.0, gain) * ANSWERED
    return dict(sorted(values.items(), key=lambda pair: (-pair[1], pair[0])))


def _before_tail(situation: Situation, name: str) -> str:
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
    chances = situation.chances(shares_of(circuit, circuit.evaluate(untested, situation.priors)))[:, 0]
    for place, other in enumerate(situation.fixes):
        if name in graph.fixes[other].then and chances[place] >= plan.SURE and other not in situation.state["queue"]:
            return other
    return name


def _check_step(situation: Situation, name: str, hypotheses: tuple[tuple[str, float], ...]) -> Step:
    graph, state = situation.graph, situation.state
    check = graph.checks[name]
    open_facets = [facet for facet in check.facets.values() if facet.id not in state["evidence"]]
    support = {fault for facet in open_facets for fault in facet_support(graph, facet.id)}
    about = [fault for fault, _ in situation.ranked() if fault in support][:3]
    text = check.ask[state["asked"].get(name, 0) % len(check.ask)] if check.ask else None
    return Step(
        "check", check.step, name, check.who, text, explain=check.explain,
        choices=tuple(
            Choice(facet.id, key, outcome.label) for facet in open_facets for key, outcome in facet.outcomes.items()
        ),
        why=Explanation("why.check.system" if check.who is Who.SYSTEM else "why.check", (("faults", tuple(about)),)),
        hypotheses=hypotheses,
    )  # fmt: skip


def _fix_step(situation: Situation, name: str, hypotheses: tuple[tuple[str, float], ...]) -> Step:
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


def _fails_anyway(situation: Situation, fix: Fix) -> bool:
    """Whether the customer need not be asked if a repair of the system helped: something else is known to be wrong."""
    return fix.who is Who.SYSTEM and any(
        share >= FAILS_ANYWAY and fault not in fix.repairs for fault, share in situation.ranked()
    )


def _question(situation: Situation) -> Text:
    """Whether the symptom is gone, in other words each time."""
    state, works = situation.state, situation.graph.symptoms[situation.state["symptom"]].works
    asked: int = sum(state["tried"].values()) + state["asked"].get(state["symptom"], 0)
    return works[asked % len(works)]


def _handoff(
    situation: Situation, reason: str, skill: str, hypotheses: tuple[tuple[str, float], ...], fault: str
) -> Step:
    graph, state = situation.graph, situation.state
    symptom = graph.symptoms[state["symptom"]]
    advice = graph.faults[fault].advice if fault else symptom.advice if reason == "safety" else None
    return Step(
        "handoff", reason=reason, skill=skill or state["skill"], text=advice,
        why=Explanation(f"why.handoff.{reason}", (("faults", (fault,) if fault else ()),)), hypotheses=hypotheses,
    )  # fmt: skip
