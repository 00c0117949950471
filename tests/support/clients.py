"""A customer and an agent who speak docs/frames.md over real sockets."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect

Json = dict[str, Any]
PATIENCE_S = 20.0


class Sound(bytes):
    """The binary frame after an ``audio`` frame; a failing test shows its length and not its samples."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


class _Socket:
    """A connection with everything it received, in order."""

    def __init__(self, url: str, **options: Any) -> None:
        self._url = url.replace("http", "ws", 1)
        self._options = options
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self.frames: list[Json] = []
        self._changed = asyncio.Condition()
        self.closed: asyncio.Future[tuple[int | None, str]] | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    async def connect(self) -> None:
        self._connection = await connect(self._url, max_size=None, **self._options)
        self.closed = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read(self._connection, self.closed))

    def move(self, url: str) -> None:
        """The next connection goes to another gateway."""
        self._url = url.replace("http", "ws", 1) + self._url[self._url.index("/ws/") :]

    async def disconnect(self) -> None:
        assert self._connection is not None
        assert self._reader is not None
        await self._connection.close()
        await self._reader

    async def _read(self, connection: ClientConnection, closed: "asyncio.Future[tuple[int | None, str]]") -> None:
        announced: Json = {}
        try:
            async for data in connection:
                frame = {**announced, "pcm": Sound(data)} if isinstance(data, bytes) else json.loads(data)
                if frame["type"] == "audio" and "pcm" not in frame:  # its sound is the next frame
                    announced = frame
                    continue
                async with self._changed:
                    self.frames.append(frame)
                    self._changed.notify_all()
        except Exception:
            pass
        finally:
            closed.set_result((connection.close_code, connection.close_reason or ""))
            async with self._changed:
                self._changed.notify_all()

    async def send(self, kind: str, **fields: Any) -> None:
        await self.send_raw(json.dumps({"type": kind, **fields}))

    async def send_raw(self, data: str | bytes) -> None:
        assert self._connection is not None
        await self._connection.send(data)

    async def wait(self, *kinds: str, after: int = 0, **fields: Any) -> Json:
        """The first frame of one of these types and with these fields from the position ``after`` on."""

        def find() -> Json | None:
            for frame in self.frames[after:]:
                if frame["type"] in kinds and all(frame.get(name) == value for name, value in fields.items()):
                    return frame
            return None

        async with self._changed:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._changed.wait_for(lambda: find() is not None)
            except TimeoutError:
                raise AssertionError(f"no {'/'.join(kinds)} {fields} among {self.frames[after:]}") from None
            found = find()
            assert found is not None
            return found


class Customer(_Socket):
    """A customer in a browser."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(f"{url}/ws/chat", **options)
        self.conversation = ""
        self.token = ""
        self.put_off = 0
        """Messages that had to be sent again, because the gateway was busy."""

    async def hello(self, locale: str = "zh", **fields: Any) -> Json:
        start = len(self.frames)
        await self.send("hello", locale=locale, **fields)
        welcome = await self.wait("welcome", after=start)
        self.conversation, self.token = welcome["conversation"], welcome["token"]
        if welcome["seq"] > fields.get("last_seq", 0):
            await self.wait("message", after=start, seq=welcome["seq"])
        return welcome

    async def resume(self, last_seq: int = 0) -> Json:
        await self.connect()
        return await self.hello(conversation=self.conversation, token=self.token, last_seq=last_seq)

    async def say(self, text: str) -> list[Json]:
        """Sends a message and waits until the turn is over; returns what the bot or the system said."""
        return await self._turn("message", text=text)

    async def upload(self, picture: bytes, kind: str = "image/png") -> httpx.Response:
        """Sends a picture to this conversation's uploads, as a program does that holds its token."""
        address = self._url.replace("ws", "http", 1).removesuffix("/ws/chat")
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_S) as http:
            return await http.post(
                "/api/uploads",
                params={"conversation": self.conversation},
                content=picture,
                headers={"Content-Type": kind, "Authorization": f"Bearer {self.token}"},
            )

    async def show(self, picture: bytes, text: str = "") -> list[Json]:
        """Sends a picture as a message and waits until the turn is over; returns what the bot or the system said."""
        uploaded = await self.upload(picture)
        assert uploaded.status_code == 201, uploaded.text
        return await self._turn("image", upload=uploaded.json()["id"], text=text)

    async def choose(self, label_or_value: str) -> list[Json]:
        """Presses a button of the last message that has any."""
        offered = next(frame for frame in reversed(self.messages()) if frame.get("choices"))
        for choice in offered["choices"]:
            if label_or_value in (choice["label"], choice["value"]):
                return await self._turn("choice", seq=offered["seq"], value=choice["value"])
        raise AssertionError(f"'{label_or_value}' is not among {offered['choices']}")

    async def _turn(self, kind: str, **fields: Any) -> list[Json]:
        start = len(self.frames)
        client_id = str(uuid.uuid4())
        await self.send(kind, id=client_id, **fields)
        ack = await self.wait("ack", after=start, id=client_id)
        # The turn's own typing: an earlier turn may still be ending. It may begin before the acknowledgement is out.
        began = await self.wait("typing", after=start, on=True, role="bot")
        await self.wait("typing", after=self.frames.index(began, start), on=False, role="bot")
        return [one for one in self.messages(start) if one["seq"] > ack["seq"] and one["role"] in {"bot", "system"}]

    def messages(self, after: int = 0) -> list[Json]:
        return [frame for frame in self.frames[after:] if frame["type"] == "message"]

    def transcript(self) -> dict[int, str]:
        """Text by ``seq``; a ``seq`` that came twice with another text is an error."""
        texts: dict[int, str] = {}
        for message in self.messages():
            assert texts.setdefault(message["seq"], message["text"]) == message["text"]
        return texts


class Agent(_Socket):
    """A person at the desk."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        super().__init__(f"{url}/ws/desk", additional_headers={"Cookie": cookie})
        self.rest = client

    async def hello(self, **fields: Any) -> Json:
        start = len(self.frames)
        await self.send("hello", **fields)
        return await self.wait("welcome", after=start)

    async def do(self, kind: str, conversation: str, **fields: Any) -> Json:
        """Sends an action and returns its ``ack`` or ``refused``."""
        start = len(self.frames)
        client_id = str(uuid.uuid4())
        await self.send(kind, id=client_id, conversation=conversation, **fields)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for frame in self.frames[start:]:
                    if frame["type"] in {"ack", "refused"} and frame.get("id") == client_id:
                        return frame
                async with self._changed:
                    await self._changed.wait()


_SESSIONS: dict[tuple[str, str, str], httpx.Cookies] = {}


@asynccontextmanager
async def log_in(url: str, username: str, password: str) -> AsyncIterator[httpx.AsyncClient]:
    """A REST client with a staff session; one that still holds is used again, since tries are limited."""
    who = (url, username, password)
    async with httpx.AsyncClient(
        base_url=url, headers={"X-Kefu": "1"}, cookies=_SESSIONS.get(who), timeout=PATIENCE_S
    ) as client:
        if who not in _SESSIONS or (await client.get("/api/session")).status_code != 200:
            answer = await client.post("/api/session", json={"username": username, "password": password})
            assert answer.status_code == 200, answer.text
            _SESSIONS[who] = client.cookies
        yield client
