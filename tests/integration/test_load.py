"""More messages than turns can be run: what is taken is answered, the rest is put off, people are reached."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from server.gateway.turns import WAITING_PER_SLOT
from tests.support.clients import Customer
from tests.support.gateway import Gateway
from tests.support.product import Product

ASKED = {"zh": "怎么重置登录密码", "en": "how do I reset my password"}


class Gate:
    """Stands before a service and lets turns through once it is open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.opened = asyncio.Event()
        self.held = asyncio.Event()
        self.url = ""

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        answers = asyncio.create_task(_pass_on(there, writer))
        try:
            while data := await reader.read(65536):
                if data.startswith(b"POST /webhooks/kefu/turn"):
                    self.held.set()
                    await self.opened.wait()
                back.write(data)
                await back.drain()
        finally:
            answers.cancel()
            back.close()
            writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def gate_before(port: int) -> AsyncIterator[Gate]:
    gate = Gate(port)
    carrying: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(gate.carry(reader, writer))
        carrying.add(task)
        task.add_done_callback(carrying.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    gate.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield gate
    finally:
        server.close()
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


@pytest.fixture
async def crowded(product: Product, tmp_path: Path) -> AsyncIterator[tuple[Gateway, Gate]]:
    """A gateway that runs one turn at a time, before the product's services; Rasa stands behind a gate."""
    async with gate_before(product.internal_port + 1) as gate:
        services = {
            name: f"http://127.0.0.1:{product.internal_port + at}" for name, at in (("MODELS", 0), ("ACTIONS", 2))
        }
        gateway = Gateway(
            tmp_path / "data",
            internal_port=product.internal_port,
            environment={
                **{f"KEFU_{name}_URLS": url for name, url in services.items()},
                "KEFU_RASA_URLS": gate.url,
                "KEFU_TURNS_AT_ONCE": "1",
                "KEFU_TURN_DEADLINE_S": "120",
            },
        )
        await asyncio.to_thread(gateway.start)
        try:
            yield gateway, gate
        finally:
            gate.opened.set()
            await asyncio.to_thread(gateway.stop)


async def test_too_many_messages_are_put_off_politely_and_all_are_answered(crowded: tuple[Gateway, Gate]) -> None:
    gateway, gate = crowded
    customers = [Customer(gateway.url) for _ in range(WAITING_PER_SLOT + 3)]
    first, *waiting, late, personal = customers
    for one in customers:
        await one.connect()
        await one.hello("en")
    await first.send("message", id="q", text=ASKED["en"])
    await gate.held.wait()
    for one in waiting:
        await one.send("message", id="q", text=ASKED["en"])
        await one.wait("ack", id="q")
        # It is seen to be worked on, although its turn has not begun.
        await one.wait("typing", on=True, role="bot")

    await late.send("message", id="q", text=ASKED["en"])
    refused = await late.wait("error", id="q")
    assert (refused["code"], refused["position"]) == ("busy", WAITING_PER_SLOT + 1)
    assert refused["retry_s"] > 0
    # People are reached as ever.
    await personal.send("human", id="h")
    assert (await personal.wait("mode", mode="waiting"))["position"] == 1
    await personal.send("message", id="q", text="are you there?")
    await personal.wait("ack", id="q")
    async with httpx.AsyncClient(trust_env=False) as client:
        told = (await client.get(f"{gateway.url}/metrics")).text
    assert f"kefu_turns_waiting {float(WAITING_PER_SLOT)}" in told
    assert "kefu_messages_put_off_total 1.0" in told

    gate.opened.set()
    for one in (first, *waiting):
        assert (await one.wait("message", role="bot", seq=3))["citations"]
    # The same message under the same id: taken once the line is shorter, and once only.
    answers = await late.say(ASKED["zh"])
    assert [one["role"] for one in answers] == ["bot"]
    await late.send("message", id="q", text=ASKED["en"])
    await late.wait("ack", id="q")
    await late.send("message", id="q", text=ASKED["en"])
    said = await late.wait("message", role="bot", seq=5)
    assert said["citations"]
    assert [frame["text"] for frame in late.messages() if frame["role"] == "customer"] == [ASKED["zh"], ASKED["en"]]
    for one in customers:
        await one.disconnect()
