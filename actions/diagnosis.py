"""What happens when a customer reports a fault: a diagnosis on the fault trees, one check or fix at a time.

`diagnose` is the skill of the dialogue. It runs from its start each time, like every skill: it asks the engine
(`kg.next_step`, pure) for the next step, looks into systems silently, and raises a `Question` for what only the
customer can see or do. `actions.diagnosis_answers` takes the answers. All that a diagnosis knows is its slot, as JSON:

``engine`` the engine's state with the graph's version, ``open`` the step that was asked, ``count`` and ``sent``
messages and steps so far, ``log`` what was checked and tried, ``also`` further symptoms, ``account`` a repair at work.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from actions import messages as m
from actions import outages, reading
from actions.answers import cited, query, search
from actions.context import Context, EscalationError, Question
from actions.diagnosis_account import REPAIRS, instead, look, payment, repair
from actions.diagnosis_graph import Graphs, Version
from actions.diagnosis_reading import read_facts
from actions.diagnosis_steps import check_buttons, facet_name, fix_buttons, joined, part, report, retest_buttons
from actions.diagnosis_symptoms import guess, match
from actions.messages import Choice
from actions.state import Expect
from actions.turn import Turn
from kg.diagnose import MAX_STEPS, Answer, StateError, Step, answer, outcomes_of_facts, start
from kg.explain import for_customer
from kg.model import Text, Who
from kg.next_step import IN_VAIN, next_step
from kg.posterior import facets_of
from server.company import Definition

KIND = "diagnosis"
"""The `Expect.kind` of a step that waits for the customer."""
SYMPTOM = "symptom"
"""The `Expect.kind` of the question which trouble it is."""

MAX_SILENT = 24
STEP_KINDS = frozenset({"check", "fix", "confirm"})
_FAULTS_SHOWN = 8


async def diagnose(c: Context, definition: Definition) -> None:
    """Help with a reported fault.

    Args:
        c: The turn; ``c.diagnosis`` is the diagnosis state of the turn before, and after this the one to keep.
        definition: The intent that was understood, with its symptoms and articles.

    Raises:
        Question: The customer has to look, do or tell something.
        EscalationError: Only a person can go on.
    """
    graphs = c.ports.graphs
    if graphs is None or not set(definition.symptoms) & graphs.current.knowledge.graph.symptoms.keys():
        if not await outages.instead(c, definition, (), None):
            await _from_articles(c, definition)
        return
    c.diagnosis = copy.deepcopy(c.diagnosis)
    running = Run.of(c, graphs) if c.args.get("begun") else None
    if running is None:
        running = await _begin(c, graphs, definition)
        if running is None:
            return
    else:
        outages.in_between(c, definition, running.symptom, running.version)
    try:
        await running.go()
    except Question as question:
        if question.message.get("step", {}).get("kind") in STEP_KINDS:
            if c.diagnosis["sent"] >= MAX_STEPS:  # the account's own questions count as well
                running.give_up()
            c.diagnosis["sent"] += 1
        if c.lead:
            # A question of an account skill: what leads to it is said before it.
            c.messages.append(joined(c.lead, [], None))
            c.lead = []
        raise


def told(turn: Turn) -> dict[str, Any]:
    """The number and the place that a message tells, for when the account system wants them."""
    found = {"phone": reading.told_number(turn), "place": reading.place(turn)}
    return {name: value for name, value in found.items() if value is not None}


async def _begin(c: Context, graphs: Graphs, definition: Definition) -> Run | None:
    """Start with the symptom that is meant.

    Raises:
        Question: Several may be meant.
    """
    if "said" not in c.args:
        c.args.update(outages.resumed(c))
    if "said" not in c.args:
        c.args["said"] = "" if c.turn.chosen else c.turn.text
        c.args.update(told(c.turn))
    symptom = c.args.pop("symptom", None)
    if symptom is None and c.args.get("which"):
        if await outages.instead(c, definition, c.args["which"], graphs.current):
            return None
        raise _which(c, graphs.current, tuple(c.args.pop("which")))
    if symptom == "none":
        faults = [one for one in c.ports.intents.values() if one.do == "diagnose"]
        c.say("clarify.rephrase", choices=[*(c.button(one) for one in faults[:_FAULTS_SHOWN]), c.person()])
        c.offered = Expect("clarify")
        return None
    if symptom is None:
        found = await match(graphs.current, graphs.nearness, c.args["said"], definition.symptoms)
        if not found.sure:
            likely = found.symptoms or tuple(definition.symptoms)
            if await outages.instead(c, definition, likely, graphs.current):
                return None
            raise _which(c, graphs.current, likely)
        symptom = found.symptoms[0]
    c.args["symptom"] = symptom  # for after a question in between
    if await outages.instead(c, definition, [symptom], graphs.current):
        return None
    del c.args["symptom"]
    if c.state.area and c.state.area["values"]:
        c.args.setdefault("place", {"raw": c.state.area["raw"], "value": c.state.area["values"][0]})
    c.args["begun"] = True
    running = Run.new(c, graphs, symptom)
    running.hear(c.args["said"])
    c.lead.append(m.message("diagnosis.begin"))
    return running


async def guess_symptom(c: Context) -> dict[str, Any] | None:
    """What a diagnosis begins with for a message that was not understood; ``None`` where it is hardly about a fault."""
    graphs = c.ports.graphs
    faults = [one for one in c.ports.intents.values() if one.do == "diagnose" and one.symptoms]
    if graphs is None or not faults or c.turn.chosen:
        return None
    named = {one.name: one.symptoms for one in faults}
    ranked = [one for one in c.turn.ranking if one.name in named]
    probable = {symptom: one.confidence for one in reversed(ranked) for symptom in named[one.name]}
    likely = sum(one.confidence for one in ranked)
    found = await guess(graphs.current, graphs.nearness, c.turn.text, likely, probable)
    owner = next((one for name in found.symptoms for one in faults if name in one.symptoms), None)
    if owner is None:
        return None
    known = {"symptom": found.symptoms[0]} if found.sure else {"which": list(found.symptoms)}
    return {"intent": owner.name, **known}


def _which(c: Context, version: Version, symptoms: tuple[str, ...]) -> Question:
    graph = version.knowledge.graph
    known = [name for name in symptoms if name in graph.symptoms]
    choices = [m.labelled(m.press("inform", choice=name), graph.symptoms[name].name.as_json()) for name in known]
    choices.append(m.choice(m.press("inform", choice="none"), "choice.none_of_these"))
    options: list[dict[str, Any]] = [
        {"value": name, "words": [graph.symptoms[name].name.zh, graph.symptoms[name].name.en]} for name in known
    ]
    options.append({"value": "none", "words": []})
    message = m.message("diagnosis.which", choices=choices)
    return Question(Expect(SYMPTOM, "which", options=options), message)


class Run:
    """One diagnosis within one turn."""

    def __init__(self, c: Context, version: Version) -> None:
        self.c = c
        self.version = version
        self.knowledge = version.knowledge
        self.graph = version.knowledge.graph

    @classmethod
    def of(cls, c: Context, graphs: Graphs) -> Run | None:
        """The diagnosis of the slot; ``None`` where there is none, or its version of the graph is gone."""
        slot = c.diagnosis
        if not isinstance(slot, dict) or not isinstance(slot.get("engine"), dict):
            return None
        version = graphs.get(str(slot["engine"].get("graph")))
        return None if version is None else cls(c, version)

    @classmethod
    def new(cls, c: Context, graphs: Graphs, symptom: str) -> Run:
        """A new diagnosis; one that runs already waits until it is done."""
        running = cls(c, graphs.current)
        c.state.solved = None
        below = c.diagnosis if cls.of(c, graphs) is not None else None
        c.diagnosis = {
            "engine": start(running.knowledge, symptom), "open": None, "count": 0, "sent": 0, "log": [], "also": [],
            "account": None, "told": [], "worded": {}, "blind": False, "below": below,
        }  # fmt: skip
        return running

    # ------------------------------------------------------------------ the slot

    @property
    def slot(self) -> dict[str, Any]:
        """The state to keep."""
        slot: dict[str, Any] = self.c.diagnosis
        return slot

    @property
    def engine(self) -> dict[str, Any]:
        """The engine's part of it."""
        engine: dict[str, Any] = self.slot["engine"]
        return engine

    @property
    def symptom(self) -> str:
        """The symptom that is looked into."""
        return str(self.engine["symptom"])

    @property
    def facets(self) -> list[str]:
        """Facets that bear on this symptom."""
        return facets_of(self.graph, self.knowledge.circuit(self.symptom))

    @property
    def all_facets(self) -> list[str]:
        """All facets, those that bear on this symptom first, of cheap checks before those of dear ones."""
        own = set(self.facets)
        checks = self.graph.checks
        return sorted(self.graph.facets, key=lambda name: (name not in own, checks[self.graph.facets[name].check].cost))

    def covers(self, symptom: str) -> bool:
        """Whether all that causes another symptom causes this one, so that it is no problem of its own now."""
        graph = self.graph
        if symptom not in graph.symptoms:
            return False
        own = {name for name in graph.tree(self.symptom).events if name in graph.faults}
        return {name for name in graph.tree(symptom).events if name in graph.faults} <= own

    def tell(self, given: Answer) -> None:
        """Tell the engine, and note it for the agent."""
        self.slot["engine"] = answer(self.knowledge, self.engine, given)
        if given.kind == "check" and given.node in self.graph.checks:
            named = {facet.rpartition(".")[2]: facet for facet in self.graph.checks[given.node].facets}
            outcomes = {
                facet if facet in self.graph.facets else self.graph.checks[given.node].facets[named[facet]].id: outcome
                for facet, outcome in (given.outcomes or {}).items()
            }
            self._note("check", given.node, given.result, outcomes)
        elif given.kind in {"fix", "tried"}:
            self._note("fix", given.node, given.result or "tried", {})
        elif given.kind == "observe":
            for facet, outcome in (given.outcomes or {}).items():
                self._note("check", self.graph.facets[facet].check, "told", {facet: outcome})

    def _note(self, kind: str, node: str, outcome: str, outcomes: dict[str, str]) -> None:
        self.slot["log"].append({"kind": kind, "node": node, "outcome": outcome, "outcomes": outcomes})

    def hear(self, text: str) -> bool:
        """Use what a message tells besides: facts and fixes tried before; whether there was any."""
        found = read_facts(self.version.lexicon, text, self.all_facets)
        if found.facts:
            self.tell(Answer("observe", outcomes=found.facts))
        self.tried(found.tried)
        return bool(found.facts or found.tried)

    def tried(self, fixes: list[str]) -> None:
        """Note fixes that the customer tried before, where they bear on this symptom."""
        index = self.knowledge.circuit(self.symptom).index
        for name in fixes:
            if index.keys() & self.graph.fixes[name].repairs.keys() and not self.engine["tried"].get(name):
                self.tell(Answer("tried", name))

    # ------------------------------------------------------------------ going on

    async def go(self) -> None:
        """Go on until the customer is needed, or it is over.

        Raises:
            Question: The next step is the customer's.
            EscalationError: A person takes over.
        """
        if self.slot["account"]:
            await self._account(self.slot["account"])
        for _ in range(MAX_SILENT):
            step = self.next()
            if step.kind == "solved":
                if not self._solved():
                    return
            elif step.kind == "handoff":
                self._hand_over(step)
            elif step.who is not Who.SYSTEM:
                raise self.ask(step)
            elif step.kind == "check":
                await self._look(step.node)
            else:
                await self._account(step.node)
        raise EscalationError("diagnosis_exhausted", "escalate.diagnosis_exhausted")

    def next(self) -> Step:
        """The engine's next step. The steps that count are those that the customer was sent."""
        self.engine["steps"] = self.slot["sent"]
        args = self.c.args if self.c.state.task is not None else {}
        asking = {
            "list_outages": args.get("place") is None and self.c.state.area != {},
            "get_bills": not (self.c.state.customer or args.get("phone")),
        }
        self.engine["asks"] = [name for name, check in self.graph.checks.items() if asking.get(check.step)]
        return next_step(self.knowledge, self.engine)

    def ask(self, step: Step) -> Question:
        """A check or a fix as a question, each time in other words."""
        c, slot = self.c, self.slot
        slot["count"] += 1
        before = slot["open"] or {}
        again = c.again and (before.get("node"), before.get("kind")) == (step.node, step.kind)
        wordings = self._wordings(step)
        text = self._next_wording(f"{step.kind}:{step.node}", wordings) if wordings else step.text
        question = step.question
        if question is not None:
            question = self._next_wording("works", self.graph.symptoms[self.symptom].works)
        about = before.get("about", "") if again else ""
        parts = [*c.lead, *(part(one) for one in (text, question) if one is not None)]
        if about:
            parts = [*c.lead, m.message("diagnosis.about", thing=facet_name(self.graph, about).as_json())]
        if step.why.key == IN_VAIN and not again and not self.engine["asked"].get(step.node):
            parts.insert(len(c.lead), part(for_customer(self.graph, step.why)))
        if again and len(wordings) == 1 and not about:
            parts.insert(len(c.lead), m.message("diagnosis.back"))
        asked = question or (text if step.retest else None)
        slot["open"] = {
            "kind": step.kind, "node": step.node, "retest": step.retest,
            "question": asked.as_json() if asked is not None else None, "about": about,
        }  # fmt: skip
        public: dict[str, Any] = {"kind": step.kind, "id": step.id}
        if step.retest:
            public["retest"] = True
        c.lead = []
        buttons = self._buttons(step, slot["count"], about)
        if slot.get("lost", 0) > 1:
            buttons.append(c.person())
        return Question(Expect(KIND, str(slot["count"])), joined(parts, buttons, public))

    def _next_wording(self, name: str, wordings: Sequence[Text]) -> Text:
        """The wording that was not used last, in their order."""
        used: dict[str, int] = self.slot["worded"]
        place = used.get(name, 0)
        used[name] = place + 1
        return wordings[place % len(wordings)]

    def _buttons(self, step: Step, number: int, about: str = "") -> list[Choice]:
        if step.kind == "fix":
            return fix_buttons(number, retest=step.retest)
        if about:
            step = replace(step, choices=tuple(one for one in step.choices if one.facet == about))
        return retest_buttons(number) if step.node == self.symptom else check_buttons(self.graph, step, number)

    def _wordings(self, step: Step) -> tuple[Text, ...]:
        if step.kind == "fix":
            return self.graph.fixes[step.node].do
        if step.node == self.symptom:
            return self.graph.symptoms[self.symptom].works
        return self.graph.checks[step.node].ask

    # ------------------------------------------------------------------ the account system

    async def _look(self, node: str) -> None:
        """A system check, silently; without a customer or a place it is left out."""
        operation = self.graph.checks[node].step
        if operation == "get_bills" and (line := self._unseen("get_line")):
            # What a line's bills matter for shows on the line; it may make the look at the bills needless.
            node, operation = line, "get_line"
        if self.c.args.pop("declined", None) is not None and operation != "list_outages":
            self.slot["blind"] = True
        nowhere = operation == "list_outages" and self.c.state.area == {} and self.c.args.get("place") is None
        skip = (self.slot["blind"] and operation != "list_outages") or self.c.args.pop("no_place", False) or nowhere
        facts = None if skip else await look(self.c, operation)
        outcomes = outcomes_of_facts(self.graph.checks[node], facts) if facts is not None else {}
        self.tell(Answer("check", node, outcomes=outcomes) if outcomes else Answer("check", node, result="refused"))

    def _unseen(self, operation: str) -> str:
        """A system check of an operation that was not made yet, if this symptom has one."""
        for facet in self.facets:
            check = self.graph.facets[facet].check
            if self.graph.checks[check].step == operation and not self.engine["asked"].get(check):
                return check
        return ""

    async def _account(self, node: str) -> None:
        """A repair in the account system, through the account skill that the customer could have asked for.

        Raises:
            Question: The skill needs a code, a yes or a detail; or the repair is done and its effect is asked for.
        """
        c, slot = self.c, self.slot
        slot["account"] = node
        if c.args.pop("declined", None) is not None or slot["blind"] or self.graph.fixes[node].step not in REPAIRS:
            self._leave_account(node)
            return
        operation = await instead(c, self.graph.fixes[node].step)
        if operation != self.graph.fixes[node].step:
            other = self._fix_of(operation)
            if not other:
                self._leave_account(node)
                return
            node = slot["account"] = other
        if node not in slot["told"]:
            slot["told"] += [node, *self.graph.fixes[node].then]
            c.messages.append(joined([*c.lead, m.message(f"diagnosis.account_{operation}")], [], None))
            c.lead = []
        paying = operation == "send_payment_request"
        if not (paying and await payment(c) == "waiting") and not await repair(c, operation):
            self._leave_account(node)
            return
        if paying and await payment(c) == "waiting":
            await self._pay_and_resume(node)
            raise self._payment(node)
        self._repaired(node)

    async def _pay_and_resume(self, node: str) -> None:
        """Ask, with the word that a payment request was sent, for the yes to what follows the payment.

        Raises:
            Question: It was not given yet.
        """
        follows = [name for name in self.graph.fixes[node].then if self.graph.fixes[name].step == "resume_line"]
        line = await self.c.need_line()
        if follows and line.status == "suspended":
            number = m.phone(line.phone)
            await self.c.need_confirmation("resume_line", "diagnosis.pay_and_resume", {"line": line.id}, number=number)

    def _payment(self, node: str) -> Question:
        """The message that a payment request is waiting on the customer's phone."""
        c, slot = self.c, self.slot
        slot["count"] += 1
        fix = self.graph.fixes[node]
        asked_before = (slot["open"] or {}).get("kind") == "payment"
        text = m.message("diagnosis.payment_waiting") if asked_before else part(fix.do[0])
        slot["open"] = {"kind": "payment", "node": node, "retest": False, "question": None}
        buttons = [
            m.choice(m.press("affirm", choice=f"{slot['count']}:done"), "choice.paid_check"),
            m.choice(m.press("deny", choice=f"{slot['count']}:refused"), "diagnosis.refused"),
        ]
        step = {"kind": "fix", "id": fix.step}
        message = joined([*c.lead, text], buttons, step)
        c.lead = []
        return Question(Expect(KIND, str(slot["count"])), message)

    def _repaired(self, node: str) -> None:
        """Tell the engine that a repair was made; the message about it asks whether it helped, or leads to the next.

        Raises:
            Question: It is the last of its chain, so that its effect can be seen.
        """
        self._clean_account(keep=self.graph.fixes[node].then)
        if node not in self.engine["confirmed"]:
            self.tell(Answer("confirm", node, result="yes"))
        self.engine["queue"] = [node, *(name for name in self.engine["queue"] if name != node)]
        step = self.next()
        if step.kind == "handoff":
            self._hand_over(step)
        if step.retest:
            raise self.ask(step)
        self.tell(Answer("fix", node, result="done"))
        if step.text is not None and self.graph.fixes[node].step != "send_payment_request":
            self.c.lead.append(part(step.text))

    def _leave_account(self, node: str) -> None:
        """The customer does not want a repair, or it is not possible."""
        self._clean_account()
        self.tell(Answer("confirm", node, result="no"))

    def _clean_account(self, keep: Sequence[str] = ()) -> None:
        """Forget what one repair asked for; a yes to what completes it is kept."""
        self.slot["account"] = None
        for name in ("gb", "plan", "plan_gb", *(() if keep else ("confirmed",))):
            self.c.args.pop(name, None)

    def _fix_of(self, operation: str) -> str:
        index = self.knowledge.circuit(self.symptom).index
        for name, fix in self.graph.fixes.items():
            if fix.step == operation and index.keys() & fix.repairs.keys():
                return name
        return ""

    # ------------------------------------------------------------------ the end

    def _solved(self) -> bool:
        """Say so; whether another problem that was mentioned is looked into next."""
        c, also = self.c, self.slot["also"]
        if not also:
            c.say("diagnosis.solved_end")
            c.state.solved = {"intent": c.args.get("intent"), "args": c.args, "diagnosis": {**self.slot, "below": None}}
            c.diagnosis = self.slot["below"]
            return False
        symptom, rest = also[0], also[1:]
        before = self.slot
        c.diagnosis = {
            **before, "engine": start(self.knowledge, symptom), "open": None, "log": [], "also": rest, "told": [],
            "worded": {},
        }  # fmt: skip
        known = {
            facet: outcome
            for facet, outcome in before["engine"]["evidence"].items()
            if facet in self.facets and facet not in self.engine["evidence"]
        }
        if known:
            self.tell(Answer("observe", outcomes=known))
        name = self.graph.symptoms[symptom].name.as_json()
        c.lead.append(m.message("diagnosis.next_problem", problem=name))
        return True

    def give_up(self) -> None:
        """Bring in a person because the customer was asked often enough.

        Raises:
            EscalationError: Always.
        """
        self._hand_over(Step("handoff", reason="diagnosis_exhausted", hypotheses=self.next().hypotheses))

    def _hand_over(self, step: Step) -> None:
        """Bring in a person.

        Raises:
            EscalationError: Always.
        """
        c = self.c
        if step.text is not None:
            c.messages.append(joined([*c.lead, part(step.text)], [], None))
        c.report = report(self.knowledge, self.slot, step, c.turn.locale)
        advised = step.text is not None and step.reason == "diagnosis_exhausted"
        raise EscalationError(step.reason, "diagnosis.to_colleague" if advised else f"escalate.{step.reason}")


def so_far(c: Context) -> dict[str, Any] | None:
    """The report of a diagnosis that is under way, for a hand-over of whatever reason; ``None`` without one."""
    running = Run.of(c, c.ports.graphs) if c.ports.graphs is not None else None
    if running is None:
        return None
    try:
        step = next_step(running.knowledge, running.engine)
    except StateError:
        step = None
    return report(running.knowledge, running.slot, step, c.turn.locale)


async def _from_articles(c: Context, definition: Definition) -> None:
    """What can be said without a fault tree: the articles of the symptom, a technician, a person."""
    found = await search(c, query(c, definition), definition)
    if found is not None and found.passages and (found.confident or definition.articles):
        c.messages.append(cited("diagnosis.article", found.passages[0]))
        c.say("diagnosis.next", choices=ways_out(c))
    else:
        c.say("diagnosis.no_article", choices=ways_out(c))


def ways_out(c: Context) -> list[Choice]:
    """Buttons for a technician and for a person."""
    skill = next((one for one in c.ports.intents.values() if one.skill == "book_technician"), None)
    technician = [c.button(skill)] if skill is not None else []
    return [*technician, c.person()]
