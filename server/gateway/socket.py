"""What both sockets share: origin check, one writer fed by a queue, one reader, a clean end whichever stops first."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import orjson
from fastapi import WebSocket, WebSocketDisconnect

from server.gateway.frames import FrameError, action_id, error_frame, read_frame
from server.gateway.hub import SlowSubscriberError, Subscription
from server.gateway.metrics import BAD_FRAMES, SOCKETS

Json = dict[str, Any]
logger = logging.getLogger(__name__)

SEND_DEADLINE_S = 10.0
RETRY_S = 3
"""When a page is to send a message again that could not be stored; under its id, so that it counts once."""
POLICY, TRY_LATER, INTERNAL = 1008, 1013, 1011

Handler = Callable[[Json], Awaitable[None]]
Writer = Callable[[Json], Awaitable[None]]


class CloseSocketError(Exception):
    """Ends the connection with a close code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def origin_allowed(origin: str | None, host: str | None, allowed: Iterable[str]) -> bool:
    """Whether a browser page of this origin may connect: the gateway's own pages and the sites that embed the widget.

    A program sends no origin and has no cookies to misuse.
    """
    if origin is None:
        return True
    return urlsplit(origin).netloc == host or origin.lower() in set(allowed)


async def send(socket: WebSocket, frame: Json) -> None:
    """Sends one frame; a client that does not read ends the connection."""
    async with asyncio.timeout(SEND_DEADLINE_S):
        await socket.send_text(orjson.dumps(frame).decode())


async def send_binary(socket: WebSocket, data: bytes) -> None:
    """Sends one binary frame; a client that does not read ends the connection."""
    async with asyncio.timeout(SEND_DEADLINE_S):
        await socket.send_bytes(data)


async def serve(
    socket: WebSocket,
    kind: str,
    queue: Subscription,
    write: Writer,
    handle: Handler,
    *,
    binary: Callable[[bytes], None] | None = None,
) -> None:
    """Runs a connection until either side ends it. ``write`` gets every queued frame, ``handle`` every frame read.

    ``binary`` gets the binary frames; without it they are errors.
    """
    SOCKETS.labels(kind=kind).inc()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_write_all(queue, write), name=f"{kind} writer")
            tasks.create_task(_read_all(socket, kind, queue, handle, binary), name=f"{kind} reader")
    except* CloseSocketError as group:
        first = _first(group)
        if isinstance(first, CloseSocketError):
            await _close(socket, first.code, first.reason)
    except* (SlowSubscriberError, TimeoutError):
        await _close(socket, TRY_LATER, "too slow to follow; reconnect and resume")
    except* (WebSocketDisconnect, RuntimeError):
        # RuntimeError is what starlette raises for a write to a connection that the client has dropped.
        pass
    finally:
        SOCKETS.labels(kind=kind).dec()


async def _write_all(queue: Subscription, write: Writer) -> None:
    while True:
        await write(await queue.get())


async def _read_all(
    socket: WebSocket, kind: str, queue: Subscription, handle: Handler, binary: Callable[[bytes], None] | None
) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text, data = message.get("text"), message.get("bytes")
        frame: Json = {}
        try:
            if text is None and data is not None and binary is not None:
                binary(data)
            else:
                frame = read_frame(text if text is not None else data)
                await handle(frame)
        except FrameError as error:
            BAD_FRAMES.labels(kind=kind, code=error.code).inc()
            queue.put(error_frame(error))
        except (CloseSocketError, WebSocketDisconnect, asyncio.CancelledError):
            raise
        except Exception:  # one frame must never take down the connection, let alone the process
            logger.exception("%s frame failed", kind)
            again = {"retry_s": RETRY_S} if frame.get("type") == "message" else {}
            what = "this could not be done; please try again"
            queue.put(error_frame(FrameError("internal", what, action_id(frame), **again)))


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    try:
        async with asyncio.timeout(SEND_DEADLINE_S):
            await socket.close(code, reason)
    except (RuntimeError, TimeoutError, WebSocketDisconnect):
        pass  # it is closed already


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
