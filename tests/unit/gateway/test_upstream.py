"""Several services of a kind: one that is away, hangs or fails in the middle of a turn, and another that answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from server.addresses import HANGS_AFTER
from server.gateway.upstream import Upstream, UpstreamError
from tests.support.language_model import free_port

PARSE = {"intent": {"name": "thanks", "confidence": 1.0}}
END = {"type": "end", "slots": {}, "paused": False, "ms": 1.0}
TURN = {"conversation": "c", "turn": 2, "text": "hi", "parse": PARSE}
Answers = Callable[[str, bytes], Awaitable[tuple[int, bytes]]]


@asynccontextmanager
async def service(answers: Answers) -> AsyncIterator[str]:
    """A service that answers every request by (method and path, body) → (status, body)."""

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next((int(one.split(":")[1]) for one in head.splitlines() if "content-length" in one.lower()), 0)
            body = await reader.readexactly(length)
            status, answer = await answers(" ".join(head.split()[:2]), body)
            more = f"content-length: {len(answer)}\r\nconnection: close\r\n\r\n"
            writer.write(f"HTTP/1.1 {status} X\r\n{more}".encode() + answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def says(*lines: object) -> Answers:
    async def answer(_path: str, _body: bytes) -> tuple[int, bytes]:
        return 200, b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    return answer


async def hangs(_path: str, _body: bytes) -> tuple[int, bytes]:
    await asyncio.Event().wait()
    raise AssertionError("never")


@asynccontextmanager
async def asked(*, models: list[Answers | None], rasa: list[Answers | None]) -> AsyncIterator[Upstream]:
    """Upstream before services, of which None is away."""
    async with AsyncExitStack() as stack:
        places = [
            [
                f"http://127.0.0.1:{free_port()}" if one is None else await stack.enter_async_context(service(one))
                for one in kind
            ]
            for kind in (models, rasa)
        ]
        upstream = Upstream(
            models=places[0], rasa=places[1], actions=["http://127.0.0.1:9"], turn_deadline_s=1.0, parse_deadline_s=0.4
        )
        try:
            yield upstream
        finally:
            await upstream.close()


@pytest.mark.parametrize("broken", [None, hangs, says()], ids=["away", "hangs", "nonsense"])
async def test_another_model_service_reads_the_message(broken):
    async with asked(models=[broken, says(PARSE)], rasa=[None]) as upstream:
        outcomes = []
        for _ in range(2):
            try:
                outcomes.append(await upstream.parse("hi", "en"))
            except UpstreamError as error:
                outcomes.append(error.code)
        # An answer that makes no sense is no sign of a service that is away: nobody else is asked.
        assert outcomes == [PARSE if broken in {None, hangs} else "nonsense", PARSE]


async def test_the_bound_of_the_moment_goes_with_every_message_and_the_release_with_every_turn():
    bodies, bounds = [], iter([0.05, 0.02])

    async def notes(path, body):
        bodies.append(json.loads(body))
        return 200, json.dumps(PARSE if "parse" in path else END).encode() + b"\n"

    async with service(notes) as address:
        upstream = Upstream(
            models=[address], rasa=[address], actions=[address], turn_deadline_s=1.0, risk_bound=lambda: next(bounds)
        )
        await upstream.parse("hi", "en")
        await upstream.parse("hi", "en")
        upstream.serving.release = "r-1"
        _ = [line async for line in upstream.run_turn(TURN)]
        await upstream.close()
    assert [body["risk_bound"] for body in bodies[:2]] == [0.05, 0.02]
    assert bodies[2]["release"] == "r-1"


BOT = {"type": "bot", "key": "thanks"}
READ = {"type": "parse", "intent": "thanks", "confidence": 1.0}
AWAY = {"type": "error", "code": "action_failed", "message": "no action server"}


@pytest.mark.parametrize("broken", [None, hangs, says(READ, AWAY), says(READ)], ids=["away", "hangs", "actions", "cut"])
async def test_another_worker_runs_a_turn_in_which_nothing_was_said(broken):
    async with asked(models=[None], rasa=[broken, says(READ, BOT, END)]) as upstream:
        assert [line["type"] async for line in upstream.run_turn(TURN)] == ["parse", "bot", "end"]


async def test_a_turn_in_which_something_was_said_is_not_run_again():
    async with asked(models=[None], rasa=[says(READ, BOT, AWAY), says(READ, BOT, END)]) as upstream:
        lines = upstream.run_turn(TURN)
        assert [(await anext(lines))["type"], (await anext(lines))["type"]] == ["parse", "bot"]
        with pytest.raises(UpstreamError, match="action_failed"):
            await anext(lines)


async def test_one_address_is_asked_once():
    async with asked(models=[None], rasa=[says(READ, AWAY)]) as upstream:
        with pytest.raises(UpstreamError, match="unreachable"):
            await upstream.parse("hi", "en")
        with pytest.raises(UpstreamError, match="action_failed"):
            _ = [line async for line in upstream.run_turn(TURN)]


async def test_a_service_is_told_what_it_lacks_however_many_stand_behind_its_address():
    known = iter([409, 200, 409, 200, 200])
    paths = []

    async def several(path: str, _body: bytes) -> tuple[int, bytes]:
        paths.append(path)
        return next(known), json.dumps(PARSE).encode()

    async with asked(models=[several], rasa=[None]) as upstream:
        assert await upstream.parse("hi", "en", new={"digest": "d", "intents": []}) == PARSE
    assert paths == ["POST /parse", "PUT /intents", "POST /parse", "PUT /intents", "POST /parse"]


async def test_nobody_waits_for_what_hangs_again_and_again() -> None:
    calls = 0

    async def counted(path: str, body: bytes) -> tuple[int, bytes]:
        nonlocal calls
        calls += 1
        return await hangs(path, body)

    async with asked(models=[counted], rasa=[says(END)]) as upstream:
        for _ in range(HANGS_AFTER):
            with pytest.raises(UpstreamError, match="slow"):
                await upstream.parse("hi", "en")
        with pytest.raises(UpstreamError, match="hangs"):
            await upstream.parse("hi", "en")
        assert calls == HANGS_AFTER
        assert [line["type"] async for line in upstream.run_turn(TURN)] == ["end"]  # Rasa is another matter
