"""Any address that speaks the OpenAI protocol as a `Chat`: deadlines, one cheap retry, a circuit breaker, size limits.

A completion changes nothing on the other side, so asking again is safe; it is only done where the first attempt cost
nothing: no connection, or a refusal that names a short wait. The key is read from an environment variable and goes
into one header; neither it nor any text is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from server.breaker import Breaker
from server.llm.protocol import Cause, Completion, LlmError, Message, Request, Token, loopback

log = logging.getLogger(__name__)
MAX_REQUEST_BYTES: Final = 256 * 1024
MAX_PICTURE_BYTES: Final = 24 * 1024 * 1024  # encoded
MAX_RESPONSE_BYTES: Final = 2 * 1024 * 1024
CONNECT_S: Final = 2.0
CONNECTIONS: Final = 32
LONGEST_WAIT_S: Final = 1.0  # before the second attempt
_REFUSED_FOR_NOW: Final = frozenset({429, 503})
Mask = Callable[[str], str]


def _same(text: str) -> str:
    return text


class OpenAIChat:
    """A model behind an address, such as `https://models.example.com/v1`.

    `key_variable` names the environment variable with the key; `mask` is applied to every message as it leaves, but for
    instructions.
    """

    def __init__(
        self,
        address: str,
        model: str,
        *,
        key_variable: str = "",
        mask: Mask = _same,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            raise ValueError("an address looks like https://models.example.com/v1, without name and password in it")
        self._url = address.rstrip("/") + "/chat/completions"
        self._model = model
        self._key_variable = key_variable
        self._mask = mask
        self._clock = clock
        self.breaker = breaker or Breaker()
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            # A proxy of the environment is for the world outside.
            trust_env=not loopback(parts.hostname),
            follow_redirects=False,
        )

    @property
    def model(self) -> str:
        """The name that is asked for."""
        return self._model

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def complete(self, request: Request, deadline_s: float) -> Completion:
        """One completion. Raises `LlmError`; with an open breaker at once."""
        if not self.breaker.allows(self._clock()):
            raise LlmError("breaker_open", "too many failures in a row; it is tried again soon")
        try:
            completion = await self._within(request, deadline_s)
        except LlmError as error:
            if error.cause == "too_long":  # a matter of this request alone
                self.breaker.abandoned()
            else:
                self.breaker.failed(self._clock())
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        self.breaker.succeeded()
        return completion

    async def _within(self, request: Request, deadline_s: float) -> Completion:
        content = self._content(request)
        ends = self._clock() + deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                try:
                    return await self._once(content)
                except _AgainError as error:
                    wait = error.wait_s
                    if wait > LONGEST_WAIT_S or self._clock() + wait >= ends:
                        raise error.failure from None
                await asyncio.sleep(wait)
                try:
                    return await self._once(content)
                except _AgainError as error:
                    raise error.failure from None
        except TimeoutError:
            raise LlmError("deadline", f"no answer within {deadline_s:g} s") from None

    async def _once(self, content: bytes) -> Completion:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        key = os.environ.get(self._key_variable, "") if self._key_variable else ""
        if key:
            headers["Authorization"] = f"Bearer {key}"
        timeout = httpx.Timeout(None, connect=CONNECT_S)  # the whole has a deadline of its own
        try:
            async with self._client.stream(
                "POST", self._url, content=content, headers=headers, timeout=timeout
            ) as response:
                body = bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > MAX_RESPONSE_BYTES:
                        raise LlmError("nonsense", f"the answer is larger than {MAX_RESPONSE_BYTES} bytes")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _AgainError(LlmError("unreachable", type(error).__name__), 0.1) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise LlmError("unreachable", type(error).__name__) from None
        if response.status_code != httpx.codes.OK:
            raise _failure(response, bytes(body))
        return _completion(bytes(body), self._model)

    def _out(self, message: Message) -> Any:
        # Instructions are the program's and the company's own words.
        text = message.content if message.role == "system" else self._mask(message.content)
        if not message.picture:
            return text
        return [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": message.picture}}]

    def _content(self, request: Request) -> bytes:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": self._out(m)} for m in request.messages],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
        }
        if request.stop:
            body["stop"] = list(request.stop)
        if request.seed is not None:
            body["seed"] = request.seed
        if request.top_logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": dict(request.schema)},
            }
        content = json.dumps(body, ensure_ascii=False).encode()
        most = MAX_PICTURE_BYTES if any(m.picture for m in request.messages) else MAX_REQUEST_BYTES
        if len(content) > most:
            raise LlmError("too_long", f"the request has {len(content)} bytes, {most} are sent at most")
        return content


class _AgainError(Exception):
    """The attempt cost nothing: once more after `wait_s`, else `failure`."""

    def __init__(self, failure: LlmError, wait_s: float) -> None:
        super().__init__(str(failure))
        self.failure, self.wait_s = failure, wait_s


def _failure(response: httpx.Response, body: bytes) -> Exception:
    status = response.status_code
    # The other side's words may repeat the request, so only its code is kept.
    code = ""
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        code = str(json.loads(body)["error"].get("code") or "")
    if not re.fullmatch(r"[a-z_]{1,60}", code):
        code = ""
    if status in _REFUSED_FOR_NOW:
        try:
            wait = float(response.headers.get("retry-after", "0.2"))
        except ValueError:
            wait = LONGEST_WAIT_S + 1
        return _AgainError(LlmError("overloaded", f"status {status}"), max(wait, 0.0))
    cause: Cause = "too_long" if status == 413 or code in {"context_length_exceeded", "too_long"} else "refused"
    return LlmError("deadline" if status in {408, 504} else cause, f"status {status} {code}".strip())


def _completion(body: bytes, model: str) -> Completion:
    """Read an answer as the protocol has it; whatever is missing or of another type is nonsense."""
    try:
        data = json.loads(body)
        choice = data["choices"][0]
        text = choice["message"]["content"]
        if not isinstance(text, str):
            raise TypeError("content")
        usage = data.get("usage") or {}
        return Completion(
            text,
            _tokens(choice.get("logprobs")),
            "length" if choice.get("finish_reason") == "length" else "stop",
            int(usage.get("prompt_tokens") or 0),
            int(usage.get("completion_tokens") or 0),
            str(data.get("model") or model),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise LlmError("nonsense", f"not an answer of the protocol ({type(error).__name__})") from None


def _tokens(logprobs: Any) -> tuple[Token, ...]:
    if not logprobs or not logprobs.get("content"):
        return ()
    return tuple(
        Token(
            str(one["token"]),
            float(one["logprob"]),
            tuple((str(t["token"]), float(t["logprob"])) for t in one.get("top_logprobs") or ()),
            len(one["bytes"]) if isinstance(one.get("bytes"), list) else len(str(one["token"]).encode()),
        )
        for one in logprobs["content"]
    )
