"""Logs without personal data: every process that people's words pass through writes them through this formatter."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from server.privacy import mask

if TYPE_CHECKING:
    import httpx

HEADER = "x-kefu-about"
_CARRIED = re.compile(r"([A-Za-z0-9_-]{1,64}) (\d{1,9})")
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_CHARACTERS = 20_000
_about: ContextVar[dict[str, str | int] | None] = ContextVar("about", default=None)


@contextmanager
def about(**ids: str | int) -> Iterator[None]:
    """What is logged within is about this conversation, this turn …; the JSON format says so."""
    token = _about.set({**(_about.get() or {}), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def carried() -> dict[str, str]:
    """The header that lets another process say the same conversation and turn; empty outside of a turn."""
    here = _about.get() or {}
    return {HEADER: f"{here['conversation']} {here['turn']}"} if {"conversation", "turn"} <= here.keys() else {}


async def carry(request: httpx.Request) -> None:
    """An event hook of an HTTP client: every request says which conversation and turn it is for."""
    request.headers.update(carried())


@contextmanager
def about_request(headers: Mapping[str, str]) -> Iterator[None]:
    """What is logged within is about the conversation and turn that a request is for, if it says so."""
    found = _CARRIED.fullmatch(headers.get(HEADER, ""))
    if found is None:
        yield
        return
    with about(conversation=found[1], turn=int(found[2])):
        yield


class MaskingFormatter(logging.Formatter):
    """Masks what is personal in a record, tracebacks too, and lets no text begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's lines; continued ones are indented, so that no message can forge another record."""
        written = super().format(record)[:MAX_CHARACTERS]
        lines = [masked_line(line) for line in written.splitlines()]
        return "\n    ".join(lines)


class JsonFormatter(MaskingFormatter):
    """A record as one line of JSON: ``at``, ``level``, ``logger``, ``message``, and what it is `about`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        written = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **(_about.get() or {}),
            # Masked like the text, tracebacks and all; their lines stay apart.
            "message": super().format(record),
        }
        return json.dumps(written, ensure_ascii=False)


def configure_logging(level: int = logging.INFO, quiet: tuple[str, ...] = (), form: str = "text") -> None:
    """Sends the root logger's records to standard error, masked; ``quiet`` ones from warnings on.

    ``form`` is ``text`` or ``json``.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter(form))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)


def mask_handlers(*names: str, form: str = "text") -> None:
    """Masks what the handlers write that a library gave its own loggers."""
    for name in names:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(_formatter(form))


def _formatter(form: str) -> logging.Formatter:
    return JsonFormatter("%(message)s") if form == "json" else MaskingFormatter(FORMAT)


def masked_line(line: str) -> str:
    """One line without personal data and control characters."""
    return _visible(mask(line))


def _visible(line: str) -> str:
    return "".join(one if one.isprintable() or one == "\t" else repr(one)[1:-1] for one in line)
