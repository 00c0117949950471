"""The new intents of the moment: kept in the database, so that every gateway and the command line share them."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import delete, select

from server.company import Company
from server.gateway.repeated import Repeated
from server.new_intents import NewIntent, check, for_models
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.database import create_engine, migrate
from server.storage.store import Store
from server.storage.tables import new_intents

Json = dict[str, Any]
T = TypeVar("T")
EVERY_S = 2.0
MOST = 100


class TooManyError(ValueError):
    """No more new intents are taken; train first."""


class NewIntents:
    """Reads and writes definitions, and follows what other processes write."""

    def __init__(self, store: Store, company: Company, audit: Audit) -> None:
        self._store = store
        self._audit = audit
        self._trained = frozenset(company.intents)
        self._known: tuple[NewIntent, ...] = ()
        self._request = for_models(())
        self._following = Repeated("new intents", EVERY_S, self.refresh)

    async def start(self) -> None:
        """Reads the definitions, and again every few seconds."""
        await self.refresh()
        self._following.start()

    async def close(self) -> None:
        """Stops following."""
        await self._following.close()

    @property
    def request(self) -> Json:
        """What the model service has to know: the body of its ``PUT /intents``."""
        return self._request

    def definition(self, name: str | None) -> Json | None:
        """What a new intent stands for, as JSON; nothing where there is no such intent any more."""
        found = next((one for one in self._known if one.definition.name == name), None)
        return None if found is None else found.definition.model_dump(mode="json")

    def all(self) -> list[Json]:
        """Every definition with its examples, by name."""
        return [one.to_json() for one in self._known]

    def check(self, name: str, body: Any) -> NewIntent:
        """A definition from plain data, for `put`. Raises `ConfigurationError` with what to mend."""
        return check(name, body, trained=self._trained)

    async def put(self, made: NewIntent, author: str) -> None:
        """Adds or replaces a definition; it is understood from the next message on.

        Raises `TooManyError` where there are `MOST` already.
        """
        name = made.definition.name
        async with self._store.write() as tx:
            await tx.execute(delete(new_intents).where(new_intents.c.name == name))
            if len((await tx.execute(select(new_intents.c.name))).all()) >= MOST:
                raise TooManyError(f"{MOST} new intents are defined; train before adding more")
            await tx.execute(
                new_intents.insert().values(name=name, definition=made.to_json(), author=author, updated=tx.now)
            )
            await self._audit.note_in(tx, author, "intent.defined", f"intent:{name}", examples=len(made.examples))
        await self.refresh()

    async def remove(self, name: str, author: str) -> bool:
        """Takes a definition away; whether there was one."""
        async with self._store.write() as tx:
            gone = await tx.execute(delete(new_intents).where(new_intents.c.name == name).returning(new_intents.c.name))
            found = gone.first() is not None
            if found:
                await self._audit.note_in(tx, author, "intent.removed", f"intent:{name}")
        await self.refresh()
        return found

    async def refresh(self) -> None:
        """Reads what is defined now. An intent that has been trained meanwhile is no longer new."""
        rows = await self._store.all(select(new_intents.c.name, new_intents.c.definition).order_by(new_intents.c.name))
        known = tuple(NewIntent.from_json(row.definition) for row in rows if row.name not in self._trained)
        if known != self._known:
            self._known, self._request = known, for_models(known)


def with_new_intents(settings: Settings, company: Company, work: Callable[[NewIntents], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the company's database, from the command line."""

    async def run() -> T:
        engine = create_engine(settings.database_url)
        await migrate(engine)
        store = Store(engine, lambda: datetime.now(UTC))
        try:
            return await work(NewIntents(store, company, Audit(store, settings.secret_key())))
        finally:
            await store.close()

    return asyncio.run(run())
