"""Customers and agents at work while one process after the other fails, checked against what each side wrote down.

    python -m benchmarks.chaos [--minutes 10] [--customers 100] [--agents 5] [--every 15] [--seed 7] [--json]

Starts a product of its own. A seeded choice of process (gateway, models, Rasa, actions, accounts) is killed, hung, slowed
or made to refuse connections every 15 s. Everybody keeps a ledger of their own: what they sent under which id, what was
acknowledged as what, what they saw. At the end the ledgers are held against each other and against what is stored.
The time until answers flow is that of the first message after a fault began; of one that refuses, after its port was let go.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks._rows import own_product
from tests.support.chaos import RETRY_S, ChaosAgent, ChaosCustomer
from tests.support.clients import log_in
from tests.support.faults import KINDS, SERVICES, Fault
from tests.support.product import Product

Json = dict[str, Any]
FAULT_S = 6.0
"""How long a process hangs, is slow or refuses."""
THINK_S = (8.0, 22.0)
ANSWER_WITHIN_S = 45.0
AFTERWARDS_S = 90.0
ASKED_BACK_S = 5.0
QUESTIONS = {
    "zh": ["怎么重置密码", "有哪些套餐", "你好", "怎么开发票", "谢谢", "我还剩多少流量", "在国外怎么上网"],
    "en": [
        "how do I reset my password",
        "which plans are there",
        "hello",
        "how do I get an invoice",
        "thanks",
        "how much data do I have left",
        "how do I use the internet abroad",
    ],
}


@dataclass(frozen=True, slots=True)
class Answered:
    """A message of a customer and its answer: when it was first sent, when the answer was there, and whose it was."""

    sent: float
    answered: float
    bot: bool


@dataclass
class Ledger:
    """What was found; every list must stay empty."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    messages: int = 0


class Talker(ChaosCustomer):
    """A customer who asks the bot one thing after the other, talks to an agent when handed over, and comes back."""

    def __init__(self, gateways: Sequence[Any], answers: list[Answered]) -> None:
        super().__init__(gateways)
        self.said: list[tuple[int, str]] = []
        """What was acknowledged, as which ``seq``."""
        self.missing: list[str] = []
        self._answers = answers

    @property
    def mode(self) -> str:
        return next((one["mode"] for one in reversed(self.socket.frames) if one["type"] == "mode"), "bot")

    async def work(self, rng: random.Random, until: float) -> None:
        locale = rng.choice(["zh", "en"])
        await asyncio.sleep(rng.uniform(0, THINK_S[1]))
        await self.connect()
        while time.monotonic() < until:
            if self.mode == "bot" and rng.random() < 0.03:
                await self.until_done(self.socket, "human")
            else:
                await self._ask(rng.choice(QUESTIONS[locale]))
            await self._stay_connected(rng.uniform(*THINK_S))

    async def _ask(self, text: str) -> None:
        with_bot = self.mode == "bot"
        sent = time.monotonic()
        done = await self.until_done(self.socket, "message", text=text)
        if done["type"] != "ack":
            self.missing.append(f"{self.socket.conversation}: '{text}' was refused: {done.get('code')}")
            return
        self.said.append((done["seq"], text))
        if with_bot and self.mode == "bot":
            await self._await_answer(sent, done["seq"])

    async def _await_answer(self, sent: float, seq: int) -> None:
        end = sent + ANSWER_WITHIN_S
        while time.monotonic() < end:
            for frame in self.socket.messages():
                if frame["seq"] > seq and frame["role"] != "customer":
                    await asyncio.sleep(0.2)  # a hand-over's `mode` follows its message
                    bot = frame["role"] == "bot" and self.mode == "bot"
                    self._answers.append(Answered(sent, time.monotonic() - 0.2, bot))
                    return
            await self._stay_connected(0.02)
        self.missing.append(f"{self.socket.conversation}/{seq}: no answer within {ANSWER_WITHIN_S:.0f} s")

    async def _stay_connected(self, seconds: float) -> None:
        """Waits, and comes back where the connection breaks, as the widget does."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.socket.closed is not None and self.socket.closed.done():
                await self.connect()
            closed = self.socket.closed
            assert closed is not None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(closed), left)


class Helper(ChaosAgent):
    """An agent who takes whoever waits, says something, and hands back to the bot."""

    def __init__(self, gateways: Sequence[Any], name: str, client: httpx.AsyncClient) -> None:
        super().__init__(gateways, name, client)
        self.said: list[tuple[str, int, str]] = []

    async def work(self, rng: random.Random, done: asyncio.Event) -> None:
        await self.connect()
        while not done.is_set():
            if self.socket.closed is not None and self.socket.closed.done():
                await self.connect()
            waiting = await self._waiting()
            if not waiting:
                await asyncio.sleep(0.5)
                continue
            conversation = rng.choice(waiting)
            if (await self.until_done(self.socket, "take", conversation=conversation))["type"] != "ack":
                continue
            for number in range(rng.randint(1, 2)):
                text = f"{self.name} {len(self.said)}.{number}"
                told = await self.until_done(self.socket, "message", conversation=conversation, text=text)
                if told["type"] == "ack":
                    self.said.append((conversation, told["seq"], text))
                await asyncio.sleep(rng.uniform(0.2, 1.0))
            await self.until_done(self.socket, "return", conversation=conversation)

    async def _waiting(self) -> list[str]:
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
            page = (await self.socket.rest.get("/api/conversations", params={"state": "waiting"})).json()
            return [row["conversation"] for row in page["items"]]
        await asyncio.sleep(RETRY_S)
        return []


async def run(product: Product, arguments: argparse.Namespace) -> Json:
    """The whole run; what it returns is printed."""
    rng = random.Random(arguments.seed)
    answers: list[Answered] = []
    ledger = Ledger()
    faults: list[tuple[float, Fault]] = []
    async with AsyncExitStack() as stack:
        staff = []
        for number in range(arguments.agents):
            name = f"floor{number}"
            client = await stack.enter_async_context(log_in(product.url, name, product.passwords[name]))
            staff.append(Helper([product], name, client))
        lead = await stack.enter_async_context(log_in(product.url, "admin", product.passwords["admin"]))
        customers = [Talker([product], answers) for _ in range(arguments.customers)]
        began = time.monotonic()
        until, done = began + arguments.minutes * 60, asyncio.Event()
        working = [asyncio.create_task(one.work(random.Random(rng.random()), done)) for one in staff]
        talking = [asyncio.create_task(one.work(random.Random(rng.random()), until)) for one in customers]
        order = [(service, kind) for service in SERVICES for kind in KINDS]
        plan: list[tuple[str, str]] = []
        at = began + arguments.every
        while at < until - arguments.every:
            await asyncio.sleep(at - time.monotonic())
            if not plan:  # every pair comes before any comes again
                plan = rng.sample(order, len(order))
            fault = Fault(*plan.pop(), FAULT_S)
            print(f"{time.monotonic() - began:6.0f} s  {fault.service} {fault.kind}", file=sys.stderr)
            # A port that somebody holds is free only when they let go; everything else Kefu has to end itself.
            faults.append((time.monotonic() + (FAULT_S if fault.kind == "refusing" else 0.0), fault))
            await asyncio.to_thread(fault.inject, product)
            at = max(at + arguments.every, time.monotonic())
        await asyncio.gather(*talking)
        done.set()
        await asyncio.gather(*working)
        await _settle(product, customers)
        await _check(lead, customers, staff, ledger)
        for connected in (*(one.socket for one in customers), *(one.socket for one in staff)):
            await connected.disconnect()
    return _report(faults, answers, ledger)


async def _settle(product: Product, customers: list[Talker]) -> None:
    """Until everybody is connected and has what is stored."""
    async with asyncio.timeout(AFTERWARDS_S):
        while not await asyncio.to_thread(product.is_ready):  # noqa: ASYNC110 (another process has no event)
            await asyncio.sleep(0.2)
    for one in customers:
        await one.connect()


async def _check(lead: httpx.AsyncClient, customers: list[Talker], staff: list[Helper], ledger: Ledger) -> None:
    by_agents: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for agent in staff:
        for conversation, seq, text in agent.said:
            by_agents[conversation].append((seq, text))
    for one in customers:
        ledger.unanswered += one.missing
        name = one.socket.conversation
        page = (await lead.get(f"/api/conversations/{name}")).json()
        stored = {message["seq"]: message for message in page["messages"]}
        ledger.messages += len(stored)
        if list(stored) != list(range(1, len(stored) + 1)):
            ledger.lost.append(f"{name}: stored {list(stored)}")
        for role, said in (("customer", one.said), ("agent", sorted(by_agents[name]))):
            kept = [(seq, message["text"]) for seq, message in stored.items() if message["role"] == role]
            if missing := set(said) - set(kept):
                ledger.lost.append(f"{name}: {role} said {sorted(missing)}")
            if len(kept) > len(said):
                ledger.doubled.append(f"{name}: {role} said {len(said)}, stored {len(kept)}")
            if [seq for seq, _ in said] != sorted({seq for seq, _ in said}):
                ledger.reordered.append(f"{name}: {role} {[seq for seq, _ in said]}")
        await _check_screen(one, stored, ledger)
        for turn in _turns(stored):
            replies = [message["text"] for message in turn if message["role"] == "bot"]
            if len(replies) != len(set(replies)):
                ledger.doubled.append(f"{name}: the bot said twice {replies}")


async def _check_screen(one: Talker, stored: dict[int, Json], ledger: Ledger) -> None:
    """The customer's screen has everything, once, in order."""
    name = one.socket.conversation
    with contextlib.suppress(AssertionError):
        await one.socket.wait("message", seq=max(stored))
    seen = [frame["seq"] for frame in one.socket.messages()]
    if set(seen) != set(stored):
        ledger.lost.append(f"{name}: the customer's screen lacks {sorted(set(stored) - set(seen))}")
    if len(seen) != len(set(seen)):
        ledger.doubled.append(f"{name}: the customer's screen has {len(seen) - len(set(seen))} twice")
    if seen != sorted(seen):
        ledger.reordered.append(f"{name}: the customer's screen {seen}")


def _turns(stored: dict[int, Json]) -> list[list[Json]]:
    """What followed each message of the customer."""
    found: list[list[Json]] = []
    for message in stored.values():
        if message["role"] == "customer":
            found.append([])
        elif found:
            found[-1].append(message)
    return found


def _report(faults: list[tuple[float, Fault]], answers: list[Answered], ledger: Ledger) -> Json:
    flowing: dict[str, list[float]] = defaultdict(list)
    itself: dict[str, list[float]] = defaultdict(list)
    for number, (at, fault) in enumerate(faults):
        end = faults[number + 1][0] if number + 1 < len(faults) else float("inf")
        for times, chosen in ((flowing, answers), (itself, [one for one in answers if one.bot])):
            after = [one.answered - at for one in chosen if at <= one.sent < end]
            times[f"{fault.service} {fault.kind}"].append(min(after, default=float("nan")))
    waits = sorted(one.answered - one.sent for one in answers)
    return {
        "faults": len(faults),
        "messages": ledger.messages,
        "answers": len(answers),
        "by the bot": sum(one.bot for one in answers),
        "wait p50 s": waits[len(waits) // 2],
        "wait p95 s": waits[int(0.95 * (len(waits) - 1))],
        "wait max s": waits[-1],
        "lost": ledger.lost,
        "doubled": ledger.doubled,
        "reordered": ledger.reordered,
        "unanswered": ledger.unanswered,
        "until answers flow, s": {name: max(times) for name, times in sorted(flowing.items())},
        "until the bot answers, s": {name: max(times) for name, times in sorted(itself.items())},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--agents", type=int, default=5)
    parser.add_argument("--every", type=float, default=15, help="seconds between two faults")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with own_product() as product:
        for number in range(arguments.agents):
            product.add_staff(f"floor{number}")
        found = asyncio.run(run(product, arguments))
    problems = {name: found[name] for name in ("lost", "doubled", "reordered", "unanswered")}
    if arguments.json:
        print(json.dumps(found))
        return int(any(problems.values()))
    for name in ("faults", "messages", "answers", "by the bot"):
        print(f"{name:<44} {found[name]:>8}")
    for name in ("wait p50 s", "wait p95 s", "wait max s"):
        print(f"{name:<44} {found[name]:>8.2f}")
    for name, places in problems.items():
        print(f"{name:<44} {len(places):>8}        asked 0")
        for place in places[:10]:
            print(f"    {place}")
    print(
        f"{'slowest, in seconds, after a fault':<26} {'any answer':>12} {'the bot':>12}        asked {ASKED_BACK_S:g}"
    )
    for name, seconds in found["until answers flow, s"].items():
        print(f"{name:<26} {seconds:>12.2f} {found['until the bot answers, s'][name]:>12.2f}")
    return int(any(problems.values()))


if __name__ == "__main__":
    sys.exit(main())
