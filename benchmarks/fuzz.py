"""Odd input at every door: both sockets and every REST route of a gateway in this process.

    python -m benchmarks.fuzz [--inputs 100000] [--seed 1]

Requests are made from the gateway's own OpenAPI description, frames from docs/asyncapi.yaml: known names with values
that are right, wrong, huge, of another type or not there at all, and text that is no frame. Counted are answers, those
that tell of a fault of ours (status 500, error code `internal`, a logged exception), and the memory that stays.
The services behind a turn are not running: what a turn does then, a person takes over, is fuzzed with the rest.
"""

import argparse
import asyncio
import contextlib
import ctypes
import dataclasses
import gc
import json
import logging
import random
import resource
import statistics
import tempfile
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import yaml
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from server.gateway.accounts import add_user
from server.gateway.app import create_app
from server.gateway.limits import RateLimiter
from server.settings import ROOT, Settings

Json = dict[str, Any]
PASSWORD = "correct horse battery"
ADDRESSES = 2000
FRAMES_A_CONNECTION = 200
SOCKETS = 8
END = "the end"
LAST = {"chat": "dance", "desk": "take"}
"""Frames that are answered with their id: all before them has been served then."""
SLICES, WARM_SLICES = 10, 4
"""The memory is read after each slice of the inputs; what the first ones fill are caches and pools."""
ODD: list[Any] = [
    "", " ", "0", "-1", "1", "999999999999999999999999", "null", "true", "\u0000", "\u202e", "😀" * 50, "é" * 300, "x" * 5000,
    "' OR 1=1 --", "<script>alert(1)</script>", "../../etc/passwd", "%00", "{{7*7}}", "${jndi:ldap://x}", "\ud800", "١٢٣",
    "我叫张伟，电话13800138000", "/greet", '/inform{"phone_number": "1"}', "/x{", "2026-13-45", "NaN", "1e309", "\r\nX-Injected: 1",
    0, 1, -1, 2**31, 2**53, 2**63, 2**70, 1.5, -0.0, True, False, None, [], {}, [[]], ["a"] * 100, {"a": {"b": {}}}, [1, "x", None],
]  # fmt: skip


class Faults(logging.Handler):
    """Keeps what the gateway logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.seen[f"{record.getMessage()[:80]} {type(error).__name__ if error else ''} {str(error)[:120]}"] += 1


@dataclasses.dataclass
class Report:
    """What came of a run; memory in MiB."""

    inputs: Counter[str] = dataclasses.field(default_factory=Counter)
    answers: Counter[str] = dataclasses.field(default_factory=Counter)
    faults: Counter[str] = dataclasses.field(default_factory=Counter)
    memory: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    """How many inputs had been answered, and the resident memory then."""
    tasks_left: int = 0
    seconds: float = 0.0

    def slope(self) -> float:
        """MiB for each 10,000 inputs: the line of least squares through what was read once the caches were full."""
        warm = self.memory[WARM_SLICES:]
        return statistics.linear_regression([one for one, _ in warm], [mib for _, mib in warm]).slope * 10_000


async def fuzz(inputs: int, seed: int) -> Report:
    """Half the inputs as requests, a quarter into each socket."""
    report, faults, started = Report(), Faults(), time.perf_counter()
    logging.getLogger().addHandler(faults)
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(
                data_dir=Path(folder), secret="a long secret for fuzzing", port=20_011, internal_port=20_012
            )
            await asyncio.to_thread(add_user, settings, "admin", PASSWORD, "admin")
            app = create_app(settings)
            server = _Server(uvicorn.Config(app, port=0, log_config=None, ws="websockets-sansio", ws_max_size=65_537))
            serving = asyncio.create_task(server.serve())
            await server.listening.wait()
            _without_limits(app)
            await _all_doors(app, server.port, inputs, seed, report)
            report.tasks_left = len(asyncio.all_tasks())
            server.should_exit = True
            await serving
    finally:
        logging.getLogger().removeHandler(faults)
    report.faults += faults.seen
    report.seconds = time.perf_counter() - started
    return report


async def _all_doors(app: Any, port: int, inputs: int, seed: int, report: Report) -> None:
    token = await _log_in(app)
    description = app.openapi()
    report.memory.append((0, _resident_mib()))
    for number in range(seed, seed + SLICES):
        part = inputs // SLICES
        await _requests(app, description, token, part // 2, random.Random(number), report)
        for channel, cookie in (("chat", None), ("desk", token)):
            url = f"ws://127.0.0.1:{port}/ws/{channel}"
            each = part // 4 // SOCKETS
            await asyncio.gather(
                *(
                    _frames(url, channel, cookie, each, random.Random(number * 100 + one), report)
                    for one in range(SOCKETS)
                )
            )
        gc.collect()
        report.memory.append((report.inputs.total(), _resident_mib()))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.port = 0

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.port = self.servers[0].sockets[0].getsockname()[1]
        self.listening.set()

    def install_signal_handlers(self) -> None:
        """Ctrl-C ends the benchmark and not only its server."""


def _without_limits(app: Any) -> None:
    endless = RateLimiter(burst=10**9, per_second=10**9, clock=time.monotonic)
    shared = app.state.live.limiter("fuzz", burst=10**9, per_second=10**9)
    own = {"messages_allowed": endless, "frames_allowed": endless}
    app.state.chat = dataclasses.replace(app.state.chat, **own, conversations_allowed=shared)
    app.state.rest = dataclasses.replace(app.state.rest, logins_allowed=shared, addresses_allowed=shared)


async def _log_in(app: Any) -> str:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kefu.test") as client:
        given = {"username": "admin", "password": PASSWORD}
        answer = await client.post("/api/session", json=given, headers={"X-Kefu": "1"})
        return str(answer.cookies["kefu_session"])


# ---------------------------------------------------------------- requests


async def _requests(app: Any, described: Json, token: str, count: int, luck: random.Random, report: Report) -> None:
    routes = [
        (method.upper(), path, operation, described)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        # It ends the session that the other requests are made with; erasing all takes away what they find.
        if (method, path)
        not in {("delete", "/api/session"), ("delete", "/api/sessions"), ("delete", "/api/staff/{username}/sessions")}
    ]
    for _ in range(count):
        transport = httpx.ASGITransport(
            app, raise_app_exceptions=False, client=(f"10.0.0.{luck.randrange(ADDRESSES)}", 1)
        )
        method, path, operation, _ = luck.choice(routes)
        async with httpx.AsyncClient(transport=transport, base_url="http://kefu.test") as client:
            request = _request(client, method, path, operation, described, luck, token)
            answer = await client.send(request)
        report.inputs["requests"] += 1
        report.answers[f"{answer.status_code}"] += 1
        if answer.status_code == 500:
            report.faults[f"500 {method} {path}"] += 1


def _request(
    client: httpx.AsyncClient, method: str, path: str, operation: Json, described: Json, luck: random.Random, token: str
) -> httpx.Request:
    query = {}
    for parameter in operation.get("parameters", []):
        value = _value(parameter.get("schema", {}), described, luck)
        if parameter["in"] == "path":
            text = "".join(one for one in str(value) if one.isprintable() and not "\ud800" <= one <= "\udfff")
            path = path.replace(
                "{" + parameter["name"] + "}",
                httpx.URL("http://x/" + text.strip("/")[:300]).raw_path.decode()[1:] or "x",
            )
        elif parameter["in"] == "query" and luck.random() < 0.7:
            query[parameter["name"]] = _plain(value)
    headers = {"X-Kefu": "1"} if luck.random() < 0.9 else {}
    if luck.random() < 0.85:
        headers["Cookie"] = f"kefu_session={token}"
    content: bytes | None = None
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if method != "GET":
        body = _value(schema or {}, described, luck) if luck.random() < 0.8 else luck.choice(ODD)
        content = json.dumps(body).encode() if luck.random() < 0.95 else luck.randbytes(luck.randrange(200))
        headers["Content-Type"] = luck.choice(["application/json"] * 9 + ["image/png"])
    return client.build_request(method, path, params=query, headers=headers, content=content)


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="replace").decode()


def _value(schema: Json, described: Json, luck: random.Random, depth: int = 0) -> Any:
    """A value that mostly fits, and one time in four does not."""
    if luck.random() < 0.25 or depth > 4:
        return luck.choice(ODD)
    if "$ref" in schema:
        place: Any = described
        for part in schema["$ref"].removeprefix("#/").split("/"):
            place = place[part]
        return _value(place, described, luck, depth + 1)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _value(luck.choice(schema[several]), described, luck, depth + 1)
    if "enum" in schema:
        return luck.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        known = {
            name: _value(one, described, luck, depth + 1)
            for name, one in schema.get("properties", {}).items()
            if luck.random() < 0.9
        }
        return known | ({str(luck.choice(ODD))[:20]: luck.choice(ODD)} if luck.random() < 0.2 else {})
    if kind == "array":
        return [_value(schema.get("items", {}), described, luck, depth + 1) for _ in range(luck.randrange(4))]
    if kind == "integer":
        return luck.choice([0, 1, 2, 50, 200, 2**31, luck.randrange(-5, 1000)])
    if kind == "boolean":
        return luck.random() < 0.5
    return luck.choice(
        ["hello", "13800138000", "agent", "admin", "我的宽带断了", "x" * luck.randrange(300), "a@example.com"]
    )


# ---------------------------------------------------------------- frames


@cache
def _described() -> Json:
    loaded: Json = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text("utf-8"))
    return loaded


async def _frames(url: str, channel: str, cookie: str | None, count: int, luck: random.Random, report: Report) -> None:
    described = _described()
    messages = described["channels"][channel]["messages"]
    kinds = {
        name.removeprefix("from_client_"): _payload(described, one)
        for name, one in messages.items()
        if name.startswith("from_client_")
    }
    headers = {"Cookie": f"kefu_session={cookie}"} if cookie else {}
    known = {"conversation": ["nobody's"], "token": ["x.y.z"]}
    while count > 0:
        part = min(count, FRAMES_A_CONNECTION)
        count -= part
        async with connect(
            url, additional_headers=headers, max_size=None, max_queue=None, open_timeout=60
        ) as connection:
            over = asyncio.Event()
            reading = asyncio.create_task(_read(connection, channel, known, report, over))
            try:
                if luck.random() < 0.9:
                    await connection.send('{"type": "hello", "locale": "en"}')
                for _ in range(part):
                    report.inputs[f"{channel} frames"] += 1
                    await connection.send(_frame(kinds, described, known, luck))
                await _until_over(connection, channel, over)
            except ConnectionClosed as closed:
                report.answers[f"{channel} closed {closed.rcvd.code if closed.rcvd else '?'}"] += 1
            await connection.close()
            await reading


async def _until_over(connection: ClientConnection, channel: str, over: asyncio.Event) -> None:
    """Asks for something refused until that is answered.

    A connection without a hello, or with frames beyond the rate limit, gets errors that name no id.
    """
    async with asyncio.timeout(30):
        while not over.is_set():
            await connection.send('{"type": "hello", "locale": "en"}')
            await connection.send(json.dumps({"type": LAST[channel], "id": END, "conversation": "nobody's"}))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 1)


def _payload(described: Json, message: Json) -> Json:
    place: Any = message
    while "$ref" in place:
        reference, place = place["$ref"], described
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    return dict(place.get("payload", {}))


async def _read(
    connection: ClientConnection, channel: str, known: dict[str, list[str]], report: Report, over: asyncio.Event
) -> None:
    try:
        async for data in connection:
            frame = json.loads(data)
            report.answers[f"{channel} {frame['type']} {frame.get('code', '')}".strip()] += 1
            for name, values in known.items():
                if isinstance(frame.get(name), str) and len(values) < 50:
                    values.append(frame[name])
            if frame.get("id") == END:
                over.set()
            if frame.get("code") == "internal":
                report.faults[f"{channel} internal"] += 1
    except ConnectionClosed as closed:
        report.answers[f"{channel} closed {closed.rcvd.code if closed.rcvd else '?'}"] += 1
    finally:
        over.set()


def _frame(kinds: dict[str, Json], described: Json, known: dict[str, list[str]], luck: random.Random) -> str | bytes:
    chance = luck.random()
    if chance < 0.02:
        return luck.randbytes(luck.randrange(300))
    if chance < 0.06:
        return luck.choice(
            ["", "[]", "{", "null", '{"type": 1}', '{"type": "' + "x" * 500 + '"}', "[" * 5000, '"' * 100]
        )
    kind = luck.choice(list(kinds))
    frame: Json = {"type": kind, "id": luck.choice(["a", "b", str(luck.randrange(10**9))])}
    for name, schema in kinds[kind].get("properties", {}).items():
        if name != "type" and luck.random() < 0.9:
            frame[name] = _value(schema, described, luck)
    for name, values in known.items():
        if name in frame and luck.random() < 0.6:
            frame[name] = luck.choice(values)
    if luck.random() < 0.95:
        frame.pop("identity", None)  # a wrong signature ends the connection
    if luck.random() < 0.2:
        frame[luck.choice([*frame, "extra"])] = luck.choice(ODD)
    return json.dumps(frame)


def _resident_mib() -> float:
    """What is in use: pages that the allocator keeps for later are given back first, where it can."""
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    report = asyncio.run(fuzz(arguments.inputs, arguments.seed))
    print(f"{report.inputs.total()} inputs in {report.seconds:.0f} s: {dict(report.inputs)}")
    for answer, count in sorted(report.answers.items()):
        print(f"  {answer:<32} {count}")
    print("memory in MiB after so many inputs: " + ", ".join(f"{mib:.0f} ({count})" for count, mib in report.memory))
    print(f"growth from input {report.memory[WARM_SLICES][0]} on: {report.slope():.2f} MiB for each 10,000 inputs")
    print(f"tasks left: {report.tasks_left}")
    print(f"faults: {report.faults.total()}")
    for fault, count in report.faults.most_common(30):
        print(f"  {count:>6} {fault}")


if __name__ == "__main__":
    main()
