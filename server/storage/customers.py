"""One customer's data: found, exported, erased, and what is too old removed."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, String, Table, cast, delete, func, or_, select

from server.storage.store import Store
from server.storage.tables import conversations, messages, metadata, turns, uploads

Json = dict[str, Any]
_LEAST_CHARACTERS = 5
_CHUNK = 1 << 20


class TooVagueError(ValueError):
    """A name so short that it would be found in other people's conversations."""


class CustomerData:
    """What the database and the uploads folder hold about customers, and the logs' mentions of it."""

    def __init__(self, store: Store, uploads_folder: Path, logs_folder: Path) -> None:
        self._store = store
        self._uploads = uploads_folder
        self._logs = logs_folder

    async def conversations_of(self, name: str) -> list[str]:
        """The conversations that are about a customer: by a conversation's id, the customer's id or a phone number.

        A number is found however it was typed, with spaces or dashes between its digits.

        Raises:
            TooVagueError: The name has fewer than five characters.
        """
        if len(name) < _LEAST_CHARACTERS:
            raise TooVagueError(f"'{name}' is too short to tell one customer from another: use an id or a whole number")
        bare = re.sub(r"[\s-]", "", name)
        wanted = {name, bare}
        ids: set[str] = set()
        own = [conversations.c.id.in_(wanted), conversations.c.customer.in_(wanted)]
        if "account" in conversations.c:
            own.append(conversations.c.account.in_(wanted))
        slots = cast(conversations.c.slots, String)
        about = [*own, *(_mentions(slots, f'"{one}"') for one in wanted), *(_mentions(slots, one) for one in wanted)]
        ids.update(row.id for row in await self._store.all(select(conversations.c.id).where(or_(*about))))
        text = func.replace(func.replace(messages.c.text, " ", ""), "-", "")
        said = [_mentions(text, bare), _mentions(messages.c.text, name)]
        query = select(messages.c.conversation).where(or_(*said), messages.c.role != "system").distinct()
        ids.update(row.conversation for row in await self._store.all(query))
        known = cast(turns.c.record, String)
        found = select(turns.c.conversation).where(or_(*(_mentions(known, one) for one in wanted))).distinct()
        ids.update(row.conversation for row in await self._store.all(found))
        return sorted(ids)

    async def older_than(self, moment: str, *, closed_only: bool = False) -> list[str]:
        """Conversations in which nothing has happened since ``moment``."""
        query = select(conversations.c.id).where(conversations.c.updated < moment)
        if closed_only:
            query = query.where(conversations.c.mode == "closed")
        return [row.id for row in await self._store.all(query)]

    async def export(self, ids: Sequence[str]) -> Json:
        """Everything that is stored about these conversations, by table; pictures by their file names."""
        exported: Json = {}
        for table in _tables_of_a_conversation():
            column = _conversation_column(table)
            rows = await self._store.all(select(*table.c).where(column.in_(ids)))
            if rows and table.name != "message_terms":  # the index holds the messages' words once more
                exported[str(table.name)] = [dict(row._mapping) for row in rows]
        return exported

    async def erase(self, ids: Sequence[str], names: Sequence[str] = ()) -> dict[str, int]:
        """Removes the conversations and all that belongs to them; returns how many rows and files went.

        ``names`` are blotted out of the log files too, as are the conversations' ids. What an erased row leaves in
        SQLite's pages is overwritten (``secure_delete``), and the write-ahead log is emptied.
        """
        if not ids and not names:
            return {}
        gone: dict[str, int] = {}
        files = [row.id for row in await self._store.all(select(uploads.c.id).where(uploads.c.conversation.in_(ids)))]
        async with self._store.write() as tx:
            for table in reversed(_tables_of_a_conversation()):
                count = (await tx.execute(delete(table).where(_conversation_column(table).in_(ids)))).rowcount
                if count > 0:
                    gone[str(table.name)] = count
        await self._store.compact()
        for name in files:
            (self._uploads / name).unlink(missing_ok=True)
            gone["files"] = gone.get("files", 0) + 1
        blotted = blot_out(self._logs, [*ids, *names])
        if blotted:
            gone["log mentions"] = blotted
        return gone


def blot_out(folder: Path, words: Sequence[str]) -> int:
    """Overwrites the words with asterisks in every file of the folder, in place; returns how often.

    In place, because the processes that write these files keep them open.
    """
    needles = [word.encode() for word in words if len(word) >= _LEAST_CHARACTERS]
    count = 0
    if not needles or not folder.is_dir():
        return 0
    overlap = max(map(len, needles)) - 1
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("r+b") as file:
            at, tail = 0, b""
            while chunk := file.read(_CHUNK):
                window, begin = tail + chunk, at - len(tail)
                at += len(chunk)
                for needle in needles:
                    found = window.find(needle)
                    while found >= 0:
                        file.seek(begin + found)
                        file.write(b"*" * len(needle))
                        count += 1
                        found = window.find(needle, found + len(needle))
                file.seek(at)
                tail = window[-overlap:] if overlap else b""
    return count


def _tables_of_a_conversation() -> list[Table]:
    """The tables with a conversation's data, referred ones first: whoever adds one has it erased without more ado."""
    return [table for table in metadata.sorted_tables if table.name == "conversations" or "conversation" in table.c]


def _conversation_column(table: Table) -> ColumnElement[str]:
    return table.c.id if table.name == "conversations" else table.c.conversation


def _mentions(column: Any, word: str) -> ColumnElement[bool]:
    return func.coalesce(column, "").contains(word, autoescape=True)
