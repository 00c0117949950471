"""The demo back end's file: documents by kind and id, and the results of writes by idempotency key.

SQLite with a full flush at each commit: a write that was answered survives a crash, one that was not leaves no trace.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
) STRICT;
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
"""
_BUSY_TIMEOUT_S = 5.0


class Store:
    """Documents in one SQLite file. One process uses it; each call runs on the thread of the event loop."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside happen together or, when it raises, not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @property
    def empty(self) -> bool:
        """Whether nothing was ever stored."""
        return self._db.execute("SELECT 1 FROM documents LIMIT 1").fetchone() is None

    def get(self, kind: str, id_: str) -> Document | None:
        """Answer one document, or ``None``."""
        row = self._db.execute("SELECT body FROM documents WHERE kind = ? AND id = ?", (kind, id_)).fetchone()
        return None if row is None else json.loads(row[0])

    def all(self, kind: str, **equal: str) -> list[Document]:
        """Answer every document of a kind whose named fields equal the values, in the order they were first put."""
        rows = self._db.execute("SELECT body FROM documents WHERE kind = ? ORDER BY position", (kind,))
        documents = [json.loads(body) for (body,) in rows]
        return [found for found in documents if all(found.get(name) == value for name, value in equal.items())]

    def put(self, kind: str, document: Document) -> None:
        """Add a document or replace the one with its id, which keeps its place in the order."""
        self._db.execute(
            "INSERT INTO documents (kind, id, position, body)"
            " VALUES (?, ?, (SELECT coalesce(max(position), 0) + 1 FROM documents), ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, document["id"], json.dumps(document, ensure_ascii=False)),
        )

    def result(self, key: str) -> tuple[str, int, Document] | None:
        """Answer what was asked with an idempotency key, and how it was answered: (request, status, body)."""
        row = self._db.execute("SELECT request, status, body FROM results WHERE key = ?", (key,)).fetchone()
        return None if row is None else (row[0], row[1], json.loads(row[2]))

    def remember(self, key: str, request: str, status: int, body: Document) -> None:
        """Keep the answer of a write for whoever asks again with the same key."""
        self._db.execute(
            "INSERT INTO results (key, request, status, body) VALUES (?, ?, ?, ?)",
            (key, request, status, json.dumps(body, ensure_ascii=False)),
        )
