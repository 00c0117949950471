"""A support floor in trouble: customers write and ask for people, agents come, work and crash, the gateway is killed.

Customers and agents here keep the promises of docs/frames.md for clients: they send what was not acknowledged again
under its id, and say after a reconnection which `seq` and `event` they have. What they saw is what the report checks.
"""

import asyncio
import contextlib
import itertools
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.clients import PATIENCE_S, Agent, Customer, log_in
from tests.support.gateway import Gateway

Json = dict[str, Any]
RETRY_S = 0.05


@dataclass
class Report:
    """What happened; every list must be empty, and every conversation accounted for."""

    escalated: int = 0
    assigned: int = 0
    waiting: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    customer_gaps: list[str] = field(default_factory=list)
    agent_gaps: list[str] = field(default_factory=list)
    undelivered: list[str] = field(default_factory=list)
    bot_spoke: list[str] = field(default_factory=list)
    messages: int = 0
    followed: int = 0
    """Messages that agents saw live."""
    kills: int = 0

    def problems(self) -> dict[str, list[str]]:
        found = {
            "lost": self.lost, "assigned twice": self.twice, "customer: gaps or doubles": self.customer_gaps,
            "agent: gaps or doubles": self.agent_gaps, "not delivered": self.undelivered, "bot spoke": self.bot_spoke,
        }  # fmt: skip
        return {name: places for name, places in found.items() if places}


class Client:
    """Sends each action until it is acknowledged or refused, over as many connections as that takes.

    With several gateways, each connection goes to the next one.
    """

    socket: Any

    def __init__(self, gateways: Sequence[Gateway]) -> None:
        self.gateways = itertools.cycle(gateways)

    def move(self) -> None:
        self.socket.move(next(self.gateways).url)

    async def connect(self) -> None:
        raise NotImplementedError

    async def until_done(self, socket: Any, kind: str, **fields: Any) -> Json:
        client_id = str(uuid.uuid4())
        while True:
            start = len(socket.frames)
            with contextlib.suppress(Exception):
                await socket.send(kind, id=client_id, **fields)
                if (answer := await self._answer(socket, start, client_id)) is not None:
                    if "retry_s" not in answer:
                        return answer
                    await asyncio.sleep(answer["retry_s"])
                    continue
            await self.connect()

    async def _answer(self, socket: Any, start: int, client_id: str) -> Json | None:
        def find() -> Json | None:
            for frame in socket.frames[start:]:
                if frame.get("id") == client_id and frame["type"] in {"ack", "refused", "error"}:
                    return frame
            return None

        async with asyncio.timeout(PATIENCE_S):
            async with socket._changed:
                await socket._changed.wait_for(lambda: find() is not None or socket.closed.done())
        return find()


class ChaosCustomer(Client):
    """A customer who asks for a person and then keeps writing."""

    def __init__(self, gateways: Sequence[Gateway]) -> None:
        super().__init__(gateways)
        self.socket = Customer(gateways[0].url)
        self.sent: list[str] = []

    async def connect(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                if self.socket._connection is not None:
                    await self.socket.disconnect()
                self.move()
                await self.socket.connect()
                seen = max(self.socket.transcript(), default=0)
                more = {"conversation": self.socket.conversation, "token": self.socket.token, "last_seq": seen}
                await self.socket.hello("en", **(more if self.socket.conversation else {}))
                return
            await asyncio.sleep(RETRY_S)

    async def run(self, rng: random.Random, messages: int) -> None:
        await self.connect()
        await asyncio.sleep(rng.random())
        await self.until_done(self.socket, "human")
        for number in range(messages):
            await asyncio.sleep(rng.random() * 0.5)
            text = f"customer {self.socket.conversation[:6]} message {number}"
            self.sent.append(text)
            await self.until_done(self.socket, "message", text=text)


class ChaosAgent(Client):
    """An agent who takes what is offered, answers, closes now and then, and crashes at random."""

    def __init__(self, gateways: Sequence[Gateway], name: str, client: httpx.AsyncClient) -> None:
        super().__init__(gateways)
        self.name = name
        self.socket = Agent(gateways[0].url, client)
        self.sent: dict[str, list[str]] = {}
        self.opened: dict[str, int] = {}
        """Conversations it has taken, and how many frames it had seen by then."""

    async def connect(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                if self.socket._connection is not None:
                    await self.socket.disconnect()
                self.move()
                await self.socket.connect()
                last = max((one["event"] for one in self.socket.frames if _is_event(one)), default=None)
                await self.socket.hello(**({} if last is None else {"last_event": last}))
                for conversation in self.opened:
                    await self.socket.send("open", conversation=conversation, **self._known(conversation))
                return
            await asyncio.sleep(RETRY_S)

    def _known(self, conversation: str) -> Json:
        """The last message that it has of a conversation, to be told those after it."""
        frames = self.socket.frames[self.opened[conversation] :]
        seen = [one["seq"] for one in frames if one["type"] == "message" and one["conversation"] == conversation]
        return {"last_seq": max(seen)} if seen else {}

    async def run(self, rng: random.Random, done: asyncio.Event) -> None:
        await self.connect()
        while not done.is_set():
            await asyncio.sleep(rng.random() * 0.1)
            action = rng.random()
            if action < 0.03:
                await self.socket.disconnect()  # the browser crashed
                await asyncio.sleep(rng.random() * 2)
                await self.connect()
            elif action < 0.06:
                with contextlib.suppress(Exception):
                    await self.socket.send("presence", state=rng.choice(["online", "busy", "away", "online"]))
            else:
                await self._work(rng)

    async def _work(self, rng: random.Random) -> None:
        offered = [
            frame["conversation"]
            for frame in self.socket.frames[-400:]
            if frame["type"] in {"assigned", "escalation", "released"} and frame["conversation"] not in self.opened
        ]
        if offered and rng.random() < 0.5:
            # Also what was offered to somebody else: two reach for it at once.
            conversation = rng.choice(offered)
            answer = await self.until_done(self.socket, "take", conversation=conversation)
            if answer["type"] == "ack":
                self.opened[conversation] = len(self.socket.frames)
                with contextlib.suppress(Exception):
                    await self.socket.send("open", conversation=conversation)
            return
        mine = sorted(self.opened)
        if not mine:
            return
        conversation = rng.choice(mine)
        what = rng.random()
        if what < 0.05:
            await self.until_done(self.socket, "release", conversation=conversation)
            self.opened.pop(conversation, None)
            with contextlib.suppress(Exception):
                await self.socket.send("leave", conversation=conversation)
            return
        text = f"{self.name} to {conversation[:6]} message {len(self.sent.get(conversation, []))}"
        answer = await self.until_done(self.socket, "message", conversation=conversation, text=text)
        if answer["type"] == "ack":
            self.sent.setdefault(conversation, []).append(text)
        else:
            self.opened.pop(conversation, None)


def _is_event(frame: Json) -> bool:
    return "event" in frame and frame["type"] not in {"ack", "welcome"}


async def trouble(
    *gateways: Gateway, conversations: int, agents: list[str], kills: int, messages: int, seed: int
) -> Report:
    """Runs the floor and reports; kills go around the gateways. They are running before and after."""
    gateway = gateways[0]
    rng = random.Random(seed)
    report = Report(escalated=conversations)
    async with contextlib.AsyncExitStack() as stack:
        staff = []
        for name in agents:
            client = await stack.enter_async_context(log_in(gateway.url, name, gateway.passwords[name]))
            staff.append(ChaosAgent(_from(gateways, len(staff)), name, client))
        customers = [ChaosCustomer(_from(gateways, at)) for at in range(conversations)]
        done = asyncio.Event()
        working = [asyncio.create_task(one.run(random.Random(rng.random()), done)) for one in staff]
        asking = [asyncio.create_task(one.run(random.Random(rng.random()), messages)) for one in customers]
        for number in range(kills):
            await asyncio.sleep(0.8 + rng.random())
            victim = gateways[number % len(gateways)]
            await asyncio.to_thread(victim.kill)
            await asyncio.to_thread(victim.start)
            report.kills += 1
        await asyncio.gather(*asking)
        done.set()
        await asyncio.gather(*working)
        await _check(customers, staff, report)
        for one in (*customers, *staff):
            await one.socket.disconnect()
    return report


def _from(gateways: Sequence[Gateway], first: int) -> list[Gateway]:
    """The gateways, beginning with another one for each client."""
    return [gateways[(first + at) % len(gateways)] for at in range(len(gateways))]


async def _check(customers: list[ChaosCustomer], staff: list[ChaosAgent], report: Report) -> None:
    """Compares what each side saw with what is stored."""
    for one in (*customers, *staff):
        await one.connect()  # whoever missed something gets it now
    rest = staff[0].socket.rest
    for one in customers:
        conversation = one.socket.conversation
        page = (await rest.get(f"/api/conversations/{conversation}")).json()
        stored = {message["seq"]: message["text"] for message in page["messages"]}
        report.messages += len(stored)
        if list(stored) != list(range(1, len(stored) + 1)):
            report.customer_gaps.append(f"{conversation}: stored {list(stored)}")
        last = max(stored)
        with contextlib.suppress(AssertionError):
            await one.socket.wait("message", seq=last)
        seen = [frame["seq"] for frame in one.socket.messages()]
        if one.socket.transcript() != stored or _in_order(seen) != seen:
            report.customer_gaps.append(f"{conversation}: {len(stored)} stored, saw {Counter(seen).most_common(1)}")
        _check_texts(conversation, one, staff, stored, report)
        if [message for message in page["messages"] if message["role"] == "bot" and message["seq"] > 1]:
            report.bot_spoke.append(conversation)
        open_ones = [one for one in page["escalations"] if one["state"] != "closed"]
        if len(open_ones) != 1:
            report.lost.append(f"{conversation}: {len(open_ones)} open escalations")
        elif open_ones[0]["state"] == "assigned":
            report.assigned += 1
        else:
            report.waiting += 1
        _check_assignments(conversation, page["events"], report)
        for agent in staff:
            await _check_seen(conversation, agent, page["messages"], report)
    for one in staff:
        events = [frame["event"] for frame in one.socket.frames if _is_event(frame) and frame["type"] != "message"]
        if _in_order(events) != events:
            report.agent_gaps.append(f"{one.name}: {len(events)} events, {len(set(events))} different")


async def _check_seen(conversation: str, agent: ChaosAgent, messages: list[Json], report: Report) -> None:
    """What an agent saw of a conversation since they have it: everything, once, in order."""
    said = [message["seq"] for message in messages if message["role"] in {"customer", "agent"}]
    if conversation not in agent.opened or not said:
        return

    def seen() -> list[int]:
        return [
            frame["seq"]
            for frame in agent.socket.frames[agent.opened[conversation] :]
            if frame["type"] == "message" and frame["conversation"] == conversation and "event" in frame
        ]

    async with agent.socket._changed:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await agent.socket._changed.wait_for(lambda: not seen() or seen()[-1] == said[-1])
    got = seen()
    if got != [seq for seq in said if got and seq >= got[0]]:
        report.agent_gaps.append(f"{agent.name} in {conversation}: saw {got} of {said}")
    report.followed += len(got)


def _check_texts(
    conversation: str, customer: ChaosCustomer, staff: list[ChaosAgent], stored: dict[int, str], report: Report
) -> None:
    texts = list(stored.values())
    for who, sent in [("customer", customer.sent), *((one.name, one.sent.get(conversation, [])) for one in staff)]:
        kept = [text for text in texts if text in set(sent)]
        if kept != sent:
            report.undelivered.append(f"{conversation}: {who} sent {len(sent)}, stored {len(kept)}")


def _check_assignments(conversation: str, events: list[Json], report: Report) -> None:
    """Between two that took it, somebody must have let go."""
    holder = None
    for event in events:
        if event["type"] == "taken":
            if holder is not None and holder != event["agent"]:
                report.twice.append(f"{conversation}: {holder}, then {event['agent']}")
            holder = event["agent"]
        elif event["type"] in {"released", "transferred", "mode", "closed"} and event.get("agent") == holder:
            holder = None


def _in_order(numbers: list[int]) -> list[int]:
    return sorted(set(numbers))
