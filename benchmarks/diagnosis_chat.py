"""How diagnoses end in conversation: a simulated customer with a broken phone talks to the assistant.

    uv run python -m benchmarks.diagnosis_chat [--cases 200] [--unsure 0.2] [--unseen 0.1] [--language zh|en] [--seed 1]
    uv run python -m benchmarks.diagnosis_chat --socket http://127.0.0.1:8000      # the running demo product

The customer's phone (`benchmarks.phone`) holds true state and obeys the support manual; 1 to 9 faults at once. Checks are
answered in free text in many wordings, a share of them "not sure", a share in words that stand nowhere in our data; fixes
are carried out, codes read from the inbox, payment requests accepted. In process (the default) everything is the product's
own: the parse of the newest release, the dialogue core, the demo account back end; only Rasa's rules are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import statistics
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import websockets

from actions.accounts import AccountsClient
from actions.diagnosis_graph import Graphs
from actions.dialogue import respond
from actions.ports import Ports, with_controls
from actions.retrieval import Found
from actions.state import State
from actions.turn import read_turn
from benchmarks import customer_words as words
from benchmarks.diagnosis import by_engine, by_manual
from benchmarks.phone import FAULTS, ONLY_A_PERSON, Phone, broken_phone
from server.accounts.app import create_app
from server.company import Company
from server.nlu.engine import Engine
from server.nlu.index import embed, load_index
from server.settings import ROOT
from server.texts import LANGUAGES, render, render_message

ASKED = {"right_sure": 0.995, "right_unsure": 0.97, "right_unseen": 0.95, "ratio": 0.7, "most_steps": 20}
GUARD = 60
STEP_KINDS = {"check", "fix", "confirm"}
ZONE = ZoneInfo("Asia/Shanghai")
PHONE = "19900000101"
FINE_PHONE, ROAMING_PHONE = "19900000105", "19900000113"
"""Demo customers of the running product whose account is in order; the second one's line may roam."""
CUSTOMER, LINE = "C-1001", "L-101"
_MANUAL_CHECKS = {"check_apn_settings": ("apn", "mmsc"), "check_app_permissions": ("storage", "sms"),
                  "check_app_status": ("storage", "sms")}  # fmt: skip


@dataclass
class Case:
    """One customer: what is wrong, what they complain of, how they speak."""

    symptom: str
    phone: Phone
    language: str
    unsure: float
    unseen: float
    dice: random.Random
    number: str = PHONE

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
        facts = [(facet or name, outcome) for facet, outcome in seen.items()]
        if len(facts) > 2 and self.dice.random() < 0.3:
            return " | ".join(words.STATUS_LINE[fact] for fact in facts if fact in words.STATUS_LINE) + " | 🔋 71%"
        said = [self.pick(words.FACTS[facet][outcome]) for facet, outcome in facts]
        self.dice.shuffle(said)
        return ("，" if self.language == "zh" else ", ").join(said)

    def fix(self, name: str, *, retest: bool) -> str:
        """Carry out a fix and say how it went."""
        self.phone.do(name)
        if not retest:
            return self.pick(words.HELPED["done"])
        return self.pick(words.HELPED["still" if self.phone.suffers(self.symptom) else "solved"])

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


class World:
    """The account back end with one customer whose line is as the phone's faults say."""

    def __init__(self, folder: Path) -> None:
        self.app = create_app(
            folder / "accounts.db", clock=lambda: datetime.now(ZONE), seed_file=ROOT / "demo" / "accounts.json"
        )
        self.store = self.app.state.store
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://accounts")

    def set(self, phone: Phone) -> None:
        """Put the line, its bills and its data into the state that belongs to the phone."""
        faults = phone.faults
        suspended = bool(faults & {"unpaid", "contract_ended", "suspended"})
        line = self.store.get("lines", LINE)
        self.store.put("lines", {
            **line, "status": "suspended" if suspended else "active", "roaming": "line_roaming" not in faults,
            "contract_end": "2020-01-01" if "contract_ended" in faults else "2099-01-01", "plan": "start",
        })  # fmt: skip
        used = 10.4 if "used_up" in faults else 2.0
        self.store.put("usage", {"id": LINE, "line": LINE, "used_gb": used, "included_gb": 10, "refuelled_gb": 0.0,
                                 "period_end": "2099-01-01"})  # fmt: skip
        for bill in self.store.all("bills", customer=CUSTOMER):
            self.store.put("bills", {**bill, "status": "paid"})
        if "unpaid" in faults:
            bill = max(self.store.all("bills", customer=CUSTOMER), key=lambda one: one.get("due") or "")
            self.store.put("bills", {**bill, "status": "overdue"})
        for one in self.store.all("verifications", customer=CUSTOMER):
            self.store.put("verifications", {**one, "sent": "2020-01-01T00:00:00Z"})

    def reach(self, phone: Phone) -> None:
        """Let changes of the account take effect on the phone."""
        line, usage = self.store.get("lines", LINE), self.store.get("usage", LINE)
        if line["roaming"]:
            phone.do("set_roaming")
        if usage["used_gb"] < usage["included_gb"] + usage["refuelled_gb"]:
            phone.do("refuel_data")
        owed = any(
            bill["status"] in {"overdue", "awaiting_payment"} for bill in self.store.all("bills", customer=CUSTOMER)
        )
        if "unpaid" in phone.faults and not owed:
            phone.do("send_payment_request")
        if line["status"] == "active":
            phone.do("resume_line")

    def changed(self) -> str:
        """What an account change would change."""
        kept = [self.store.get("lines", LINE), self.store.get("usage", LINE)]
        return json.dumps([kept, self.store.all("bills", customer=CUSTOMER)], sort_keys=True)

    async def code(self) -> str:
        """The newest one-time code in the inbox."""
        inbox = (await self.http.get("/demo/inbox", params={"customer": CUSTOMER})).json()
        return str(next(one["code"] for one in inbox if one["kind"] == "code"))

    async def pay(self) -> None:
        """Accept every payment request."""
        inbox = (await self.http.get("/demo/inbox", params={"customer": CUSTOMER})).json()
        for one in inbox:
            if one["kind"] == "payment_request" and one["status"] == "awaiting_payment":
                await self.http.post(one["accept"])

    async def close(self) -> None:
        """End it."""
        await self.http.aclose()
        self.store.close()


class Search:
    """The release's search, in this process."""

    def __init__(self, folder: Path) -> None:
        self._index = load_index(folder)

    async def search(self, query: str, language: str, k: int, articles: Sequence[str] = ()) -> Found:
        """Search the articles."""
        found = self._index.search(query, language, k, list(articles) or None)
        return Found.model_validate(
            {"passages": [hit.to_json() for hit in found.passages], "confident": found.confident}
        )


class InProcess:
    """The assistant without sockets: parse, dialogue core, texts."""

    def __init__(self, ports: Ports, engine: Engine, world: World) -> None:
        self.ports, self.engine, self.world = ports, engine, world

    def begin(self, language: str) -> None:
        """A new conversation."""
        self.language, self.state, self.diagnosis, self.number = language, State(), None, 0
        self.unverified, self.reason, self.milliseconds = 0, "", list[float]()
        self.conversation = f"bench-{random.random()}"

    async def say(self, text: str) -> list[dict[str, Any]]:
        """One message; the bot's answers as the socket shows them."""
        self.number += 2
        parse = self.engine.parse(text, self.language).to_json()
        definition = self.ports.intents.get(parse["intent"]["name"] or "")
        understood = definition is not None and parse["intent"]["confidence"] >= parse["threshold"]
        decision: Any = (
            "continue" if self.state.awaiting else definition.do if definition and understood else "fallback"
        )
        if definition is not None and understood and definition.do == "handoff":
            decision = "handoff"
        latest = {
            "text": text, "intent": {"name": parse["intent"]["name"] if understood else "nlu_fallback"},
            "metadata": {"parse": parse, "locale": self.language, "turn": self.number, "conversation": self.conversation},
        }  # fmt: skip
        turn = read_turn(decision, latest, conversation=self.conversation, now=datetime.now(ZONE))
        before, account = self.state, self.world.changed()
        began = time.perf_counter()
        outcome = await respond(turn, self.state, self.ports, self.diagnosis)
        self.milliseconds.append(1000 * (time.perf_counter() - began))
        if self.world.changed() != account:
            agreed = before.expect is not None and before.expect.kind == "confirm" and before.verified(turn.now)
            self.unverified += not agreed
        self.state = State.from_json(json.loads(json.dumps(outcome.state.to_json())))
        self.diagnosis = json.loads(json.dumps(outcome.diagnosis))
        for message in outcome.messages:
            if "escalate" in message:
                self.reason = message["escalate"]["reason"]
        shown = []
        for message in outcome.messages:
            said, extra = render_message(message, self.language)
            shown.append({"text": said, **extra})
        return shown

    @property
    def over(self) -> str:
        """How the conversation ended, "" while it goes on."""
        if self.reason:
            return f"handoff:{self.reason}"
        return "" if self.state.awaiting else "ended"


class Socket:
    """The running product over its customer socket, one connection for each customer."""

    QUIET_S = 1.0
    PATIENCE_S = 20.0

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/").replace("http", "ws", 1) + "/ws/chat"
        self.connection: Any = None

    async def begin(self, language: str) -> None:
        """A new conversation."""
        await self.close()
        self.reason, self.unverified, self.milliseconds = "", 0, list[float]()
        self.connection = await websockets.connect(self._address, max_size=None)
        await self.connection.send(json.dumps({"type": "hello", "locale": language}))
        await self._collect(0)

    async def say(self, text: str) -> list[dict[str, Any]]:
        """One message; the bot's answers."""
        began = time.perf_counter()
        await self.connection.send(json.dumps({"type": "message", "id": str(uuid.uuid4()), "text": text}))
        found = await self._collect(1)
        self.milliseconds.append(1000 * (time.perf_counter() - began - self.QUIET_S))
        return found

    async def _collect(self, least: int) -> list[dict[str, Any]]:
        """Bot messages until it is quiet; at least so many, or a hand-over."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + self.PATIENCE_S
        while True:
            enough = len(found) >= least or self.reason
            limit = self.QUIET_S if enough else max(0.1, deadline - time.monotonic())
            try:
                frame = json.loads(await asyncio.wait_for(self.connection.recv(), limit))
            except TimeoutError:
                return found or [{"text": ""}]
            if frame["type"] == "message" and frame["role"] == "bot":
                found.append(frame)
            elif frame["type"] == "mode" and frame["mode"] != "bot":
                self.reason = frame.get("reason") or "unknown"

    @property
    def over(self) -> str:
        """How the conversation ended, "" while it goes on."""
        return f"handoff:{self.reason}" if self.reason else ""

    async def close(self) -> None:
        """End the connection."""
        if self.connection is not None:
            await self.connection.close()


class Elsewhere:
    """Stands for the account world of a product that runs elsewhere: its customers are in order, nothing is set."""

    def reach(self, phone: Phone) -> None:
        """The account changes nothing."""

    async def pay(self) -> None:
        """There is nothing to pay."""

    async def code(self) -> str:
        """No code is needed."""
        return "000000"


async def over_socket(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The same customers, with faults of the phone alone, against a running product."""
    talk, world = Socket(options.socket), Elsewhere()
    reports = []
    for name, unsure, unseen in settings(options):
        results = []
        for case, _ in cases(
            options.cases, unsure=unsure, unseen=unseen, languages=options.language, seed=options.seed
        ):
            case.phone.faults -= {"unpaid", "suspended", "contract_ended", "line_roaming", "used_up"}
            if not case.phone.suffers(case.symptom):
                continue
            case.number = ROAMING_PHONE if case.phone.abroad else FINE_PHONE
            await talk.begin(case.language)
            results.append(await converse(case, talk, world))
        await talk.close()
        for result in [one for one in results if not one.right][: options.show]:
            print("\n".join(result.log), end="\n\n", file=sys.stderr)
        times = sorted(ms for result in results for ms in result.milliseconds)
        reports.append({
            "setting": name, "unsure": unsure, "unseen": unseen, "cases": len(results),
            "right": round(sum(result.right for result in results) / len(results), 4),
            "steps": round(statistics.fmean(result.steps for result in results), 2),
            "most_steps": max(result.steps for result in results),
            "turn_ms_p50": round(times[len(times) // 2], 1),
            "outcomes": dict(Counter(result.outcome + ("" if result.right else " (wrong)") for result in results)),
        })  # fmt: skip
    return reports


async def converse(case: Case, talk: Any, world: World) -> Result:
    """One customer from the complaint to the end."""
    hopeless = bool(case.phone.faults & ONLY_A_PERSON)
    faults = sorted(case.phone.faults)
    text = case.complaint()
    log = [f"# {case.symptom} {faults} abroad={case.phone.abroad} mode={case.phone.mode}"]
    steps = turns = 0
    over = ""
    while turns < GUARD:
        turns += 1
        log.append(f"C: {text}")
        shown = await talk.say(text)
        for message in shown:
            log.append(f"B: {message['text']!r} {message.get('step') or ''}")
            steps += (message.get("step") or {}).get("kind") in STEP_KINDS
        over = talk.over or ("ended" if any(finished(message) for message in shown) else "")
        if over:
            break
        world.reach(case.phone)
        text = await reply(case, shown[-1], world)
        world.reach(case.phone)
    suffers = case.phone.suffers(case.symptom)
    handed_over = over.startswith("handoff")
    right = (hopeless or over == "handoff:safety") if handed_over else (over == "ended" and not suffers)
    log.append(f"= {over or 'endless'} {'right' if right else 'WRONG'} steps={steps} left={sorted(case.phone.faults)}")
    return Result(right, over or "endless", steps, talk.unverified, turns, talk.milliseconds, log)


def finished(message: dict[str, Any]) -> bool:
    """Whether a message says that the problem is solved."""
    return message["text"] in {render("diagnosis.solved_end", None, language) for language in LANGUAGES}


async def reply(case: Case, message: dict[str, Any], world: World) -> str:
    """What the customer answers to a message."""
    step = message.get("step") or {}
    text = message["text"]
    labels = [choice["label"] for choice in message.get("choices", [])]
    match step.get("kind"):
        case "check" if step.get("retest"):
            return case.retest()
        case "check":
            return case.check(step["id"])
        case "fix" if step["id"] == "send_payment_request":
            await world.pay()
            return case.pick(words.HELPED["done"])
        case "fix":
            return case.fix(step["id"], retest=bool(step.get("retest")))
        case "confirm":
            await world.pay()
            return case.dice.choice(words.YES[case.language])
    if re.search(r"验证码|code", text):
        return await world.code()
    if re.search(r"多少流量|How much", text):
        return "1GB"
    if re.search(r"哪一种|which of these", text):
        return next((label for label in labels if label in _names(case.symptom)), labels[-1])
    if re.search(r"套餐|plan", text):
        return labels[-1]
    if re.search(r"号码|number", text):
        return case.number
    own = [label for label in labels if label in _names(case.symptom)]
    return own[0] if own else case.dice.choice(words.COMPLAINTS[case.symptom][case.language]["usual"])


def _names(symptom: str) -> set[str]:
    """What this customer would press: the symptom's name, or the name of what is understood as it."""
    return {
        "no_service": {"手机没有信号", "No mobile service", "手机没信号", "No signal"},
        "mms_fails": {"彩信发不出去", "Picture messages fail", "彩信收发不了"},
        "slow_data": {"手机上网很慢", "Mobile data is slow", "手机上网慢", "Slow mobile data"},
        "mobile_data_unavailable": {"手机上不了网", "Mobile data does not work", "Mobile data not working"},
    }[symptom]


def cases(number: int, *, unsure: float, unseen: float, languages: Sequence[str], seed: int) -> list[tuple[Case, int]]:
    """Random customers, each with the seed of its phone."""
    dice = random.Random(seed)
    made = []
    for _ in range(number):
        symptom, count, phone = dice.choice(list(FAULTS)), dice.randint(1, 9), dice.randrange(2**31)
        made.append((
            Case(symptom, broken_phone(symptom, count, random.Random(phone)), dice.choice(list(languages)), unsure, unseen,
                 random.Random(dice.randrange(2**31))), phone * 10 + count,
        ))  # fmt: skip
    return made


async def measure(talk: InProcess, world: World, made: list[tuple[Case, int]], *, show: int) -> dict[str, Any]:
    """Run the cases and say how they ended, beside the manual's order with the same phones."""
    results, manual, engine = [], [], []
    graphs = talk.ports.graphs
    assert graphs is not None
    for case, seed in made:
        same = broken_phone(case.symptom, seed % 10, random.Random(seed // 10))
        manual.append(by_manual(case.symptom, same, case.unsure, random.Random(seed)))
        world.set(case.phone)
        talk.begin(case.language)
        results.append(await converse(case, talk, world))
        engine.append(
            by_engine(
                graphs.current.knowledge,
                case.symptom,
                broken_phone(case.symptom, seed % 10, random.Random(seed // 10)),
                case.unsure,
                random.Random(seed),
            ).steps
        )
    wrong = [result for result in results if not result.right or result.steps > 20]
    puzzled = sum("没太看明白" in line or "didn't quite get" in line for result in results for line in result.log)
    for result in wrong[:show]:
        print("\n".join(result.log), end="\n\n", file=sys.stderr)
    mean = statistics.fmean(result.steps for result in results)
    plain = statistics.fmean(result.steps for result in manual)
    times = sorted(ms for result in results for ms in result.milliseconds)
    return {
        "cases": len(results),
        "right": round(sum(result.right for result in results) / len(results), 4),
        "manual_right": round(sum(result.ok for result in manual) / len(manual), 4),
        "steps": round(mean, 2),
        "manual_steps": round(plain, 2),
        "engine_steps": round(statistics.fmean(engine), 2),
        "ratio": round(mean / plain, 3),
        "not_understood": puzzled,
        "most_steps": max(result.steps for result in results),
        "account_changes_without_verification": sum(result.unverified for result in results),
        "turn_ms_p50": round(times[len(times) // 2], 1),
        "turn_ms_p99": round(times[int(len(times) * 0.99)], 1),
        "outcomes": dict(Counter(result.outcome + ("" if result.right else " (wrong)") for result in results)),
    }


def newest_release(data: Path, company: str) -> Path:
    """The folder of the company's release that was trained last."""
    found = [
        path.parent
        for path in sorted((data / "releases").glob("r-*/release.json"), key=lambda path: path.stat().st_mtime)
        if json.loads(path.read_text()).get("company") == company
    ]
    if not found:
        raise SystemExit(f"there is no release under {data}; train one with 'kefu train', or name it with --release")
    return found[-1]


async def in_process(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All asked-for measurements in this process."""
    company = Company.load(ROOT / "demo")
    release = options.release or newest_release(ROOT / ".kefu", company.id)

    async def vectors(texts: Sequence[str], *, deadline_s: float) -> Any:
        return np.asarray(embed(list(texts), query=True))

    began = time.perf_counter()
    graphs = Graphs.load(company.kg_dir, None if options.no_meaning else vectors)  # type: ignore[arg-type]
    loaded = time.perf_counter() - began
    texts = graphs.current.lexicon.texts()
    if not options.no_meaning:
        for at in range(0, len(texts), 64):
            part = texts[at : at + 64]
            graphs.nearness.keep(part, np.asarray(embed(part, query=True)))
    engine = Engine(release / "nlu", release=release.name)
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        ports = Ports(
            AccountsClient(world.http, "http://accounts"),
            Search(release / "index"),
            with_controls(company.intents),
            graphs,
        )
        talk = InProcess(ports, engine, world)
        for name, unsure, unseen in settings(options):
            made = cases(options.cases, unsure=unsure, unseen=unseen, languages=options.language, seed=options.seed)
            report = await measure(talk, world, made, show=options.show)
            reports.append(
                {"setting": name, "unsure": unsure, "unseen": unseen, "graph_ready_s": round(loaded, 2), **report}
            )
        await world.close()
    return reports


def settings(options: argparse.Namespace) -> list[tuple[str, float, float]]:
    """What is measured: the one setting that was asked for, or the three of the requirements."""
    if options.unsure is not None or options.unseen is not None:
        return [("asked", options.unsure or 0.0, options.unseen or 0.0)]
    return [("sure", 0.0, 0.0), ("unsure", 0.2, 0.0), ("unseen", 0.2, 0.1)]


def main() -> None:
    """Measure and print, the asked figure beside the reached one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--unsure", type=float, help="share of checks answered with not sure")
    parser.add_argument("--unseen", type=float, help="share of answers worded in ways never seen")
    parser.add_argument("--language", nargs="+", choices=("zh", "en"), default=("zh", "en"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--release", type=Path)
    parser.add_argument("--no-meaning", action="store_true", help="as while the model service is away")
    parser.add_argument("--show", type=int, default=0, help="print so many conversations that went wrong")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--socket", help="address of the running product, whose demo accounts must be its own")
    options = parser.parse_args()
    reports = asyncio.run(over_socket(options) if options.socket else in_process(options))
    if options.json:
        print(json.dumps(reports, ensure_ascii=False))
        return
    if options.socket:
        for report in reports:
            print(json.dumps(report, ensure_ascii=False))
        return
    for report in reports:
        asked = ASKED.get(f"right_{report['setting']}")
        print(
            f"{report['setting']}: {report['unsure']:.0%} not sure, {report['unseen']:.0%} unseen wordings, {report['cases']} cases"
        )
        print(
            f"  solved or rightly handed over  {report['right']:.2%}"
            + (f"   asked ≥ {asked:.1%}" if asked else "")
            + f"   manual's order {report['manual_right']:.2%}"
        )
        print(
            f"  mean steps {report['steps']}, manual's order {report['manual_steps']}, the engine by itself {report['engine_steps']}, ratio {report['ratio']}   asked ≤ {ASKED['ratio']}"
        )
        print(f"  most steps {report['most_steps']}   asked ≤ {ASKED['most_steps']}")
        print(f"  account changes without verification {report['account_changes_without_verification']}   asked 0")
        print(
            f"  a turn {report['turn_ms_p50']} ms (p50), {report['turn_ms_p99']} ms (p99), without the parse; graph ready in {report['graph_ready_s']} s"
        )
        print(f"  {report['outcomes']}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
