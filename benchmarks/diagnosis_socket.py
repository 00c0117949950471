"""Customers with broken phones on the running product: its customer socket, and an account back end of their own.

They follow docs/frames.md as an outsider does: `hello`, `message` and `choice` with ids of their own, `step` of what is
asked, `mode` when a person takes over; a turn has ended when the bot stops typing.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.customer import Account, Case, Result, converse
from server.accounts.app import create_app

Json = dict[str, Any]
PATIENCE_S = 30.0
LINGER_S = 0.15
"""How long after the end of a turn for a `mode` frame or another message."""
ZONE = ZoneInfo("Asia/Shanghai")


class Socket:
    """One conversation."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.reason = ""
        self.milliseconds: list[float] = []

    async def begin(self, language: str) -> None:
        """Say hello and read what the bot begins with."""
        await self._send({"type": "hello", "locale": language})
        await self._until("welcome")

    async def say(self, text: str) -> list[Json]:
        """One message; the bot's messages of the turn."""
        return await self._act({"type": "message", "text": text})

    async def press(self, message: Json, value: str) -> list[Json]:
        """A button of a message."""
        return await self._act({"type": "choice", "seq": message["seq"], "value": value})

    @property
    def over(self) -> str:
        """How the conversation ended, "" while it goes on."""
        return f"handoff:{self.reason}" if self.reason else ""

    async def _act(self, frame: Json) -> list[Json]:
        began = time.perf_counter()
        await self._send({**frame, "id": str(uuid.uuid4())})
        found = await self._turn()
        self.milliseconds.append(1000 * (time.perf_counter() - began))
        try:
            while True:
                self._note(await asyncio.wait_for(self._receive(), LINGER_S), found)
        except TimeoutError:
            return found or [{"text": ""}]

    async def _turn(self) -> list[Json]:
        """Bot messages until the bot stops typing."""
        found: list[Json] = []
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self._receive()
                self._note(frame, found)
                stopped = frame["type"] == "typing" and frame["role"] == "bot" and not frame["on"]
                if stopped and (found or self.reason):
                    return found

    def _note(self, frame: Json, found: list[Json]) -> None:
        if frame["type"] == "error":
            raise RuntimeError(f"the product answers {frame['code']}: {frame['message']}")
        if frame["type"] == "message" and frame["role"] == "bot":
            found.append(frame)
        elif frame["type"] == "mode" and frame["mode"] != "bot":
            self.reason = frame.get("reason") or "unknown"

    async def _until(self, kind: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while (await self._receive())["type"] != kind:
                pass

    async def _send(self, frame: Json) -> None:
        await self._connection.send(json.dumps(frame, ensure_ascii=False))

    async def _receive(self) -> Json:
        while isinstance(raw := await self._connection.recv(), bytes):
            pass
        frame: Json = json.loads(raw)
        return frame


def people(number: int) -> Json:
    """Seed of the back end: so many customers with a line, bills and usage each, and a few plans."""
    seed: Json = {
        name: [] for name in ("customers", "lines", "plans", "usage", "bills", "orders", "tickets", "outages")
    }
    for plan, gb, price, each in (
        ("start", 10, "39.00", "10.00"),
        ("plus", 30, "69.00", "8.00"),
        ("max", 80, "129.00", "6.00"),
    ):
        seed["plans"].append({
            "id": plan, "name": {"zh": plan, "en": plan.title()}, "data_gb": gb, "kind": "mobile",
            "price_per_month": {"amount": price, "currency": "CNY"},
            "refuel_price_per_gb": {"amount": each, "currency": "CNY"},
        })  # fmt: skip
    for one in range(number):
        customer, line, phone = f"C-{9001 + one}", f"L-{9001 + one}", f"1990009{one:04d}"
        seed["customers"].append({
            "id": customer, "name": f"Test {one}", "phone": phone, "email": f"t{one}@example.com", "language": "zh",
            "birth_date": "1990-01-01", "lines": [line], "good_credit": True,
        })  # fmt: skip
        seed["lines"].append({
            "id": line, "customer": customer, "phone": phone, "status": "active", "suspended_since": None,
            "suspension_reason": None, "contract_end": "@today+210d", "roaming": False, "plan": "start",
            "device": {"model": "Mira 12", "esim": True},
        })  # fmt: skip
        seed["usage"].append(
            {"line": line, "used_gb": 2.0, "included_gb": 10, "refuelled_gb": 0, "period_end": "@today+9d"}
        )
        amount = {"amount": "39.00", "currency": "CNY"}
        seed["bills"].append({
            "id": f"B-{9001 + one}", "customer": customer, "period": "@today-51d/@today-22d", "status": "paid",
            "amount": amount, "due": "@today-4d",
            "items": [{"line": line, "text": {"zh": "月费", "en": "Monthly fee"}, "amount": amount}],
        })  # fmt: skip
    return seed


async def over_socket(made: Sequence[Case], address: str, port: int, at_once: int) -> list[Result]:
    """Run all cases, several conversations at a time; results in the order of the cases."""
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder) / "accounts.json"
        seed.write_text(json.dumps(people(at_once)), "utf-8")
        app = create_app(Path(folder) / "accounts.db", clock=lambda: datetime.now(ZONE), seed_file=seed)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
        serving = asyncio.create_task(server.serve())
        base = f"http://127.0.0.1:{port}"
        while not server.started:
            if serving.done():
                raise SystemExit(f"nothing can be served at {base}; name another port with --accounts")
            await asyncio.sleep(0.05)
        waiting = iter(enumerate(made))
        results: dict[int, Result] = {}

        async def work(worker: int, http: httpx.AsyncClient) -> None:
            account = Account(app.state.store, http, f"C-{9001 + worker}", f"L-{9001 + worker}", f"1990009{worker:04d}")
            for number, case in waiting:
                case.number = account.number
                account.set(case.phone)
                url = address.rstrip("/").replace("http", "ws", 1) + "/ws/chat"
                async with connect(url, max_size=None) as connection:
                    talk = Socket(connection)
                    await talk.begin(case.language)
                    results[number] = await converse(case, talk, account)

        try:
            # The customers' own inbox and payments need no port.
            inbox = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base)
            async with inbox as http, asyncio.TaskGroup() as group:
                for worker in range(at_once):
                    group.create_task(work(worker, http))
        finally:
            server.should_exit = True
            await serving
    return [results[number] for number in range(len(made))]
