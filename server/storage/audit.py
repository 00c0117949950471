"""The audit log: who changed and saw what. It only grows, and a row that is changed behind its back breaks the chain.

No text of a customer is in it. A customer is named by a keyed hash, so that the log may stay when the customer's data
goes, and still answers "who looked at this customer?" for somebody who knows whom they ask about.
"""

import getpass
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import String, cast, insert, or_, select

from server.storage.store import Store, Tx
from server.storage.tables import audit

Json = dict[str, Any]
BEGINNING = "0" * 64
_NAME_CHARACTERS = 24
LOOKS_APART = timedelta(hours=1)
"""Who looks at a conversation again within this time is not written down again."""
_LOOKS_KEPT = 10_000
_CHAIN = 0x6B656677
"""The advisory lock under which PostgreSQL's transactions append: each entry names the one before it."""


class Audit:
    """Writes and reads the log; ``key`` keeps customers' names out of it."""

    def __init__(self, store: Store, key: bytes) -> None:
        self._store = store
        self._key = hmac.new(key, b"audit", hashlib.sha256).digest()
        self._looks: OrderedDict[tuple[str, str], str] = OrderedDict()

    def customer(self, name: str) -> str:
        """How a customer is named in the log."""
        return f"customer:{self._named(name)}"

    def conversation(self, conversation: str) -> str:
        """How a conversation is named in the log."""
        return f"conversation:{self._named(conversation)}"

    def _named(self, name: str) -> str:
        digest = hmac.new(self._key, name.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
        return digest[:_NAME_CHARACTERS]

    async def opened(self, person: str, conversation: str, customer: str | None) -> None:
        """Notes that a person looked at a conversation, and at whose, once for every hour of looking."""
        now, look = self._store.now(), (person, conversation)
        before = self._looks.get(look)
        if before is not None and datetime.fromisoformat(now) - datetime.fromisoformat(before) < LOOKS_APART:
            return
        self._looks[look] = now
        self._looks.move_to_end(look)
        if len(self._looks) > _LOOKS_KEPT:
            self._looks.popitem(last=False)
        whose = {"customer": self.customer(customer)} if customer else {}
        await self.note(person, "conversation.opened", self.conversation(conversation), **whose)

    async def note(self, actor: str, action: str, target: str = "", **detail: Any) -> None:
        """Appends an entry in a transaction of its own."""
        async with self._store.write() as tx:
            await self.note_in(tx, actor, action, target, **detail)

    async def note_in(self, tx: Tx, actor: str, action: str, target: str = "", **detail: Any) -> None:
        """Appends an entry to the transaction that does what it tells of."""
        await tx.alone(_CHAIN)
        before = (await tx.execute(select(audit.c.hash).order_by(audit.c.id.desc()).limit(1))).scalar() or BEGINNING
        row = {"at": tx.now, "actor": actor[:64], "action": action, "target": target[:120], "detail": detail}
        await tx.execute(insert(audit).values(**row, hash=_hash(before, row)))

    async def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        actor: str | None = None,
        target: str | None = None,
        words: str | None = None,
    ) -> list[Json]:
        """Entries, newest first. `actor` and `target` are whole names, `words` a part of either or of the action."""
        query = select(*audit.c).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        if actor is not None:
            query = query.where(audit.c.actor == actor)
        if target is not None:
            query = query.where(audit.c.target == target)
        if words:
            named = (audit.c.actor, audit.c.target, audit.c.action)
            query = query.where(or_(*(column.icontains(words, autoescape=True) for column in named)))
        return [dict(row._mapping) for row in await self._store.all(query)]

    async def about(self, customer: str, conversations: Sequence[str], *, limit: int) -> list[Json]:
        """Entries about one customer and their conversations, newest first."""
        named = self.customer(customer)
        targets = [named, *map(self.conversation, conversations)]
        # What is left of erased conversations: entries that name the customer beside them.
        mentions = cast(audit.c.detail, String).contains(named)
        query = select(*audit.c).where(or_(audit.c.target.in_(targets), mentions))
        rows = await self._store.all(query.order_by(audit.c.id.desc()).limit(limit))
        return [dict(row._mapping) for row in rows]

    async def first_broken(self) -> int | None:
        """The id of the first entry that does not fit the one before it; None where the chain is whole."""
        before = BEGINNING
        for row in await self._store.all(select(*audit.c).order_by(audit.c.id)):
            fields = {name: row._mapping[name] for name in ("at", "actor", "action", "target", "detail")}
            if row.hash != _hash(before, fields):
                return int(row.id)
            before = row.hash
        return None


def command_line_actor() -> str:
    """How whoever works at the command line is named in the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container without an entry for its user
        return "cli"


def _hash(before: str, row: Json) -> str:
    return hashlib.sha256(before.encode() + orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()
