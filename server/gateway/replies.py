"""Canned replies: everybody's and one's own, with variables that are filled in for a conversation."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from server.storage.store import Store
from server.storage.tables import canned_replies

Json = dict[str, Any]
_VARIABLE = re.compile(r"\{(customer|agent|company|team|ticket)\}")
MAX_REPLIES = 500


class ShortcutTakenError(Exception):
    """Another reply of the same owner has the shortcut."""


class Replies:
    """The stored replies. An ``owner`` of ``""`` is everybody."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self, username: str, query: str) -> list[Json]:
        """Everybody's replies and the person's own, by shortcut, those whose words all occur somewhere in them."""
        rows = await self._store.all(
            select(*canned_replies.c)
            .where(or_(canned_replies.c.owner == "", canned_replies.c.owner == username))
            .order_by(canned_replies.c.shortcut)
            .limit(MAX_REPLIES)
        )
        words = query.lower().split()
        found = []
        for row in rows:
            haystack = " ".join((row.shortcut, row.title, *row.text.values())).lower()
            if all(word in haystack for word in words):
                found.append(_reply(row, username))
        # What was typed is a shortcut far more often than a word of the text.
        return sorted(found, key=lambda one: not one["shortcut"].lower().startswith(query.lower()))

    async def add(self, owner: str, username: str, *, shortcut: str, title: str, text: Mapping[Any, str]) -> Json:
        """Adds a reply.

        Raises:
            ShortcutTakenError: The owner has another reply of this shortcut.
        """
        try:
            async with self._store.write() as tx:
                statement = (
                    insert(canned_replies)
                    .values(owner=owner, shortcut=shortcut, title=title, text=dict(text), updated=tx.now)
                    .returning(*canned_replies.c)
                )
                return _reply((await tx.execute(statement)).one(), username)
        except IntegrityError as error:
            raise ShortcutTakenError(shortcut) from error

    async def change(
        self, reply: int, owner: str, username: str, *, shortcut: str, title: str, text: Mapping[Any, str]
    ) -> Json:
        """Changes a reply that exists.

        Raises:
            ShortcutTakenError: The owner has another reply of this shortcut.
        """
        try:
            async with self._store.write() as tx:
                statement = (
                    update(canned_replies)
                    .where(canned_replies.c.id == reply)
                    .values(owner=owner, shortcut=shortcut, title=title, text=dict(text), updated=tx.now)
                    .returning(*canned_replies.c)
                )
                return _reply((await tx.execute(statement)).one(), username)
        except IntegrityError as error:
            raise ShortcutTakenError(shortcut) from error

    async def remove(self, reply: int) -> None:
        """Removes a reply."""
        async with self._store.write() as tx:
            await tx.execute(delete(canned_replies).where(canned_replies.c.id == reply))

    async def owner(self, reply: int) -> str | None:
        """Whose reply it is; None where there is none."""
        row = await self._store.one(select(canned_replies.c.owner).where(canned_replies.c.id == reply))
        return None if row is None else str(row.owner)


def filled(text: Mapping[str, str], values: Mapping[str, str], language: str) -> Json:
    """The reply in a language, or the one it has, with its variables filled; what is not known stays as it is."""
    chosen = language if language in text else next(iter(text))
    put = _VARIABLE.sub(lambda match: values.get(match[1]) or match[0], text[chosen])
    return {"filled": put, "language": chosen}


def _reply(row: Any, username: str) -> Json:
    return {
        "id": row.id,
        "shortcut": row.shortcut,
        "title": row.title,
        "text": row.text,
        "owner": row.owner or None,
        "mine": row.owner == username,
    }
