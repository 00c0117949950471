"""The review list: bot messages that people marked wrong, and what the bot should have understood."""

from typing import Any

from sqlalchemy import select, update

from server.storage.store import Store
from server.storage.tables import reviews

Json = dict[str, Any]


class Reviews:
    """The stored list."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, state: str, *, limit: int, before: int | None) -> list[Json]:
        """Entries in a state, newest first."""
        query = select(*reviews.c).where(reviews.c.state == state).order_by(reviews.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(reviews.c.id < before)
        names = {person.username: person.name for person in await self._store.all_staff()}
        return [
            {**{key: value for key, value in row._mapping.items() if key != "agent"}, "by": row.agent,
             "by_name": names.get(row.agent, row.agent)}
            for row in await self._store.all(query)
        ]  # fmt: skip

    async def settle(self, review: int, state: str) -> bool:
        """Changes an entry's state; False where there is none."""
        async with self._store.write() as tx:
            return bool((await tx.execute(update(reviews).where(reviews.c.id == review).values(state=state))).rowcount)
