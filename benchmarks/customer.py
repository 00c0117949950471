"""A customer with a broken phone who talks: complains, answers checks in free text or by button, carries out fixes.

The phone (`benchmarks.phone`) holds the true state of the device, an account back end that of the line. A customer knows
nothing of the assistant but what docs/frames.md promises: texts, buttons, and the `step` of a message.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from benchmarks import customer_words as words
from benchmarks.phone import FAULTS, ONLY_A_PERSON, Phone, broken_phone
from benchmarks.phone_screen import PAGES, printed
from server.accounts.store import Store
from server.texts import LANGUAGES, render

Json = dict[str, Any]
GUARD = 60
STEP_KINDS = {"check", "fix", "confirm"}
_LONG_AGO = "2020-01-01T00:00:00Z"
_OWED = {"overdue", "awaiting_payment"}


@dataclass
class Case:
    """One customer: what is wrong, what they complain of, how they speak."""

    symptom: str
    phone: Phone
    language: str
    unsure: float
    unseen: float
    dice: random.Random
    number: str = ""
    printed: float = 0.0
    """Share of the checks answered by copying what the phone prints."""
    buttons: float = 0.0
    """Share of the answers given by a button, where one fits."""

    def pick(self, entry: words.Words) -> str:
        """A wording of something, now and then one that was never seen."""
        kinds = entry[self.language]
        kind = "unseen" if self.dice.random() < self.unseen and kinds.get("unseen") else "usual"
        return self.dice.choice(kinds[kind])

    def complaint(self) -> str:
        """What the customer begins with."""
        return self.pick(words.COMPLAINTS[self.symptom])

    def check(self, name: str) -> str:
        """The answer to a check."""
        if self.dice.random() < self.unsure:
            return self.pick(words.NOT_SURE)
        try:
            seen = self.phone.look(name)
        except KeyError:  # a check of something that this customer does not have
            return self.dice.choice(words.NOT_SURE[self.language]["usual"])
        if name in PAGES and self.dice.random() < self.printed:
            return printed(name, seen, self.dice)
        facts = [(facet or name, outcome) for facet, outcome in seen.items()]
        if len(facts) > 2 and self.dice.random() < 0.3:
            return " | ".join(words.STATUS_LINE[fact] for fact in facts if fact in words.STATUS_LINE) + " | 🔋 71%"
        said = [self.pick(words.FACTS[facet][outcome]) for facet, outcome in facts]
        self.dice.shuffle(said)
        return ("，" if self.language == "zh" else ", ").join(said)

    def fix(self, name: str, *, retest: bool) -> str:
        """Carry out a fix and say how it went."""
        self.phone.do(name)
        return self.retest() if retest else self.pick(words.HELPED["done"])

    def retest(self) -> str:
        """Whether the trouble is gone."""
        return self.pick(words.HELPED["still" if self.phone.suffers(self.symptom) else "solved"])


@dataclass
class Result:
    """How one case ended."""

    right: bool
    outcome: str
    steps: int
    unverified: int
    turns: int
    milliseconds: list[float]
    log: list[str]


class Talk(Protocol):
    """A conversation with the assistant."""

    milliseconds: list[float]

    async def say(self, text: str) -> list[Json]:
        """One message; the bot's messages as the socket shows them."""
        ...

    async def press(self, message: Json, value: str) -> list[Json]:
        """A button of a message."""
        ...

    @property
    def over(self) -> str:
        """How the conversation ended, "" while it goes on."""
        ...


@dataclass
class Account:
    """One customer of the account back end, whose line is as the phone's faults say."""

    store: Store
    http: httpx.AsyncClient
    customer: str
    line: str
    number: str
    _before: Json = field(default_factory=dict)

    def set(self, phone: Phone) -> None:
        """Put the line, its bills and its data into the state that belongs to the phone."""
        faults = phone.faults
        suspended = bool(faults & {"unpaid", "contract_ended", "suspended"})
        line = self.store.get("lines", self.line)
        self.store.put("lines", {
            **line, "status": "suspended" if suspended else "active", "roaming": "line_roaming" not in faults,
            "contract_end": "2020-01-01" if "contract_ended" in faults else "2099-01-01", "plan": "start",
        })  # fmt: skip
        used = 10.4 if "used_up" in faults else 2.0
        self.store.put("usage", {"id": self.line, "line": self.line, "used_gb": used, "included_gb": 10,
                                 "refuelled_gb": 0.0, "period_end": "2099-01-01"})  # fmt: skip
        for bill in self.store.all("bills", customer=self.customer):
            self.store.put("bills", {**bill, "status": "paid"})
        if "unpaid" in faults:
            bill = max(self.store.all("bills", customer=self.customer), key=lambda one: one.get("due") or "")
            self.store.put("bills", {**bill, "status": "overdue"})
        for one in self.store.all("verifications", customer=self.customer):
            self.store.put("verifications", {**one, "sent": _LONG_AGO})
        self._before = self._state()

    def reach(self, phone: Phone) -> None:
        """Let changes of the account take effect on the phone."""
        line, usage = self.store.get("lines", self.line), self.store.get("usage", self.line)
        if line["roaming"]:
            phone.do("set_roaming")
        if usage["used_gb"] < usage["included_gb"] + usage["refuelled_gb"]:
            phone.do("refuel_data")
        owed = any(bill["status"] in _OWED for bill in self.store.all("bills", customer=self.customer))
        if "unpaid" in phone.faults and not owed:
            phone.do("send_payment_request")
        if line["status"] == "active":
            phone.do("resume_line")

    def written(self) -> set[str]:
        """The operations of the account contract that explain what changed since the last look."""
        before, now = self._before, self._state()
        self._before = now
        found = set()
        if before["line"]["status"] != now["line"]["status"]:
            found.add("resume_line" if now["line"]["status"] == "active" else "suspend_line")
        if before["line"]["roaming"] != now["line"]["roaming"]:
            found.add("set_roaming")
        if before["line"]["plan"] != now["line"]["plan"]:
            found.add("change_plan")
        if before["refuelled"] != now["refuelled"]:
            found.add("refuel_data")
        if any(before["bills"].get(bill) == "overdue" and state != "overdue" for bill, state in now["bills"].items()):
            found.add("send_payment_request")
        return found

    def _state(self) -> Json:
        line = self.store.get("lines", self.line)
        bills = {bill["id"]: bill["status"] for bill in self.store.all("bills", customer=self.customer)}
        refuelled = self.store.get("usage", self.line)["refuelled_gb"]
        return json.loads(json.dumps({"line": line, "bills": bills, "refuelled": refuelled}))  # type: ignore[no-any-return]  # a copy

    async def code(self) -> str:
        """The newest one-time code in the inbox."""
        return str(next(one["code"] for one in await self._inbox() if one["kind"] == "code"))

    async def pay(self) -> None:
        """Accept every payment request."""
        for one in await self._inbox():
            if one["kind"] == "payment_request" and one["status"] == "awaiting_payment":
                await self.http.post(one["accept"])

    async def _inbox(self) -> list[Json]:
        answer = await self.http.get("/demo/inbox", params={"customer": self.customer})
        found: list[Json] = answer.json()
        return found


async def converse(case: Case, talk: Talk, account: Account) -> Result:
    """One customer from the complaint to the end."""
    hopeless = bool(case.phone.faults & ONLY_A_PERSON)
    log = [f"# {case.symptom} {sorted(case.phone.faults)} abroad={case.phone.abroad} mode={case.phone.mode}"]
    said = Said(case.complaint())
    agreed: set[str] = set()
    steps = turns = unverified = 0
    verified = False
    over = ""
    while turns < GUARD:
        turns += 1
        log.append(f"C: {said.text}")
        verified |= said.code
        shown = await (talk.press(said.message, said.value) if said.value else talk.say(said.text))
        for message in shown:
            log.append(f"B: {message['text']!r} {message.get('step') or ''}")
            steps += (message.get("step") or {}).get("kind") in STEP_KINDS
        written = account.written()
        unverified += len(written if not verified else written - agreed)
        over = talk.over or ("ended" if any(finished(message) for message in shown) else "")
        if over:
            break
        account.reach(case.phone)
        last = shown[-1]
        said = await reply(case, last, account)
        if said.agrees:
            agreed.add(last["step"]["id"])
        account.written()  # what the customer pays is no change of the assistant's
        account.reach(case.phone)
    suffers = case.phone.suffers(case.symptom)
    handed_over = over.startswith("handoff")
    right = (hopeless or over == "handoff:safety") if handed_over else (over == "ended" and not suffers)
    log.append(f"= {over or 'endless'} {'right' if right else 'WRONG'} steps={steps} left={sorted(case.phone.faults)}")
    return Result(right, over or "endless", steps, unverified, turns, talk.milliseconds, log)


@dataclass
class Said:
    """What a customer answers: words, or the button of a message."""

    text: str
    value: str = ""
    message: Json = field(default_factory=dict)
    code: bool = False
    agrees: bool = False


def finished(message: Json) -> bool:
    """Whether a message says that the problem is solved."""
    return message["text"] in {render("diagnosis.solved_end", None, language) for language in LANGUAGES}


async def reply(case: Case, message: Json, account: Account) -> Said:
    """What the customer answers to a message."""
    step = message.get("step") or {}
    choices = message.get("choices", [])
    press = case.dice.random() < case.buttons
    match step.get("kind"):
        case "check" if step.get("retest"):
            return _helped(case, message, case.retest()) if press else Said(case.retest())
        case "check":
            return Said(case.check(step["id"]))
        case "fix" if step["id"] == "send_payment_request":
            await account.pay()
            return Said(case.pick(words.HELPED["done"]))
        case "fix":
            text = case.fix(step["id"], retest=bool(step.get("retest")))
            return _helped(case, message, text) if press and step.get("retest") else Said(text)
        case "confirm":
            await account.pay()
            if press:
                return Said(choices[0]["label"], choices[0]["value"], message, agrees=True)
            return Said(case.dice.choice(words.YES[case.language]), agrees=True)
    return await _detail(case, message, account)


def _helped(case: Case, message: Json, text: str) -> Said:
    """The button that says whether it helped; the words where there is none."""
    wanted = words.HELPED_BUTTONS["still" if case.phone.suffers(case.symptom) else "solved"]
    for choice in message.get("choices", []):
        if choice["label"] in wanted:
            return Said(choice["label"], choice["value"], message)
    return Said(text)


async def _detail(case: Case, message: Json, account: Account) -> Said:
    """The answer to a question that is no step."""
    text, choices = message["text"], message.get("choices", [])
    if re.search(r"验证码|code", text):
        return Said(await account.code(), code=True)
    if re.search(r"多少流量|How much", text):
        return Said("1GB")
    own = [choice for choice in choices if choice["label"] in words.NAMES[case.symptom]]
    if own:
        return Said(own[0]["label"], own[0]["value"], message)
    if re.search(r"套餐|plan", text):
        return Said(choices[-1]["label"])
    if re.search(r"号码|number", text):
        return Said(case.number)
    if re.search(r"哪一种|which of these", text):
        return Said(choices[-1]["label"])
    return Said(case.dice.choice(words.COMPLAINTS[case.symptom][case.language]["usual"]))


def cases(
    number: int,
    *,
    unsure: float,
    unseen: float,
    languages: Sequence[str],
    seed: int,
    printed: float = 0.0,
    buttons: float = 0.0,
) -> list[tuple[Case, int]]:
    """Random customers, each with the seed of its phone (`same_phone` makes it again)."""
    dice = random.Random(seed)
    made = []
    for _ in range(number):
        symptom, count, phone = dice.choice(list(FAULTS)), dice.randint(1, 9), dice.randrange(2**31)
        made.append((
            Case(symptom, broken_phone(symptom, count, random.Random(phone)), dice.choice(list(languages)), unsure, unseen,
                 random.Random(dice.randrange(2**31)), printed=printed, buttons=buttons),
            phone * 10 + count,
        ))  # fmt: skip
    return made


def same_phone(symptom: str, seed: int) -> Phone:
    """The phone of a case as it was at the beginning."""
    return broken_phone(symptom, seed % 10, random.Random(seed // 10))
