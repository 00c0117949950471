"""What a skill works with: the turn, the state, the ports, and the checks before every answer and every write.

A skill is an async function that runs from its start each time. Where something is missing it calls one of the
``need_`` methods, which raise `Question`; the answer is stored in the task and the skill runs again. Reads are repeated
that way, writes are not: a write is the last step, and only `Context.write` hands out the key that a write takes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from actions import messages as m
from actions.accounts import Customer, Line, NotFoundError
from actions.messages import Choice, Message
from actions.ports import Accounts, Ports
from actions.reading import ending
from actions.retrieval import Passage
from actions.state import Expect, State, Task
from actions.turn import Turn
from server.company import Definition
from server.texts import catalogue

VERIFIED_FOR = timedelta(minutes=15)
_LONGEST_KEY = 100


class Question(Exception):  # noqa: N818 (not an error: the way a skill asks)
    """A skill needs an answer before it can go on."""

    def __init__(self, expect: Expect, message: Message) -> None:
        super().__init__(expect.kind)
        self.expect = expect
        self.message = message


class EscalationError(Exception):
    """A skill found that only a person can go on."""

    def __init__(self, reason: str, key: str, **params: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.key = key
        self.params = params


class Stopped(Exception):  # noqa: N818 (not an error: the way a skill ends early)
    """A skill cannot go on, and offers something else to do."""

    def __init__(self, intent: str, key: str, **params: Any) -> None:
        super().__init__(intent)
        self.intent = intent
        self.key = key
        self.params = params


class Context:
    """One turn being answered. ``state`` is changed in place; ``messages`` collects what the customer is told."""

    def __init__(self, turn: Turn, state: State, ports: Ports) -> None:
        self.turn = turn
        self.state = state
        self.ports = ports
        self.accounts: Accounts = ports.accounts.in_language(turn.locale)
        self.messages: list[Message] = []
        self.passages: list[Passage] = []
        self.diagnosis: Any = None
        self.lead: list[Message] = []
        self.report: dict[str, Any] | None = None
        self.paused = False
        self.again = False
        self.offered: Expect | None = None

    @property
    def definition(self) -> Definition | None:
        """What the understood intent stands for; ``None`` where the message was not understood."""
        if not self.turn.understood:
            return None
        return self.turn.new or self.ports.intents.get(self.turn.intent)

    # ------------------------------------------------------------------ saying

    def say(self, key: str, /, *, choices: Sequence[Choice] = (), **params: Any) -> None:
        """Add a message of the catalogues."""
        self.messages.append(m.message(key, choices=choices, **params))

    def offer(self, intent: str, key: str, /, *more: Choice, **params: Any) -> None:
        """Add a message with a button for something to do next, which a plain "yes" takes too."""
        definition = self.ports.intents.get(intent)
        if definition is None:
            self.say(key, choices=more, **params)
            return
        self.say(key, choices=[self.button(definition), *more], **params)
        self.offered = Expect("offer", data={"intent": intent})

    def suggestions(self) -> list[Choice]:
        """Buttons for what the company suggests to begin with."""
        return [self.button(one) for one in self.ports.intents.values() if one.suggest]

    def button(self, definition: Definition) -> Choice:
        """A button for an intent, under the company's label."""
        return m.labelled(m.press(definition.name), dict(definition.label.items()))

    def person(self) -> Choice:
        """A button that asks for a person."""
        name = next((one.name for one in self.ports.intents.values() if one.reason == "customer_asked"), None)
        return m.choice(m.press(name or "talk_to_human"), "choice.person")

    # ------------------------------------------------------------------ asking

    @property
    def args(self) -> dict[str, Any]:
        """What is known for the running task."""
        assert self.state.task is not None
        return self.state.task.args

    def ask(self, kind: str, key: str, /, *, choices: Sequence[Choice] = (), **more: Any) -> Question:
        """Make a question; asked again in other words (``key_again``) after an interruption.

        ``more`` may hold ``options`` and ``token`` of the `Expect`; the rest are the text's parameters.
        """
        options = more.pop("options", [])
        token = more.pop("token", kind)
        message = m.message(key, choices=choices, **more)
        if self.again:
            message = _in_other_words(key, choices, more)
        return Question(Expect(kind, token, options=options), message)

    async def need_customer(self) -> Customer:
        """The customer who is speaking, found by a phone number of theirs.

        Raises:
            Question: No number is known yet, or nobody has it.
        """
        number = self.args.pop("phone", None)
        if number is not None:
            await self._identify(number)
        if self.state.customer is None:
            raise self.ask("phone", "ask.phone")
        return await self.accounts.get_customer(self.state.customer)

    async def need_line(self) -> Line:
        """The line that it is about: the one whose number was given, the only one, or the one chosen.

        Raises:
            Question: The customer or the line is not known yet.
        """
        customer = await self.need_customer()
        chosen = self.args.pop("line", None)
        if chosen in customer.lines:
            self.state.line = chosen
        if self.state.line in customer.lines:
            return await self.accounts.get_line(str(self.state.line))
        if not customer.lines:
            raise EscalationError("policy", "line.none")
        found = [await self.accounts.get_line(line) for line in customer.lines]
        if len(found) > 1:
            by_ending = ending(self.turn, [line.phone for line in found])
            found = [line for line in found if line.phone == by_ending] or found
        if len(found) > 1:
            raise self.which_line(found)
        self.state.line = found[0].id
        return found[0]

    def which_line(self, found: Sequence[Line]) -> Question:
        """The question which of several lines it is about."""
        choices = [
            m.choice(
                m.press("inform", choice=line.id), "choice.line", number=m.phone(line.phone), plan=_plan_name(line)
            )
            for line in found
        ]
        options = [
            {"value": line.id, "words": [line.phone, *([line.plan.name] if line.plan else [])]} for line in found
        ]
        return self.ask("line", "ask.line", choices=choices, options=options)

    async def need_verified(self) -> None:
        """Proof that the customer is who they say: a one-time code, valid for `VERIFIED_FOR`.

        Raises:
            Question: The code was sent and has to be given.
        """
        if self.state.verified(self.turn.now):
            return
        assert self.state.customer is not None
        if self.state.verification is None:
            await self.send_code()
        raise self.ask_code("ask.otp")

    async def send_code(self) -> None:
        """Send a new one-time code to the customer's own contact."""
        assert self.state.customer is not None
        sent = await self.accounts.send_one_time_code(self.state.customer, key=self.key("send_one_time_code"))
        self.state.verification = {"id": sent.verification, "to": sent.sent_to}

    def ask_code(self, key: str, **params: Any) -> Question:
        """The question for the code that was sent."""
        assert self.state.verification is not None
        resend = m.choice(m.press("inform", choice="resend"), "choice.resend")
        options = [{"value": "resend", "words": []}]
        return self.ask("otp", key, choices=[resend], options=options, to=self.state.verification["to"], **params)

    async def need_confirmation(self, operation: str, key: str, details: dict[str, Any], **params: Any) -> None:
        """The customer's yes to exactly this: the contract's ``operation`` with these ``details``.

        Raises:
            Question: It was not confirmed, or something else was.
        """
        token = _token(operation, details)
        if self.args.get("confirmed") == token:
            return
        yes = m.choice(m.press("affirm", question=token), "choice.confirm")
        no = m.choice(m.press("deny", question=token), "choice.no")
        question = self.ask("confirm", key, choices=[yes, no], token=token, **params)
        question.message["step"] = {"kind": "confirm", "id": operation}
        raise question

    @property
    def confirmed(self) -> bool:
        """Whether the customer said yes to what the running task is about to do."""
        return "confirmed" in self.args

    def write(self, operation: str, details: dict[str, Any]) -> str:
        """The idempotency key for a write that was verified and confirmed with these details; nothing else makes one.

        Raises:
            AssertionError: It was not, which is a mistake in a skill.
        """
        if not self.state.verified(self.turn.now) or self.args.get("confirmed") != _token(operation, details):
            raise AssertionError(f"{operation} without verification and confirmation")
        return self.key(operation)

    def key(self, operation: str) -> str:
        """An idempotency key: the turn run again acts once."""
        key = f"{self.turn.conversation}:{self.turn.number}:{operation}"
        return key if len(key) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()

    # ------------------------------------------------------------------ knowing

    @property
    def today(self) -> str:
        """The company's day, ISO."""
        return self.turn.now.date().isoformat()

    async def _identify(self, number: str) -> None:
        found = await self.accounts.find_customers(number)
        if not found:
            raise self.ask("phone", "ask.phone_unknown")
        customer = next((one for one in found if one.id == self.state.customer), found[0])
        if customer.id != self.state.customer:
            self.state.forget_customer()
            self.state.customer = customer.id
        self.state.line = None
        for line in customer.lines:
            try:
                if (await self.accounts.get_line(line)).phone.endswith(number):
                    self.state.line = line
            except NotFoundError:
                continue

    def mark_verified(self) -> None:
        """Note that the customer gave the right code now."""
        self.state.verified_until = (self.turn.now + VERIFIED_FOR).isoformat()
        self.state.verification = None

    def evidence(self) -> dict[str, Any]:
        """What the agent should know of this conversation besides its transcript."""
        state = self.state
        return {
            "task": _known(state.task),
            "interrupted": [_known(task) for task in state.stack],
            "customer": state.customer,
            "line": state.line,
            "verified": state.verified(self.turn.now),
            "passages": [passage.model_dump() for passage in self.passages],
            "diagnosis": self.report,
        }


def _in_other_words(key: str, choices: Sequence[Choice], params: dict[str, Any]) -> Message:
    """A question asked once more: in a wording of its own where there is one, else with a few words before it."""
    other = f"{key}_again"
    if other in catalogue("zh"):
        return m.message(other, choices=choices, **params)
    return m.message("ask.again", choices=choices, question=m.text(key, **params))


def _plan_name(line: Line) -> str:
    return line.plan.name if line.plan else ""


def _known(task: Task | None) -> dict[str, Any] | None:
    return (
        None
        if task is None
        else {"skill": task.skill, "args": {k: v for k, v in task.args.items() if k != "confirmed"}}
    )


def _token(operation: str, details: dict[str, Any]) -> str:
    content = json.dumps([operation, details], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:12]
