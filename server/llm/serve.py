"""A local language model behind the OpenAI protocol: `POST /v1/chat/completions`, `GET /v1/models`.

One completion is computed at a time; others wait in a bounded queue (429 beyond it), each request has a deadline, and a
client that has gone away stops costing. What the protocol has and this server does not is refused by name, not ignored,
wherever ignoring it would change the answer.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import threading
import time
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.llm import local, protocol, schema
from server.llm.local import Decoder, Piece, Writer, token_text
from server.llm.protocol import LlmError

log = logging.getLogger(__name__)
PORT: Final = 8111
QUEUE: Final = 16
DEADLINE_S: Final = 120.0
MAX_BODY: Final = 1024 * 1024
MAX_TOKENS: Final = 512  # where a request does not say
_POLL_S: Final = 0.2  # how soon a client that went away is noticed
_RETRY_AFTER_S: Final = "2"
_STATUS: Final = {"too_long": 400, "overloaded": 429, "deadline": 504}
_UNSUPPORTED: Final = ("tools", "tool_choice", "functions", "logit_bias", "audio", "modalities")


class _Part(BaseModel):
    type: Literal["text"]
    text: str


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]

    def message(self) -> protocol.Message:
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return protocol.Message("system" if self.role == "developer" else self.role, text)


class _Schema(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    name: str = "answer"
    body: Annotated[dict[str, Any], Field(alias="schema")]


class _Format(BaseModel):
    type: Literal["text", "json_schema"]
    json_schema: _Schema | None = None


class _StreamOptions(BaseModel):
    include_usage: bool = False


class _Body(BaseModel):
    model_config = ConfigDict(extra="allow")
    model: str = ""
    messages: Annotated[list[_Message], Field(min_length=1, max_length=256)]
    max_tokens: Annotated[int, Field(ge=1, le=100_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=100_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(ge=1, le=1)] = 1.0
    n: Annotated[int, Field(ge=1, le=1)] = 1
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    logprobs: bool = False
    top_logprobs: Annotated[int, Field(ge=0, le=protocol.MAX_TOP)] | None = None
    response_format: _Format | None = None
    seed: int | None = None

    def request(self) -> protocol.Request:
        """The request as the model takes it."""
        wanted = self.response_format.json_schema if self.response_format else None
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return protocol.Request(
            [m.message() for m in self.messages],
            self.max_completion_tokens or self.max_tokens or MAX_TOKENS,
            self.temperature,
            tuple(stop),
            wanted.body if wanted else None,
            (self.top_logprobs or 0) if self.logprobs else None,
            self.seed,
        )


class ProtocolError(Exception):
    """Raise to answer with an error object."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param


class _Work:
    """The one thread that computes, and who waits for it."""

    def __init__(self, decoder: Decoder, queue: int, deadline_s: float) -> None:
        self.decoder = decoder
        self.deadline_s = deadline_s
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="llm")
        self._queue = queue
        self.waiting = 0

    async def pieces(self, request: protocol.Request, gone: Request) -> AsyncIterator[Piece]:
        """Tokens as they are chosen. Raises `LlmError`; ends early when the client has gone away."""
        if self.waiting >= self._queue:
            raise LlmError("overloaded", f"{self.waiting} requests are waiting already")
        loop = asyncio.get_running_loop()
        # As long as an answer can be: the thread never waits for the client.
        made: asyncio.Queue[Piece | LlmError | None] = asyncio.Queue()
        stop = threading.Event()
        ends = time.monotonic() + self.deadline_s
        self.waiting += 1
        worker = loop.run_in_executor(self.executor, self._compute, request, stop, made, loop)
        try:
            while True:
                try:
                    async with asyncio.timeout(min(_POLL_S, max(ends - time.monotonic(), 0))):
                        piece = await made.get()
                except TimeoutError:
                    if time.monotonic() >= ends:
                        raise LlmError("deadline", f"no answer within {self.deadline_s:g} s") from None
                    if await gone.is_disconnected():
                        return
                    continue
                if piece is None:
                    return
                if isinstance(piece, LlmError):
                    raise piece
                yield piece
        finally:
            stop.set()
            worker.cancel()  # where it still waits for the thread
            self.waiting -= 1

    def _compute(
        self,
        request: protocol.Request,
        stop: threading.Event,
        made: asyncio.Queue[Piece | LlmError | None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        def tell(item: Piece | LlmError | None) -> None:
            loop.call_soon_threadsafe(made.put_nowait, item)

        try:
            for piece in local.generate(self.decoder, request, stop.is_set):
                tell(piece)
        except LlmError as error:
            tell(error)
        except Exception:
            log.exception("a completion failed")
            tell(LlmError("refused", "the model failed"))
        else:
            tell(None)


def create_app(
    decoder: Decoder, *, key: str | None = None, queue: int = QUEUE, deadline_s: float = DEADLINE_S
) -> FastAPI:
    """The server for one model. `key`: what clients must send as bearer token; `queue` counts the one in work too."""
    work = _Work(decoder, queue, deadline_s)
    created = int(time.time())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        work.executor.shutdown(wait=True, cancel_futures=True)

    app = FastAPI(title="Kefu language model", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @app.exception_handler(ProtocolError)
    async def refused(_request: Request, error: ProtocolError) -> Response:
        return JSONResponse(_error(error), error.status, headers=_headers(error.status))

    def check_key(request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if key is not None and not hmac.compare_digest(given.encode(), key.encode()):
            raise ProtocolError(401, "The key is missing or wrong.", code="invalid_api_key")

    @app.get("/health")
    async def health() -> Response:
        return JSONResponse({"status": "ready", "model": decoder.name, "waiting": work.waiting})

    @app.get("/v1/models")
    async def models(request: Request) -> Response:
        check_key(request)
        one = {"id": decoder.name, "object": "model", "created": created, "owned_by": "local"}
        return JSONResponse({"object": "list", "data": [one]})

    @app.post("/v1/chat/completions")
    async def completions(request: Request) -> Response:
        check_key(request)
        body = await _read(request)
        if body.model and body.model != decoder.name:
            raise ProtocolError(
                404, f"There is no model {body.model!r}, only {decoder.name!r}.", code="model_not_found", param="model"
            )
        wanted = body.request()
        try:
            if wanted.schema is not None:
                schema.compiled(wanted.schema)
        except schema.SchemaError as error:
            raise ProtocolError(400, f"response_format: {error}", param="response_format") from None
        made = _Answer(decoder, wanted)
        pieces = work.pieces(wanted, request)
        # The first piece decides whether there is an answer at all: before it, an error still has a status.
        try:
            first = await anext(pieces, None)
        except LlmError as error:
            raise _status_of(error) from None
        if body.stream:
            usage = body.stream_options is not None and body.stream_options.include_usage
            return StreamingResponse(_stream(made, first, pieces, usage=usage), media_type="text/event-stream")
        try:
            made.add(first)
            async for piece in pieces:
                made.add(piece)
                if made.writer.stopped:
                    break
        except LlmError as error:
            raise _status_of(error) from None
        finally:
            await pieces.aclose()  # type: ignore[attr-defined]
        return JSONResponse(made.whole())

    return app


async def _read(request: Request) -> _Body:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_BODY:
            raise ProtocolError(413, f"The request is larger than {MAX_BODY} bytes.")
    try:
        body = _Body.model_validate_json(bytes(content))
    except ValidationError as error:
        first = error.errors()[0]
        param = ".".join(str(p) for p in first["loc"]) or None
        raise ProtocolError(400, f"{param or 'body'}: {first['msg']}", param=param) from None
    for name in _UNSUPPORTED:
        if (body.model_extra or {}).get(name):
            raise ProtocolError(400, f"{name} is not supported here.", code="unsupported_parameter", param=name)
    wanted = body.response_format
    if wanted is not None and wanted.type == "json_schema" and wanted.json_schema is None:
        raise ProtocolError(400, "response_format.json_schema is missing.", param="response_format")
    return body


class _Answer:
    """One answer in the shapes of the protocol, whole or in parts."""

    def __init__(self, decoder: Decoder, request: protocol.Request) -> None:
        self.writer = Writer(request.stop)
        self.text = ""
        self._request = request
        self._tokens: list[dict[str, Any]] = []
        self._count = 0
        self._prompt = len(decoder.chat(request.messages))
        self._head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": decoder.name}

    def add(self, piece: Piece | None) -> tuple[str, list[dict[str, Any]]]:
        """What is new: text and tokens. None: the answer has ended."""
        if piece is None:
            text = self.writer.write(b"", last=True)
            self.text += text
            return text, []
        self._count += 1
        text = self.writer.write(piece.data)
        self.text += text
        new: list[dict[str, Any]] = []
        if self._request.top_logprobs is not None:
            new = [_token(piece.data, piece.logprob) | {"top_logprobs": [_token(d, p) for d, p in piece.top]}]
            self._tokens += new
        return text, new

    @property
    def finish(self) -> str:
        """Why it ended."""
        return "length" if not self.writer.stopped and self._count >= self._request.max_tokens else "stop"

    def usage(self) -> dict[str, int]:
        """What it cost, in tokens."""
        total = self._prompt + self._count
        return {"prompt_tokens": self._prompt, "completion_tokens": self._count, "total_tokens": total}

    def whole(self) -> dict[str, Any]:
        """A `chat.completion`."""
        self.add(None)
        logprobs = None if self._request.top_logprobs is None else {"content": self._tokens, "refusal": None}
        choice = {
            "index": 0, "message": {"role": "assistant", "content": self.text, "refusal": None},
            "logprobs": logprobs, "finish_reason": self.finish,
        }  # fmt: skip
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": self.usage()}

    def chunk(self, delta: dict[str, Any], tokens: list[dict[str, Any]], finish: str | None = None) -> dict[str, Any]:
        """A `chat.completion.chunk`."""
        logprobs = {"content": tokens, "refusal": None} if tokens else None
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def costs(self) -> dict[str, Any]:
        """The chunk that only says what it cost."""
        return {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self.usage()}


async def _stream(made: _Answer, first: Piece | None, rest: AsyncIterator[Piece], *, usage: bool) -> AsyncIterator[str]:
    yield _event(made.chunk({"role": "assistant", "content": ""}, []))
    try:
        piece = first
        while piece is not None and not made.writer.stopped:
            text, tokens = made.add(piece)
            if text or tokens:
                yield _event(made.chunk({"content": text}, tokens))
            piece = await anext(rest, None)
        text, _ = made.add(None)
        if text:
            yield _event(made.chunk({"content": text}, []))
        yield _event(made.chunk({}, [], made.finish))
        if usage:
            yield _event(made.costs())
        yield "data: [DONE]\n\n"
    except LlmError as error:
        yield _event(_error(_status_of(error)))
    finally:
        await rest.aclose()  # type: ignore[attr-defined]


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _token(data: bytes, logprob: float) -> dict[str, Any]:
    return {"token": token_text(data), "logprob": logprob, "bytes": list(data)}


def _status_of(error: LlmError) -> ProtocolError:
    return ProtocolError(_STATUS.get(error.cause, 500), str(error), code=error.cause)


def _error(error: ProtocolError) -> dict[str, Any]:
    kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": error.code}}


def _headers(status: int) -> dict[str, str]:
    if status == 429:
        return {"Retry-After": _RETRY_AFTER_S}
    return {"WWW-Authenticate": "Bearer"} if status == 401 else {}
