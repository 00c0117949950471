"""Each fault once, with the real processes: nothing is lost, doubled or out of order, people are told, and it ends.

All tests share one product, which is killed and hindered again and again. Long runs of the same are
`benchmarks/chaos.py`; what is damaged before anything starts is in the unit tests of each part.
"""

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.chaos import ChaosCustomer
from tests.support.clients import PATIENCE_S, Agent, Customer, log_in
from tests.support.faults import Fault
from tests.support.product import ROOT, Product

BACK_S = 90.0
FAULTS = [
    *((service, kind) for service in ("gateway", "models", "rasa", "actions") for kind in ("killed", "hung")),
    *((service, "slowed") for service in ("gateway", "models", "rasa", "actions")),
    *((service, "refusing") for service in ("gateway", "models", "rasa", "actions", "accounts")),
]
GREETING = 1
"""Its place in every conversation."""
HELD_S = 1.0
"""How long a process is slow or refuses; one that hangs is replaced sooner or later."""
HUNG_S = 20.0
QUESTION = "how much data have I left on 19900000101?"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of its own, which is killed again and again."""
    running = Product(tmp_path_factory.mktemp("doomed") / "data")
    running.start()
    running.add_staff("lin")
    yield running
    running.stop()


def wait_until_ready(product: Product) -> None:
    deadline = time.monotonic() + BACK_S
    while not product.is_ready():
        assert time.monotonic() < deadline, "the service did not come back"
        time.sleep(0.1)


def kill_everything(product: Product) -> None:
    pids = product.pids()
    product.kill()
    for pid in pids.values():
        with contextlib.suppress(ProcessLookupError):  # it died with its parent
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("service", "kind"), FAULTS, ids=str)
async def test_a_fault_of_a_process_costs_no_message_and_ends(product: Product, service: str, kind: str) -> None:
    fault = Fault(service, kind, HUNG_S if kind == "hung" else HELD_S)
    customer = ChaosCustomer([product])
    await customer.connect()
    texts = ["hello", QUESTION, "thanks"]
    failing = asyncio.create_task(asyncio.to_thread(fault.inject, product))
    for text in texts:
        assert (await customer.until_done(customer.socket, "message", text=text))["type"] == "ack"
    await failing
    await asyncio.to_thread(wait_until_ready, product)
    await customer.connect()
    await _answered(customer)
    await customer.socket.disconnect()
    async with Customer(product.url) as again:
        again.conversation, again.token = customer.socket.conversation, customer.socket.token
        await again.hello(conversation=again.conversation, token=again.token)
        stored = again.messages()
    assert [one["seq"] for one in stored] == list(range(1, len(stored) + 1))
    assert [one["text"] for one in stored if one["role"] == "customer"] == texts
    assert customer.socket.transcript() == {one["seq"]: one["text"] for one in stored}
    async with Customer(product.url) as fresh:
        await fresh.hello("en")
        assert [one["role"] for one in await fresh.say("hello")] == ["bot"]


async def _answered(customer: ChaosCustomer) -> None:
    """Until every message is answered, or the customer was told that a person comes."""
    socket = customer.socket

    def answered() -> bool:
        told = [one["mode"] for one in socket.frames if one["type"] == "mode"]
        # Each of these messages has one answer; it may come after the next question.
        roles = Counter({one["seq"]: one["role"] for one in socket.messages() if one["seq"] > GREETING}.values())
        return roles["bot"] >= roles["customer"] or told[-1:] == ["waiting"]

    async with asyncio.timeout(PATIENCE_S), socket._changed:
        await socket._changed.wait_for(answered)


async def test_everything_is_killed_at_once_and_turns_are_finished(product: Product) -> None:
    async with Customer(product.url) as customer, Customer(product.url) as waiting:
        await customer.hello("en")
        await customer.say("hello")
        await waiting.hello("zh")
        await waiting.send("human", id="h1")
        await waiting.wait("mode", mode="waiting")
        # Killed with a turn under way: acknowledged, perhaps not answered.
        await customer.send("message", id="last", text=QUESTION)
        await customer.wait("ack", id="last")
        kill_everything(product)
        await asyncio.wait_for(asyncio.shield(customer.closed), 10)
        await asyncio.to_thread(product.start)

        seen = max(customer.transcript())
        await customer.resume(last_seq=seen)
        if seen < 5:  # the answer had not come before the kill
            await customer.wait("message", role="bot", seq=5)
        await customer.send("message", id="last", text=QUESTION)
        await customer.wait("ack", after=len(customer.frames) - 1, id="last")
        again = await customer.say("thanks")
        assert again[-1]["role"] == "bot"

        async with Customer(product.url) as fresh:
            fresh.conversation, fresh.token = customer.conversation, customer.token
            await fresh.hello(conversation=fresh.conversation, token=fresh.token)
            transcript = fresh.messages()
        assert [one["seq"] for one in transcript] == list(range(1, len(transcript) + 1))
        asked = [one for one in transcript if one["text"] == QUESTION]
        answers = [one for one in transcript if "18.4 GB" in one["text"]]
        assert (len(asked), len(answers)) == (1, 1)

        async with log_in(product.url, "lin", product.passwords["lin"]) as client, Agent(product.url, client) as lin:
            welcome = await lin.hello()
            assert waiting.conversation in [one["conversation"] for one in welcome["queue"]]


async def test_without_understanding_people_are_handed_over_at_once_and_agents_work_on(product: Product) -> None:
    stopped = product.pids()["rasa"]
    async with (
        Customer(product.url) as customer,
        log_in(product.url, "lin", product.passwords["lin"]) as client,
        Agent(product.url, client) as lin,
    ):
        await lin.hello()
        await customer.hello("en")
        os.kill(stopped, signal.SIGKILL)
        said = await customer.say("hello")
        assert said[0]["role"] == "system"
        assert (await customer.wait("mode", mode="waiting"))["reason"] == "system_failure"
        await lin.wait("escalation", conversation=customer.conversation, reason="system_failure")
        assert (await lin.do("take", customer.conversation))["type"] == "ack"
        await lin.do("message", customer.conversation, text="I am here")
        await customer.wait("message", text="I am here")
    await asyncio.to_thread(wait_until_ready, product)


async def test_a_locked_database_holds_messages_up_and_loses_none(product: Product) -> None:
    async with Customer(product.url) as customer:
        await customer.hello("en")
        with contextlib.closing(sqlite3.connect(product.data_dir / "kefu.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await customer.send("message", id="m1", text="hello")
            async with httpx.AsyncClient(trust_env=False) as http:
                assert (await http.get(f"{product.url}/healthz")).status_code == 200
            assert not [one for one in customer.frames if one["type"] == "ack"]
            other.execute("ROLLBACK")
        await customer.wait("ack", id="m1")
        await customer.wait("message", seq=3, role="bot")


async def test_a_full_disk_refuses_messages_and_takes_them_again_when_there_is_room(product: Product) -> None:
    gateway = product.pids()["gateway"]
    unlimited = resource.prlimit(gateway, resource.RLIMIT_FSIZE)
    async with Customer(product.url) as customer:
        await customer.hello("en")
        resource.prlimit(gateway, resource.RLIMIT_FSIZE, (1, unlimited[1]))  # no file can be written
        try:
            await customer.send("message", id="m1", text="hello")
            refused = await customer.wait("error", id="m1")
        finally:
            resource.prlimit(gateway, resource.RLIMIT_FSIZE, unlimited)
        assert (refused["code"], refused["retry_s"]) == ("internal", 3)
        assert product.pids()["gateway"] == gateway
        await customer.send("message", id="m1", text="hello")
        await customer.wait("ack", id="m1")
        await customer.wait("message", seq=3, role="bot")
    assert await asyncio.to_thread(_whole, product.data_dir / "kefu.db")


async def test_a_database_that_goes_away_stops_acknowledgements_until_it_is_back(product: Product) -> None:
    path, away = product.data_dir / "kefu.db", product.data_dir / "away.db"
    async with Customer(product.url) as customer:
        await customer.hello("en")
        path.rename(away)
        try:
            await customer.send("message", id="m1", text="hello")
            await customer.wait("error", id="m1")
            async with httpx.AsyncClient(trust_env=False) as http:
                assert (await http.get(f"{product.url}/readyz")).json()["database"] is False
            assert not path.exists()
        finally:
            away.rename(path)
        await customer.send("message", id="m1", text="hello")
        await customer.wait("ack", id="m1")
        await customer.wait("message", seq=3, role="bot")
    assert await asyncio.to_thread(_whole, path)


def _whole(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def test_what_is_damaged_is_refused_by_name_before_anything_starts(product: Product, tmp_path: Path) -> None:
    (tmp_path / "kefu.db").write_bytes(b"no database" * 1000)
    environment = product.environment() | {"KEFU_DATA_DIR": str(tmp_path), "KEFU_DATABASE_URL": ""}
    command = [sys.executable, "-m", "server.cli", "user", "list"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert f"{tmp_path / 'kefu.db'}: is damaged or no database" in ended.stderr
    assert "Traceback" not in ended.stderr
