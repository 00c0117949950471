"""The agent desk: how soon an escalation is seen, how fast messages cross, how long lists take, and what crashes cost.

    python -m benchmarks.desk [SCENE …] [--json]

Scenes, all without a name: `messages` (200 open conversations, 10 agents), `lists` (5,000 closed conversations), `trouble`
(200 escalations while agents come, go and crash and the gateway is killed five times), `escalation` (from the bot's
decision to the desk, with the whole product). Each starts what it needs.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from benchmarks._rows import own_product
from server.settings import ROOT, Settings
from server.storage.database import create_engine, migrate
from server.storage.search import terms_of
from server.storage.store import iso
from server.storage.tables import conversations, escalations, message_terms, messages
from tests.support.chaos import trouble
from tests.support.clients import Agent, Customer, log_in
from tests.support.gateway import Gateway
from tests.support.product import Product

OPEN, AGENTS, EVERY_S, SECONDS = 200, 10, 5.0, 20.0
CLOSED, REQUESTS = 5_000, 60
ESCALATIONS = 40
Row = tuple[str, str, float, str]


def quantile(times: list[float], share: float) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1]


def rows_of(scene: str, what: str, times: list[float], target_ms: float | None = None) -> list[Row]:
    note = f"{len(times)} measured" + (f", target {target_ms:.0f} ms" if target_ms else "")
    return [
        (scene, f"{what}, median", statistics.median(times), "ms"),
        (scene, f"{what}, p95 ({note})", quantile(times, 0.95), "ms"),
    ]


# ------------------------------------------------------------------ messages


class Watch:
    """When a text came to a screen; looks at each frame once, unlike the clients' `wait`, which serves tests."""

    def __init__(self, socket: Customer | Agent) -> None:
        self._socket = socket
        self._expected: dict[str, asyncio.Future[float]] = {}
        self._seen = len(socket.frames)

    async def run(self) -> None:
        while True:
            async with self._socket._changed:
                await self._socket._changed.wait_for(lambda: len(self._socket.frames) > self._seen)
            now = time.perf_counter()
            for frame in self._socket.frames[self._seen :]:
                waiting = self._expected.pop(frame.get("text", ""), None) if frame["type"] == "message" else None
                if waiting is not None and not waiting.done():
                    waiting.set_result(now)
            self._seen = len(self._socket.frames)

    async def sees(self, text: str, send: Coroutine[Any, Any, None]) -> float:
        """Milliseconds from sending to the text's arrival here."""
        self._expected[text] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        await send
        return (await asyncio.wait_for(self._expected[text], 30) - began) * 1000


async def one_conversation(
    customer: Customer,
    agent: Agent,
    screens: tuple[Watch, Watch],
    *,
    until: float,
    rng: random.Random,
    times: dict[str, list[float]],
) -> None:
    """Customer and agent write in turn; each message is timed from its sending to the other side's screen."""
    conversation = customer.conversation
    await asyncio.sleep(rng.random() * EVERY_S)
    while time.perf_counter() < until:
        text = uuid.uuid4().hex
        times["customer to agent"].append(await screens[1].sees(text, customer.send("message", id=text, text=text)))
        text = uuid.uuid4().hex
        sending = agent.send("message", id=text, conversation=conversation, text=text)
        times["agent to customer"].append(await screens[0].sees(text, sending))
        await asyncio.sleep(EVERY_S * (0.5 + rng.random()))


async def exchange(gateway: Gateway) -> list[Row]:
    times: dict[str, list[float]] = {"customer to agent": [], "agent to customer": []}
    seen: list[float] = []
    rng = random.Random(7)
    async with AsyncExitStack() as stack:
        boss = await stack.enter_async_context(log_in(gateway.url, "boss", gateway.passwords["boss"]))
        desks = []
        for number in range(AGENTS):
            name = f"agent{number}"
            (await boss.patch(f"/api/staff/{name}", json={"capacity": 100})).raise_for_status()
            client = await stack.enter_async_context(log_in(gateway.url, name, gateway.passwords[name]))
            desks.append(await stack.enter_async_context(Agent(gateway.url, client)))
            await desks[-1].hello()
        pairs = []
        for number in range(OPEN):
            customer = await stack.enter_async_context(Customer(gateway.url))
            await customer.hello("en")
            agent = desks[number % AGENTS]
            start, began = len(agent.frames), time.perf_counter()
            await customer.send("human", id="h")
            await agent.wait("escalation", after=start, conversation=customer.conversation)
            seen.append((time.perf_counter() - began) * 1000)
            answer = await agent.do("take", customer.conversation)
            if answer["type"] != "ack":
                raise RuntimeError(str(answer))
            await agent.send("open", conversation=customer.conversation)
            await agent.do("message", customer.conversation, text="hello")
            pairs.append((customer, agent))
        watches = {socket: Watch(socket) for pair in pairs for socket in pair}
        watching = [asyncio.create_task(one.run()) for one in watches.values()]
        until = time.perf_counter() + SECONDS
        talks = [
            one_conversation(
                one, agent, (watches[one], watches[agent]), until=until, rng=random.Random(rng.random()), times=times
            )
            for one, agent in pairs
        ]
        before = cpu_seconds(gateway)
        await asyncio.gather(*talks)
        used = cpu_seconds(gateway) - before
        for task in watching:
            task.cancel()
    rows = rows_of("messages", "asked for a person, seen at the desk", seen, 300)
    for way, found in times.items():
        rows += rows_of("messages", f"{way}, {OPEN} open conversations", found, 50)
    sent = sum(len(found) for found in times.values())
    return [*rows, ("messages", "processor time of the gateway per message", used / sent * 1000, "ms")]


def cpu_seconds(gateway: Gateway) -> float:
    """Processor time that the gateway has used."""
    assert gateway.pid is not None
    fields = Path(f"/proc/{gateway.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_messages() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder) / "data")
        gateway.add_staff("boss", role="supervisor")
        for number in range(AGENTS):
            gateway.add_staff(f"agent{number}")
        gateway.start()
        try:
            return asyncio.run(exchange(gateway))
        finally:
            gateway.stop()


# ------------------------------------------------------------------ lists


async def seed_closed(settings: Settings) -> None:
    """5,000 closed conversations with eight messages each."""
    engine = create_engine(settings.database_url)
    await migrate(engine)
    rng = random.Random(3)
    words = [
        "流量",
        "账单",
        "宽带",
        "光猫",
        "红灯",
        "路由器",
        "套餐",
        "机顶盒",
        "bill",
        "data",
        "plan",
        "router",
        "order",
        "roaming",
        "signal",
        "fibre",
        "late",
        "refund",
    ]
    began = datetime.now(UTC) - timedelta(days=90)
    async with engine.begin() as connection:
        for first in range(0, CLOSED, 500):
            talks, ends, said, terms = [], [], [], []
            for number in range(first, first + 500):
                conversation = uuid.UUID(int=rng.getrandbits(128)).hex
                at = iso(began + timedelta(minutes=number * 20))
                talks.append(
                    {"id": conversation, "mode": "closed", "locale": rng.choice(["zh", "en"]), "last_seq": 8, "slots": {},
                     "agent": "lin", "agent_read": 8, "customer_got": 8, "customer_read": 8, "channel": "web",
                     "account": f"C-{rng.randrange(800)}", "created": at, "updated": at}
                )  # fmt: skip
                ends.append(
                    {"conversation": conversation, "reason": rng.choice(["policy", "customer_asked", "safety"]), "priority": 0,
                     "language": "zh", "summary": "…", "context": {"slots": {}, "understood": []}, "state": "closed",
                     "agent": "lin", "since": at, "taken": at, "ended": at, "outcome": "solved", "tags": ["bench"],
                     "topic": rng.choice(["check_bill", "fault_broadband", "list_plans"]), "passed": {}, "before": {}}
                )  # fmt: skip
                for seq in range(1, 9):
                    text = " ".join(rng.choices(words, k=8))
                    role = "customer" if seq % 2 else "agent"
                    said.append(
                        {"conversation": conversation, "seq": seq, "role": role, "text": text, "extra": {}, "at": at}
                    )
                    terms.append({"conversation": conversation, "seq": seq, "terms": terms_of(text)})
            await connection.execute(insert(conversations), talks)
            await connection.execute(insert(escalations), ends)
            await connection.execute(insert(messages), said)
            await connection.execute(insert(message_terms), terms)
    await engine.dispose()


async def ask(gateway: Gateway) -> list[Row]:
    rows: list[Row] = []
    async with log_in(gateway.url, "lin", gateway.passwords["lin"]) as client:
        deep = (await client.get("/api/conversations", params={"state": "closed", "limit": 200})).json()["next"]
        for _ in range(15):
            page = {"state": "closed", "limit": 200, "cursor": deep}
            deep = (await client.get("/api/conversations", params=page)).json()["next"]
        questions: list[tuple[str, str, dict[str, Any]]] = [
            ("first page", "/api/conversations", {"state": "closed"}),
            ("a page after 3,200", "/api/conversations", {"state": "closed", "cursor": deep}),
            (
                "filtered by topic and reason",
                "/api/conversations",
                {"state": "closed", "topic": "check_bill", "reason": "policy"},
            ),
            ("filtered by words", "/api/conversations", {"state": "closed", "q": "光猫 refund"}),
            ("counts", "/api/conversations/counts", {}),
            ("search in 40,000 messages", "/api/search", {"q": "光猫 红灯"}),
        ]
        for name, path, params in questions:
            times = []
            for _ in range(REQUESTS):
                began = time.perf_counter()
                (await client.get(path, params=params)).raise_for_status()
                times.append((time.perf_counter() - began) * 1000)
            rows += rows_of("lists", f"{CLOSED} closed: {name}", times)
    return rows


def run_lists() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder) / "data")
        asyncio.run(seed_closed(Settings(data_dir=gateway.data_dir, company=ROOT / "demo")))
        gateway.add_staff("lin")
        gateway.start()
        try:
            return asyncio.run(ask(gateway))
        finally:
            gateway.stop()


# ------------------------------------------------------------------ trouble


def run_trouble() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder) / "data")
        names = [f"agent{number}" for number in range(8)]
        for name in names:
            gateway.add_staff(name)
        gateway.start()
        try:
            began = time.perf_counter()
            report = asyncio.run(trouble(gateway, conversations=200, agents=names, kills=5, messages=6, seed=5))
            seconds = time.perf_counter() - began
        finally:
            gateway.stop()
    for problem, places in report.problems().items():
        print(f"{problem}: {places[:5]}")
    figures = {
        "escalated": report.escalated, "assigned at the end": report.assigned, "waiting at the end": report.waiting,
        "lost": len(report.lost), "assigned twice": len(report.twice), "gaps or doubles, customers": len(report.customer_gaps),
        "gaps or doubles, agents": len(report.agent_gaps), "not delivered": len(report.undelivered),
        "the bot spoke": len(report.bot_spoke), "messages stored": report.messages, "messages seen live by agents": report.followed,
        "gateway killed": report.kills,
    }  # fmt: skip
    return [
        *(("trouble", name, float(value), "") for name, value in figures.items()),
        ("trouble", "time", seconds, "s"),
    ]


# ------------------------------------------------------------------ escalation


async def decide(product: Product) -> list[Row]:
    """From the bot's announcement (its decision, as the customer sees it) to the escalation at the desk."""
    after_decision, after_message = [], []
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(log_in(product.url, "lin", product.passwords["lin"]))
        desk = await stack.enter_async_context(Agent(product.url, client))
        await desk.hello()
        for number in range(ESCALATIONS):
            customer = await stack.enter_async_context(Customer(product.url))
            await customer.hello("en")
            desk_start, start, began = len(desk.frames), len(customer.frames), time.perf_counter()
            await customer.send("message", id="m", text="I want to speak to a human")

            async def announced(customer: Customer = customer, start: int = start) -> float:
                await customer.wait("message", after=start, role="bot")
                return time.perf_counter()

            async def seen(start: int = desk_start, conversation: str = customer.conversation) -> float:
                await desk.wait("escalation", after=start, conversation=conversation)
                return time.perf_counter()

            decided, visible = await asyncio.gather(announced(), seen())
            if number >= 3:  # the first ones warm the models
                after_decision.append((visible - decided) * 1000)
                after_message.append((visible - began) * 1000)
    return [
        *rows_of("escalation", "bot's decision to the desk", after_decision, 300),
        *rows_of("escalation", "customer's message to the desk", after_message),
    ]


def run_escalation() -> list[Row]:
    with own_product() as product:
        product.add_staff("lin")
        return asyncio.run(decide(product))


SCENES: dict[str, Callable[[], list[Row]]] = {
    "messages": run_messages,
    "lists": run_lists,
    "trouble": run_trouble,
    "escalation": run_escalation,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scene", nargs="*", choices=[[], *SCENES], help="without one, all")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    options = parser.parse_args()
    rows = [row for name in options.scene or SCENES for row in SCENES[name]()]
    if options.json:
        print(json.dumps([dict(zip(("scene", "figure", "value", "unit"), row, strict=True)) for row in rows], indent=2))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for scene, figure, value, unit in rows:
        print(f"{scene:<11} {figure:<75} {value:>9.1f} {unit}")


if __name__ == "__main__":
    main()
