"""Takes what a customer says while a step of a diagnosis is open: an answer, an aside, or something else altogether."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

from actions import answers, reading
from actions import diagnosis_words as w
from actions import messages as m
from actions.clarify import OOS_LIKELY
from actions.context import Context, EscalationError
from actions.diagnosis import KIND, SYMPTOM, Run, told, ways_out
from actions.diagnosis_lexicon import both
from actions.diagnosis_meant import answer_of, complaint_of
from actions.diagnosis_reading import Reading, by_meaning, helped_by_meaning, read_check, read_fix
from actions.diagnosis_steps import part, why
from actions.diagnosis_symptoms import match
from actions.diagnosis_text import clauses, did, plain, says_yes, topics
from actions.embedding import Near
from actions.state import Expect
from kg.diagnose import Answer
from kg.model import Text
from server.company import Definition

_REQUEST = re.compile(
    r"多少|几个?[gG]|[吗呢]\s*[?？]?$|[?？]\s*$|\bhow (?:much|many)\b|^(?:can|could|do|does|is|are|will|may) "
)
_TALK = frozenset({"inform", "affirm", "deny", "unsure", "correct", "repeat"})
LOST_BEFORE_A_PERSON = 3
"""Answers in a row that were not understood."""
_SURE_REQUEST = 0.9
_LIKELY = 0.6
"""Probability from which an intent is used that is not sure enough to begin something new."""


async def answered(c: Context, expect: Expect) -> bool:
    """Take a message while a step or the question for the symptom is open; whether it was one for the diagnosis.

    If so, the diagnosis goes on with its next run; what it is to say first is in ``c.lead``.
    """
    if expect.kind == SYMPTOM:
        return await _chosen_symptom(c, expect)
    graphs = c.ports.graphs
    c.diagnosis = copy.deepcopy(c.diagnosis)
    running = Run.of(c, graphs) if graphs is not None else None
    if running is None or running.slot["open"] is None:
        # The version of the graph is gone: begin anew with what was said at the start.
        if c.state.task is not None:
            c.state.task.args.pop("begun", None)
        return True
    if c.turn.entity("choice") is not None:
        return _pressed(c, running, expect)
    if _for_someone_else(c) and not _complains_of_the_fix(c, running):
        return False
    found = await _read(c, running)
    if found.aside == "forget":
        return False
    if found.aside == "why":
        _say_why(c, running)
        return True
    elsewhere = _of_another_product(c, running)
    if elsewhere and await _another_problem(c, running, {}):
        return True
    if not found.outcomes and not found.result and await _another_problem(c, running, found.facts):
        return True
    if found.outcomes or found.result or found.facts or found.tried:
        _take(c, running, found)
        return True
    if await _asked_back(c, running, found):
        return True
    if _complains_of_the_fix(c, running):
        c.lead.append(m.message("diagnosis.sorry"))
        _take(c, running, Reading(result="still"))
        return True
    return _by_intent(c, running) or _same_problem(c, running) or _nearly_understood(c, running)


def unclear(c: Context) -> None:
    """A message that nobody understood: nothing is learnt from it, and another way is tried."""
    graphs = c.ports.graphs
    running = Run.of(c, graphs) if graphs is not None else None
    if running is None or running.slot["open"] is None:
        return
    _unclear(c, running)


def _unclear(c: Context, running: Run) -> None:
    lost = running.slot.get("lost", 0) + 1
    if lost >= LOST_BEFORE_A_PERSON:
        raise EscalationError("low_confidence", "escalate.low_confidence")
    c.lead.append(m.message("diagnosis.unclear"))
    _take(c, running, Reading(result="unsure"))
    running.slot["lost"] = lost


def forget(c: Context) -> None:
    """The customer wants to stop here.

    Raises:
        EscalationError: And to talk to a person instead.
    """
    if w.PERSON.search(plain(c.turn.text)):
        raise EscalationError("customer_asked", "escalate.customer_asked")
    slot = c.diagnosis if isinstance(c.diagnosis, dict) else {}
    c.diagnosis = slot.get("below")
    c.state.task = c.state.expect = None
    c.say("diagnosis.stopped", choices=ways_out(c))


def overheard(c: Context) -> bool:
    """Use facts that a customer tells while the account system waits for something; whether there were any."""
    graphs = c.ports.graphs
    c.diagnosis = copy.deepcopy(c.diagnosis)
    running = Run.of(c, graphs) if graphs is not None else None
    if running is None or c.turn.chosen or not (running.hear(c.turn.text) or _noted_detail(c)):
        return False
    c.lead.append(m.message("diagnosis.noted"))
    c.again = True
    return True


def refuses(c: Context) -> bool:
    """Whether a customer will not give what the account system needs."""
    return bool(w.WITHHELD.search(plain(c.turn.text)) or w.REFUSED.search(plain(c.turn.text)))


def asks_why(c: Context) -> bool:
    """Whether a customer asks what a detail is needed for; if so, it is said before the question is asked again."""
    if not w.WHY.search(plain(c.turn.text)):
        return False
    c.lead.append(m.message("diagnosis.why_account"))
    return True


def declined(c: Context, expect: Expect) -> None:
    """The customer cannot or will not give what the account system needs: go on without it."""
    assert c.state.task is not None
    if expect.kind == "place":
        c.state.task.args["no_place"] = True
    else:
        c.state.task.args["declined"] = expect.kind
    if expect.kind == "phone":
        c.lead.append(m.message("diagnosis.without_account"))


# --------------------------------------------------------------------------- reading


async def _read(c: Context, running: Run) -> Reading:
    """Read an answer by its words, and where they tell nothing by its meaning."""
    slot = running.slot
    step = slot["open"]
    lexicon = running.version.lexicon
    if step["kind"] == "payment":
        return Reading(result="done")
    if step["kind"] == "check" and step["node"] in running.graph.checks:
        found = read_check(lexicon, step["node"], c.turn.text, running.all_facets, step.get("about", ""))
        if (found.empty or found.outcomes) and _may_be_answer(c):
            found.outcomes = await _meaning(c, running, step["node"], found.outcomes) | found.outcomes
        return found
    question = (step["question"] or {}).get(c.turn.locale, "")
    symptom = running.graph.symptoms[running.symptom]
    found = read_fix(
        lexicon, c.turn.text, question=question, retest=symptom.retest,
        complaint=complaint_of(running.graph, running.symptom), others=running.all_facets,
    )  # fmt: skip
    if found.empty and question and (_may_be_answer(c) or _complains_of_the_fix(c, running)):
        found.result = helped_by_meaning(c.turn.text, await _near(c))
    return found


async def _meaning(c: Context, running: Run, check: str, outcomes: dict[str, str]) -> dict[str, str]:
    """What only the meaning tells: of the whole answer, or of the parts of a check that its words left open."""
    if len(outcomes) == len(running.graph.checks[check].facets):
        return {}
    return by_meaning(running.version.lexicon, check, c.turn.text, await _near(c), known=outcomes)


async def _near(c: Context) -> Near:
    """Nearness of the message and of its statements to the known wordings."""
    assert c.ports.graphs is not None
    text = plain(c.turn.text)
    return await c.ports.graphs.nearness.of([text, *(clause.text for clause in clauses(text))])


def _complains_of_the_fix(c: Context, running: Run) -> bool:
    """Whether a complaint is the answer to "did it help?", and no more than that."""
    likely = _likely(c)
    return (
        likely is not None
        and likely.skill == "complain"
        and bool(running.slot["open"]["question"])
        and not reading.strongly_upset(c.turn)
    )


def _for_someone_else(c: Context) -> bool:
    """Whether a message is clearly a request of another kind, whatever words it shares with an answer."""
    definition = c.definition
    if definition is None or definition.do == "diagnose" or definition.skill in _TALK:
        return False
    if definition.do == "handoff":
        return True
    asks = bool(_REQUEST.search(c.turn.text.strip().casefold()))
    return asks and definition.do in {"skill", "answer", "say"} and c.turn.confidence >= _SURE_REQUEST


def _may_be_answer(c: Context) -> bool:
    definition = c.definition
    return definition is None or definition.do == "diagnose" or definition.skill in _TALK


# --------------------------------------------------------------------------- taking answers


def _take(c: Context, running: Run, found: Reading) -> None:
    """Tell the engine what was read. Facts come after the answer: they are about the present."""
    running.slot["lost"] = 0
    if running.slot["open"]["kind"] == "payment":
        if found.result == "refused":
            running.slot["account"] = None
            running.tell(Answer("confirm", running.slot["open"]["node"], result="no"))
        return
    answer = answer_of(running.graph, running.slot["open"], found) or _nothing_new(running, found)
    if answer is not None:
        running.tell(answer)
        _heed_good_news(running, answer)
    if found.facts and running.engine["status"] == "open":
        running.tell(Answer("observe", outcomes=found.facts))
    running.tried(found.tried)
    if answer is None:
        c.again = True
        c.lead.append(m.message("diagnosis.tried" if found.tried else "diagnosis.noted"))


def _nothing_new(running: Run, found: Reading) -> Answer | None:
    """What is known already, told again in place of an answer: the step cannot be answered, or not in these words."""
    known, tried = running.engine["evidence"], running.engine["tried"]
    if any(known.get(facet) != outcome for facet, outcome in found.facts.items()):
        return None
    if not found.facts or not all(tried.get(name) for name in found.tried):
        return None
    unsure = replace(found, facts={}, tried=[], result="unsure")
    return answer_of(running.graph, running.slot["open"], unsure)


def _heed_good_news(running: Run, answer: Answer) -> None:
    """A check that shows the complaint gone ends it after a fix; before one it is asked whether it is gone."""
    complaint = complaint_of(running.graph, running.symptom)
    shown = {name: outcome for name, outcome in (answer.outcomes or {}).items() if name in complaint}
    if answer.kind != "check" or not shown or running.engine["status"] != "open":
        return
    if not any(outcome in complaint[name] for name, outcome in shown.items()):
        if running.engine["tried"]:
            running.tell(Answer("solved"))
        else:
            running.engine["doubt"] = max(1, running.engine["doubt"])


def _pressed(c: Context, running: Run, expect: Expect) -> bool:
    """A button: of this step, or of an earlier one, whose outcome is still worth knowing."""
    number, _, what = str(c.turn.entity("choice")).partition(":")
    facet, _, outcome = what.partition("=")
    known = facet in running.graph.facets and outcome in running.graph.facets[facet].outcomes
    step = running.slot["open"]
    if number != expect.token:
        if known:
            running.tell(Answer("observe", outcomes={facet: outcome}))
            c.lead.append(m.message("diagnosis.noted"))
        else:
            c.say("talk.old_button")
        c.again = True
        return True
    if known:
        _take(c, running, Reading(outcomes={facet: outcome}))
    elif what == "normal" and step["node"] in running.graph.checks:
        facets = running.graph.checks[step["node"]].facets.values()
        _take(c, running, Reading(outcomes={one.id: one.normal for one in facets}))
    elif what in {"solved", "still", "done", "unsure", "refused"}:
        _take(c, running, Reading(result=what))  # type: ignore[arg-type]  # one of its values
    else:
        c.say("talk.old_button")
        c.again = True
    return True


def _nearly_understood(c: Context, running: Run) -> bool:
    """Take a request for what it most likely is, for which there is no better use here; whether it was used up.

    What sounds a little like another fault is an answer that was not understood: who has another problem says so.
    """
    likely = _likely(c)
    if c.definition is not None or likely is None or likely.do == "handoff":
        return False
    if likely.do == "diagnose":
        _unclear(c, running)
        return True
    c.turn = replace(c.turn, intent=likely.name, understood=True)
    return False


def _likely(c: Context) -> Definition | None:
    """The intent that was understood, or the one that is more likely than not."""
    if c.definition is not None or c.turn.oos >= OOS_LIKELY or not c.turn.ranking:
        return c.definition
    best = c.turn.ranking[0]
    return c.ports.intents.get(best.name) if best.confidence >= _LIKELY else None


def _by_intent(c: Context, running: Run) -> bool:
    """A yes, a no or "not sure" that only the intent tells."""
    likely = _likely(c)
    skill = likely.skill if likely is not None else None
    yes = skill == "affirm" or (c.definition is None and reading.yes(c.turn))
    no = skill == "deny" or (c.definition is None and reading.no(c.turn))
    if skill == "unsure":
        _take(c, running, Reading(result="unsure"))
        return True
    if not yes and not no:
        return False
    step = running.slot["open"]
    if step["kind"] == "check" and step["node"] in running.graph.checks:
        facets = list(running.graph.checks[step["node"]].facets.values())
        words = running.version.lexicon.facet(facets[0].id)
        outcome = words.yes if yes else words.no
        if len(facets) > 1 or not outcome:
            return False
        _take(c, running, Reading(outcomes={facets[0].id: outcome}))
        return True
    if yes and not reading.yes(c.turn) and not says_yes(plain(c.turn.text)):
        # "Cleaned it": it is done. That it helped, nobody has said.
        _take(c, running, Reading(result="done"))
        return True
    question = (step["question"] or {}).get(c.turn.locale, "")
    found = read_fix(running.version.lexicon, "yes" if yes else "no", question=question, retest="", complaint={})
    _take(c, running, found)
    return True


# --------------------------------------------------------------------------- asides


def _say_why(c: Context, running: Run) -> None:
    text = why(running.graph, running.next())
    c.lead.append(text if text is not None else m.message("diagnosis.why_general"))
    c.again = True


async def _asked_back(c: Context, running: Run, found: Reading) -> bool:
    """A question is answered, a detail kept, and of a thing that was only named it is asked how it is; whether so."""
    step = running.slot["open"]
    if found.aside == "explain":
        await _explain(c, running)
    elif _noted_detail(c):
        c.lead.append(m.message("diagnosis.noted"))
        c.again = True
    elif found.about and found.about != step.get("about"):
        step["about"] = found.about
        c.again = True
    else:
        return False
    return True


def _noted_detail(c: Context) -> bool:
    """Keep a number or a place for when the account system wants it; whether there was one that is new."""
    assert c.state.task is not None
    args, before = c.state.task.args, dict(c.state.task.args)
    args.update(told(c.turn))
    return args != before


async def _explain(c: Context, running: Run) -> None:
    """Explain what was asked about: from the step, from another part of the graph, or from an article."""
    asked = topics(plain(c.turn.text))
    step = running.slot["open"]
    own = _explanation(running, step["node"])
    text = own if own is not None and (not asked or asked & topics(both(own))) else None
    if text is None and asked:
        text = _elsewhere(running, asked)
    c.again = True
    if text is None:
        found = await answers.search(c, c.turn.text, None)
        if found is not None and found.confident and found.passages:
            c.messages.append(answers.cited("answer.found", found.passages[0]))
            return
        text = own
    c.lead.append(part(text) if text is not None else m.message("diagnosis.no_explanation"))


def _explanation(running: Run, node: str) -> Text | None:
    found = running.graph.checks.get(node) or running.graph.fixes.get(node)
    return found.explain if found is not None else None


def _elsewhere(running: Run, asked: frozenset[str]) -> Text | None:
    """The explanation in the graph that is most about what was asked."""
    best: tuple[int, int, Text] | None = None
    explained = [one.explain for one in running.graph.checks.values()]
    explained += [one.explain for one in running.graph.fixes.values()]
    for text in explained:
        if text is None:
            continue
        about = topics(both(text))
        if asked <= about:
            rank = (len(about - asked), len(text.en), text)
            best = rank if best is None or rank[:2] < best[:2] else best
    return best[2] if best is not None else None


# --------------------------------------------------------------------------- other problems


def _of_another_product(c: Context, running: Run) -> bool:
    """Whether a message was understood as a fault of something else altogether, the television for the phone."""
    if c.definition is None or c.definition.do != "diagnose":
        return False
    symptoms = running.graph.symptoms
    products = {symptoms[name].product for name in c.definition.symptoms if name in symptoms}
    return bool(products) and symptoms[running.symptom].product not in products


async def _another_problem(c: Context, running: Run, facts: dict[str, str]) -> bool:
    """Another fault on top: it is noted, and comes next. Whoever tells facts about this one does not mean another."""
    definition = c.definition
    graphs = c.ports.graphs
    if definition is None or definition.do != "diagnose" or graphs is None or did(c.turn.text):
        return False
    found = await match(running.version, graphs.nearness, c.turn.text, definition.symptoms)
    symptom = found.symptoms[0] if found.symptoms else running.symptom
    if running.symptom in definition.symptoms or symptom == running.symptom or symptom not in running.graph.symptoms:
        return False
    if running.covers(symptom):
        return False
    seen = {running.graph.facets[facet].check for facet in facts}
    if seen - {running.graph.symptoms[symptom].retest}:
        return False
    if running.graph.symptoms[symptom].safety:
        raise EscalationError("safety", "escalate.safety")
    if symptom not in running.slot["also"]:
        running.slot["also"].append(symptom)
    running.hear(c.turn.text)
    c.lead.append(m.message("diagnosis.noted_problem", problem=running.graph.symptoms[symptom].name.as_json()))
    c.again = True
    return True


def _same_problem(c: Context, running: Run) -> bool:
    """The complaint once more, or a part of it: after a fix it says that it did not help, else it says nothing new."""
    if c.definition is None or c.definition.do != "diagnose":
        return False
    if running.symptom not in c.definition.symptoms and not any(map(running.covers, c.definition.symptoms)):
        return False
    step = running.slot["open"]
    if step["kind"] == "fix" or step["node"] == running.symptom:
        _take(c, running, Reading(result="still"))
    else:
        unclear(c)
    return True


async def _chosen_symptom(c: Context, expect: Expect) -> bool:
    """The answer to "which trouble is it?": a button, its words, or a closer description."""
    graphs = c.ports.graphs
    task = c.state.task
    if graphs is None or task is None:
        return False
    named = [str(option["value"]) for option in expect.options if option["value"] != "none"]
    value = reading.picked(c.turn, expect.options)
    if value is None and c.turn.entity("choice") is None and _may_be_answer(c):
        if reading.no(c.turn) or (c.definition is not None and c.definition.skill == "deny"):
            value = "none"
        else:
            found = await match(graphs.current, graphs.nearness, c.turn.text, _symptoms(c.definition) or named)
            task.args["said"] = f"{task.args.get('said', '')}，{c.turn.text}"
            value = found.symptoms[0] if found.symptoms else None
    if value is None:
        return False
    task.args["symptom"] = value
    return True


def _symptoms(definition: Definition | None) -> tuple[str, ...]:
    return definition.symptoms if definition is not None and definition.do == "diagnose" else ()


def wants_to_stop(c: Context) -> bool:
    """Whether a message says "forget it", in whatever intent it was understood."""
    return bool(w.FORGET.search(plain(c.turn.text)))


def is_open(expect: Any) -> bool:
    """Whether a question is one of a diagnosis."""
    return expect is not None and expect.kind in {KIND, SYMPTOM}
