"""How long the console's figures take as messages grow: 10,000, 100,000 and 1,000,000 of them, a year of traffic.

    python -m benchmarks.figures [--messages N …] [--json]

Messages are generated straight into an SQLite file of its own, the same ones each time. Then: counting all of them anew
(`kefu figures rebuild`), the page over the whole year and over four weeks, the table as CSV, and what one more customer
costs until the figures show them.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from server.company import Company
from server.gateway import figures_report
from server.gateway.figures_keeper import FiguresKeeper
from server.gateway.figures_report import Wanted
from server.settings import ROOT
from server.storage.database import create_engine, migrate
from server.storage.store import Store, iso
from tests.support.floor import Clock

SIZES = (10_000, 100_000, 1_000_000)
PER_CONVERSATION = 10
NOW = datetime(2026, 11, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
ROUNDS = 7
INTENTS = ("check_bill", "check_data_usage", "reset_password", "esim", "order_status", "store_hours", "list_plans")
KEYS = ("bill.issued", "usage.left", "answer.found", "answer.found", "order.answer", "answer.found", "plan.list")
REASONS = ("customer_asked", "low_confidence", "policy", "repeated_failure", "out_of_scope")
QUESTIONS = (
    "写一首诗",
    "股票怎么样",
    "write me a poem",
    "what about the stock market",
    "帮我订机票",
    "who won the match",
)


def generate(database: Path, messages: int) -> None:
    """Fills an empty database."""
    chance = random.Random(11)
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous=OFF")
    conversations = messages // PER_CONVERSATION
    rows: dict[str, list[tuple[Any, ...]]] = {
        name: [] for name in ("conversations", "messages", "turns", "escalations")
    }

    def flush() -> None:
        for name, columns in COLUMNS.items():
            marks = ", ".join("?" * len(columns.split(",")))
            connection.executemany(f"INSERT INTO {name} ({columns}) VALUES ({marks})", rows[name])
            rows[name].clear()
        connection.commit()

    for number in range(conversations):
        began = NOW - YEAR + YEAR * (number / conversations)
        _conversation(f"c{number:07}", began, chance, rows)
        if number % 2_000 == 1_999:
            flush()
    flush()
    connection.close()


COLUMNS = {
    "conversations": "id, mode, locale, last_seq, slots, agent_read, created, updated, account",
    "messages": "conversation, seq, role, text, extra, turn, turn_index, at",
    "turns": "conversation, seq, status, record, release, at",
    "escalations": "conversation, reason, priority, language, summary, context, state, since, tags",
}


def _conversation(name: str, began: datetime, chance: random.Random, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    locale = chance.choice(("zh", "en"))
    extra = chance.choices(("{}", '{"voice": true}', '{"image": {"id": "x"}}'), (8, 2, 1))[0]
    handed = chance.random() < 0.15
    at, seq = began, 1
    rows["messages"].append((name, 1, "bot", "您好", "{}", None, None, iso(at)))
    while seq < PER_CONVERSATION - 1:
        at += timedelta(seconds=chance.randrange(5, 60))
        lost = chance.random() < 0.06
        which = chance.randrange(len(INTENTS))
        intent, key = ("nlu_fallback", "clarify.rephrase") if lost else (INTENTS[which], KEYS[which])
        text = chance.choice(QUESTIONS) if lost else "我想查一下"
        record = {
            "intent": intent,
            "confidence": 0.93,
            "decisions": [{"action": "action_skill", "policy": "RulePolicy", "confidence": 1.0, "ms": 20.0}],
            "bot": [{"key": key, "params": {"number": {"$phone": "19900000101"}}}],
            "parse": {"intent": {"name": intent, "confidence": 0.93}, "entities": [], "oos": 0.01, "threshold": 0.6},
            "slots": {"awaiting": lost},
            "timings": {"total_ms": 80.0},
        }
        rows["messages"].append((name, seq + 1, "customer", text, extra, None, None, iso(at)))
        rows["turns"].append((name, seq + 1, "done", json.dumps(record), "r-1", iso(at)))
        at += timedelta(milliseconds=chance.lognormvariate(5, 0.7))
        rows["messages"].append((name, seq + 2, "bot", "好的", "{}", seq + 1, 0, iso(at)))
        seq += 2
    if handed:
        rows["escalations"].append((name, chance.choice(REASONS), 1, locale, "", "{}", "closed", iso(at), "[]"))
    account = f"C-{chance.randrange(200_000)}"
    rows["conversations"].append((name, "closed", locale, seq, "{}", 0, iso(began), iso(at), account))


async def _timed(work: Callable[[], Coroutine[Any, Any, Any]], rounds: int = ROUNDS) -> float:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await work()
        took.append(time.perf_counter() - began)
    return median(took)


async def measure(messages: int) -> dict[str, Any]:
    """The figures of one size, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "kefu.db"
        engine = create_engine(f"sqlite+aiosqlite:///{database}")
        await migrate(engine)
        generate(database, messages)
        company = Company.load(ROOT / "demo")
        clock = Clock(NOW)
        store = Store(engine, clock)
        keeper = FiguresKeeper(store, company, clock, releases=Path(folder))
        began = time.perf_counter()
        await keeper.rebuild()
        rebuilt = time.perf_counter() - began
        year = Wanted((NOW - YEAR).date(), NOW.date())
        weeks = Wanted(NOW.date() - timedelta(days=27), NOW.date())
        found = {
            "messages": messages,
            "rebuild_s": rebuilt,
            "year_s": await _timed(lambda: figures_report.report(store, company, Path(folder), year)),
            "four_weeks_s": await _timed(lambda: figures_report.report(store, company, Path(folder), weeks)),
            "csv_year_s": await _timed(lambda: figures_report.as_csv(store, year)),
        }

        async def one_more() -> None:
            clock.now += timedelta(seconds=1)
            async with store.write() as tx:
                await tx.lock(f"c{messages // PER_CONVERSATION - 1:07}")
            await keeper.catch_up()

        found["one_more_s"] = await _timed(one_more)
        await store.close()
        return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, nargs="+", default=list(SIZES))
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    names = ("rebuild_s", "year_s", "four_weeks_s", "csv_year_s", "one_more_s")
    if not given.json:
        print(
            f"{'messages':>10} {'rebuild':>10} {'year':>10} {'4 weeks':>10} {'CSV':>10} {'one more':>10}   (seconds, medians)"
        )
    results = []
    for size in given.messages:
        results.append(found := asyncio.run(measure(size)))
        if not given.json:
            print(f"{size:>10,} " + " ".join(f"{found[name]:>10.3f}" for name in names), flush=True)
    if given.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
