"""A real server of the OpenAI protocol running the small model, and sockets that answer as broken servers do."""

import asyncio
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

START_DEADLINE_S = 120


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def language_model_server(*options: str) -> Iterator[str]:
    """`kefu llm serve` as a process of its own; yields its address up to /v1."""
    port = free_port()
    command = [sys.executable, "-m", "server.cli", "llm", "serve", "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[2])
    try:
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                    break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(20)


class Broken:
    """What a `broken_server` was sent."""

    def __init__(self) -> None:
        self.address = ""
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()  # by a first request
        self.server: asyncio.Server | None = None

    async def stop(self) -> None:
        """Refuse connections from now on."""
        assert self.server is not None
        self.server.close()
        await self.server.wait_closed()


@asynccontextmanager
async def broken_server(*replies: bytes | None) -> AsyncIterator[Broken]:
    """Answers each request with the next of `replies`, the last one for ever; None: never."""
    seen = Broken()
    forever = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            seen.requests.append(head + await reader.readexactly(length))
            seen.asked.set()
            reply = replies[min(len(seen.requests), len(replies)) - 1]
            if reply is None:
                await forever.wait()
            else:
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.server = server
    seen.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield seen
    finally:
        forever.set()
        server.close()
        await server.wait_closed()


def reply(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
