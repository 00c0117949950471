"""The learning loop's figures: the review list with 100,000 messages, its groups, and the exchange of a release.

    python -m benchmarks.learning [list|exchange] [--json]

`list`: time of the first page over REST, without and with filters and a search, and what grouping costs. `exchange`: a
small company whose customers keep writing while a release is trained, promoted and rolled back: each turn's time from
the message to the answer, while nothing happens, while the other release starts, and around the moment of the exchange;
a turn is lost when it is handed over or not answered.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks._rows import own_product
from server.gateway.learning_clusters import Clusters
from server.storage.database import create_engine, migrate
from server.storage.store import Store
from server.storage.tables import conversations, messages, review_items
from tests.support.clients import Customer
from tests.support.gateway import Gateway
from tests.support.product import ROOT, Product

Json = dict[str, Any]
MESSAGES = 100_000
GROUPED = 2_000
TOPICS = 500
CUSTOMERS = 4
AROUND_S = 1.0
"""What begins this long before the exchange or ends this long after it is counted to it."""
QUESTIONS = ("what are your opening hours", "hello", "你们几点开门", "when do you close today", "你好")


class Vectors:
    """Vectors about `TOPICS` points, so that what is measured is the grouping and not the model."""

    def __init__(self) -> None:
        self._points = np.random.default_rng(1).standard_normal((TOPICS, 896))

    async def embed(self, texts: list[str]) -> list[list[float]]:
        chance = np.random.default_rng(len(texts))
        rows = [self._points[int(text.split()[1]) % TOPICS] + 0.3 * chance.standard_normal(896) for text in texts]
        return [list(row / np.linalg.norm(row)) for row in rows]


async def fill(store: Store) -> None:
    """A review list of `MESSAGES` messages, the same each time."""
    chance = random.Random(3)
    at = datetime(2026, 3, 2, tzinfo=UTC).isoformat()
    intents = [f"intent_{number}" for number in range(50)]
    for begin in range(0, MESSAGES, 5_000):
        numbers = range(begin, begin + 5_000)
        async with store.write() as tx:
            await tx.execute(conversations.insert(), [
                {"id": f"c{n}", "mode": "bot", "locale": "en", "last_seq": 2, "slots": {}, "agent_read": 0, "created": at,
                 "updated": at, "channel": "web", "customer_got": 0, "customer_read": 0}
                for n in numbers
            ])  # fmt: skip
            await tx.execute(messages.insert(), [
                {"conversation": f"c{n}", "seq": 2, "role": "customer", "text": f"topic {n % TOPICS} question {n}",
                 "extra": {}, "at": at}
                for n in numbers
            ])  # fmt: skip
            rows = []
            for n in numbers:
                ranking = [{"name": one, "confidence": 0.2} for one in chance.sample(intents, 3)]
                rows.append(
                    {"conversation": f"c{n}", "seq": 2, "text": f"topic {n % TOPICS} question {n}",
                     "bot_text": "Sorry, could you say that again?", "language": chance.choice(["zh", "en"]),
                     "channel": "web", "intent": ranking[0]["name"], "confidence": 0.2, "ranking": ranking,
                     "entities": [], "oos": 0.1, "why": chance.choice([1, 1, 2, 4, 8, 16, 5]), "release": "r-1",
                     "at": at, "state": "open", "cluster": None}
                )  # fmt: skip
            await tx.execute(review_items.insert(), rows)


async def measure_list() -> Json:
    """The review list over REST, and the grouping of `GROUPED` messages."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        gateway = Gateway(Path(folder) / "data")
        engine = create_engine(f"sqlite+aiosqlite:///{gateway.data_dir / 'kefu.db'}")
        await migrate(engine)
        store = Store(engine, lambda: datetime.now(UTC))
        await fill(store)
        grouping = Clusters(store, Vectors())  # type: ignore[arg-type]
        began, done = time.perf_counter(), 0
        while done < GROUPED and (count := await grouping.sweep()):
            done += count
        found: Json = {"messages": MESSAGES, "grouped": done, "grouping_ms_each": _ms(began) / max(1, done)}
        await store.close()
        await asyncio.to_thread(gateway.add_staff, "boss", "admin")
        await asyncio.to_thread(gateway.start)
        try:
            async with httpx.AsyncClient(base_url=gateway.url, headers={"x-kefu": "1"}, timeout=30) as http:
                await http.post("/api/session", json={"username": "boss", "password": gateway.passwords["boss"]})
                for name, path in (
                    ("first_page", "/api/review"),
                    ("rare_reason", "/api/review?why=thumbs_down&language=zh"),
                    ("search", "/api/review?q=question+77"),
                    ("search_nothing", "/api/review?q=nothing+has+this"),
                    ("groups", "/api/review/clusters"),
                ):
                    times = []
                    for _ in range(7):
                        began = time.perf_counter()
                        (await http.get(path)).raise_for_status()
                        times.append(_ms(began))
                    found[f"{name}_ms"] = {"first": round(times[0], 1), "median": round(sorted(times)[3], 1)}
        finally:
            await asyncio.to_thread(gateway.stop)
        return found


def _ms(began: float) -> float:
    return (time.perf_counter() - began) * 1000


class Traffic:
    """Customers who write one message after the other, with the time of each turn."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.turns: list[tuple[float, float]] = []
        """(began, ended) on the monotonic clock."""
        self.lost = 0
        self._tasks = [asyncio.create_task(self._customer(number)) for number in range(CUSTOMERS)]

    async def _customer(self, number: int) -> None:
        async with Customer(self._url) as customer:
            await customer.hello("en")
            at = number
            while True:
                began = time.monotonic()
                said = await customer.say(QUESTIONS[at % len(QUESTIONS)])
                self.turns.append((began, time.monotonic()))
                self.lost += not said or any(one["role"] == "system" for one in said)
                at += 1
                await asyncio.sleep(0.4)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def within(self, begin: float, end: float) -> Json:
        """Milliseconds of the turns that touch a stretch of time."""
        times = sorted((e - b) * 1000 for b, e in self.turns if e >= begin and b <= end)
        if not times:
            return {"turns": 0}
        return {
            "turns": len(times),
            "median": round(times[len(times) // 2]),
            "p95": round(times[min(len(times) - 1, int(len(times) * 0.95))]),
            "slowest": round(times[-1]),
        }


def measure_exchange() -> Json:
    """Promotion and two roll backs of a small company's releases, with customers all the while."""
    with tempfile.TemporaryDirectory() as folder:
        company = Path(folder) / "acme"
        initialise = [sys.executable, "-m", "server.cli", "init", str(company)]
        subprocess.run(initialise, cwd=ROOT, check=True, capture_output=True)
        with own_product(company) as product:
            return asyncio.run(_logged_in(product))


async def _logged_in(product: Product) -> Json:
    async with httpx.AsyncClient(base_url=product.url, headers={"x-kefu": "1"}, timeout=30) as http:
        await http.post("/api/session", json={"username": "admin", "password": product.passwords["admin"]})
        return await _exchanges(product, http)


async def _exchanges(product: Product, http: httpx.AsyncClient) -> Json:
    before = await _until(http, "/api/releases", lambda body: body["release"])
    body: Json = {"label": {"zh": "带狗", "en": "Dogs"}, "do": "say", "text": {"zh": "可以。", "en": "They are welcome."},
            "examples": ["can dogs come in", "is my dog allowed", "can I bring my dog", "do you let dogs in"]}  # fmt: skip
    (await http.put("/api/new-intents/dogs_allowed", json=body)).raise_for_status()
    traffic = Traffic(product.url)
    began = time.monotonic()
    await asyncio.sleep(15)
    found: Json = {"nothing_happens": traffic.within(began, time.monotonic())}
    began = time.monotonic()
    training = (await http.post("/api/trainings")).json()["id"]
    done = await _until(http, f"/api/trainings/{training}", lambda one: one["state"] != "running")
    if done["state"] != "done":
        raise RuntimeError(f"the training did not end well: {done['problem']}")
    found["training"] = {"seconds": round(time.monotonic() - began, 1), **traffic.within(began, time.monotonic())}
    for name, path, body in (
        ("promotion", f"/api/trainings/{training}/promote", {"reason": "measured by a benchmark"}),
        ("roll_back", "/api/releases/rollback", {"release": before["release"]}),
        ("roll_forward", "/api/releases/rollback", {"release": done["release"]}),
    ):
        began = time.monotonic()
        (await http.post(path, json=body)).raise_for_status()
        switched = 0.0
        while (page := (await http.get("/api/releases")).json())["items"][0]["state"] == "asked":
            if not switched and page["release"] == (body.get("release") or done["release"]):
                switched = time.monotonic()
            await asyncio.sleep(0.02)
        switched = switched or time.monotonic()
        if page["items"][0]["state"] != "done":
            raise RuntimeError(page["items"][0]["problem"])
        await asyncio.sleep(AROUND_S + 2)
        found[name] = {
            "ready_after_s": round(switched - began, 1),
            "while_starting": traffic.within(began, switched - AROUND_S),
            "around_the_exchange": traffic.within(switched - AROUND_S, switched + AROUND_S),
        }
    await traffic.stop()
    ends = sorted(end for _, end in traffic.turns)
    found |= {"turns": len(ends), "lost": traffic.lost}
    found["longest_silence_ms"] = round(max((b - a for a, b in pairwise(ends)), default=0) * 1000)
    return found


async def _until(http: httpx.AsyncClient, path: str, done: Any) -> Json:
    while True:
        body: Json = (await http.get(path)).json()
        if done(body):
            return body
        await asyncio.sleep(0.2)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="?", choices=["list", "exchange"])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: Json = {}
    if given.part in {None, "list"}:
        found["list"] = asyncio.run(measure_list())
    if given.part in {None, "exchange"}:
        found["exchange"] = measure_exchange()
    if given.json:
        print(json.dumps(found))
        return 0
    for part, figures in found.items():
        print(part)
        for name, value in figures.items():
            print(f"  {name:<20} {json.dumps(value) if isinstance(value, dict) else value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
