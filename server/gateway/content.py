"""The content lists in force, and what a turn does with a customer's message that needs more than an answer."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select

from server.company import Company
from server.content import ContentFilter, Lists, Verdict, builtin, load, parse
from server.gateway.repeated import Repeated
from server.storage.audit import Audit
from server.storage.store import Store
from server.storage.tables import content_lists

Json = dict[str, Any]
FILE = "content.toml"
REASONS = {"self_harm": "safety", "threat": "safety"}
"""Classes that bring a person at once, with the reason of the hand-over."""
_REREAD_S = 5.0


@dataclass(frozen=True, slots=True)
class Response:
    """A fixed reply: the key of its text, and the reason of a hand-over where a person is due."""

    key: str
    reason: str | None
    verdict: Verdict


class Content:
    """The newest lists: the admins' own, else the company's ``content.toml``, else the built-in ones."""

    def __init__(self, store: Store, company: Company, audit: Audit) -> None:
        self._store = store
        self._audit = audit
        own = company.folder / FILE
        self._filter = ContentFilter(load(own) if own.is_file() else builtin())
        self._version = 0
        self._following = Repeated("content lists", _REREAD_S, self._read)

    @property
    def lists(self) -> Lists:
        """The lists in force."""
        return self._filter.lists

    async def start(self) -> None:
        """Reads the admins' lists, and again when another gateway has saved newer ones."""
        await self._read()
        self._following.start()

    async def close(self) -> None:
        """Stops following."""
        await self._following.close()

    async def save(self, given: Json, by: str) -> Lists:
        """Puts new lists in force.

        Raises:
            ListsError: They cannot be used.
        """
        lists = parse(given)
        before = self.lists.to_json()
        after = lists.to_json()
        changed = sorted(name for name in after if after[name] != before[name])
        async with self._store.write() as tx:
            await tx.execute(insert(content_lists).values(lists=after, by=by, at=tx.now))
            await self._audit.note_in(tx, by, "content.saved", "content lists", changed=changed)
        await self._read()
        return lists

    def respond(self, text: str) -> Response | None:
        """The fixed reply that a customer's message calls for; None where the bot answers as usual.

        An insult beside a request does not keep the request from being answered.
        """
        verdict = self._filter.of_customer(text)
        if verdict is None or (verdict.kind == "abuse" and not verdict.alone):
            return None
        return Response(f"content.{verdict.kind}", REASONS.get(verdict.kind), verdict)

    def forbids(self, text: str) -> Verdict | None:
        """Why the bot must not say this."""
        return self._filter.of_reply(text)

    async def _read(self) -> None:
        newest = await self._store.one(select(func.max(content_lists.c.id)))
        if newest is None or newest[0] is None or newest[0] == self._version:
            return
        row = await self._store.one(select(content_lists.c.lists).where(content_lists.c.id == newest[0]))
        if row is not None:
            self._filter = ContentFilter(parse(row.lists))
            self._version = newest[0]
