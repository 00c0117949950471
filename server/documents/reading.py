"""Reading a document in a process of its own: bounded in memory, processor time, wall time and number."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import PurePath
from typing import Any, Final

import orjson

from server.documents.errors import DocumentError
from server.documents.split import Piece

DEADLINE_S: Final = 30.0
AT_ONCE: Final = 2
MOST_ANSWER: Final = 32 * 1024 * 1024
MOST_BYTES: Final = 10 * 1024 * 1024
"""Bytes of a document, as `server.gateway.bodies` lets through."""
KINDS: Final = {
    ".md": "md", ".markdown": "md", ".txt": "md", ".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf",
    ".docx": "docx", ".csv": "csv", ".tsv": "csv",
}  # fmt: skip


class DocumentReader:
    """Reads documents, `AT_ONCE` at a time; others wait their turn within their deadline."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._places = asyncio.Semaphore(AT_ONCE)

    async def read(self, name: str, data: bytes) -> list[Piece]:
        """The pieces of a document with this file name.

        Raises:
            DocumentError: It cannot be used; says why.
        """
        path = PurePath(name)
        kind = KINDS.get(path.suffix.lower())
        if kind is None:
            raise DocumentError("kind", name=path.suffix[:20] or name[:40])
        if len(data) > MOST_BYTES:
            raise DocumentError("size", most=MOST_BYTES // 1024 // 1024)
        try:
            async with asyncio.timeout(self._deadline_s):
                async with self._places:
                    answer = await self._ask(kind, _title(path.stem), data)
        except TimeoutError:
            raise DocumentError("slow", seconds=int(self._deadline_s)) from None
        if "error" in answer:
            raise DocumentError(answer["error"], **answer["params"])
        return [Piece(**one) for one in answer["pieces"]]

    async def _ask(self, kind: str, name: str, data: bytes) -> dict[str, Any]:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "server.documents.child", kind, name,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # No secret of ours is in the environment of what reads strangers' files.
            env={key: os.environ[key] for key in ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV") if key in os.environ},
        )  # fmt: skip
        try:
            out, _ = await child.communicate(data)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode != 0 or len(out) > MOST_ANSWER:
            raise DocumentError("too_much")
        answer: dict[str, Any] = orjson.loads(out)
        return answer


def _title(stem: str) -> str:
    words = " ".join(stem.replace("_", " ").replace("-", " ").split())[:200]
    return words or "Document"
