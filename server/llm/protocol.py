"""What is asked of a language model and what it answers, whoever runs it; and how it can fail."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from server.llm import schema as json_schema

MAX_TOP: Final = 20  # alternatives of a token that the OpenAI protocol allows to ask for
Role = Literal["system", "user", "assistant"]
Cause = Literal["deadline", "unreachable", "refused", "overloaded", "nonsense", "breaker_open", "too_long"]


class LlmError(Exception):
    """A language model did not give a usable answer; `cause` is for metrics and decision records."""

    def __init__(self, cause: Cause, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause: Cause = cause


@dataclass(frozen=True)
class Message:
    """One message of a chat."""

    role: Role
    content: str
    picture: str = ""
    """A picture beside the words, as a `data:` address; only models that see can use it."""


@dataclass(frozen=True)
class Request:
    """One completion to make. `schema`: the answer must be JSON that follows it."""

    messages: Sequence[Message]
    max_tokens: int = 256
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    top_logprobs: int | None = None
    """None: no log-probabilities; else how many alternatives of each token, 0 to 20."""
    seed: int | None = None


@dataclass(frozen=True)
class Token:
    """A token of an answer, its log-probability, and the likeliest tokens in its place (itself among them)."""

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    size: int = 0
    """Bytes of the answer that the token stands for; a character may be shared by several tokens."""


@dataclass(frozen=True)
class Completion:
    """An answer. `tokens` is empty where log-probabilities were not asked for or are not offered."""

    text: str
    tokens: tuple[Token, ...] = ()
    finish: Literal["stop", "length"] = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""

    def value(self, schema: Mapping[str, Any]) -> Any:
        """The answer as JSON, checked against a schema. Raises `LlmError("nonsense")` where it does not follow it."""
        try:
            value = json.loads(self.text)
        except ValueError as error:
            raise LlmError("nonsense", f"the answer is not JSON: {error}") from None
        found = json_schema.problems(value, schema)
        if found:
            raise LlmError("nonsense", found[0])
        return value


class Chat(Protocol):
    """A language model to ask: one that runs here or one behind an address."""

    @property
    def model(self) -> str:
        """Name of the model, for records."""
        ...

    async def complete(self, request: Request, deadline_s: float) -> Completion:
        """One completion. Raises `LlmError`."""
        ...

    async def close(self) -> None:
        """Free what is held."""
        ...


def loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
