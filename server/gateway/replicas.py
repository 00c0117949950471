"""The gateways over one database: which of them live, who is at whose desks, and which one assigns conversations.

Every gateway writes a beat into the table ``gateways`` once a second, by the database's clock, with the people at its
desks. Who has not written for `DEAD_AFTER_S` is dead to the others: its turns are taken over, its people are gone.
The living one that began first dispatches. Two that believe it for a moment do no harm: what they do, they do in
transactions that look again.
"""

import logging
import uuid
from collections.abc import Callable

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from server.gateway.metrics import GATEWAYS, LEADS
from server.gateway.presence import Presence
from server.gateway.repeated import Repeated
from server.storage.store import DEAD_AFTER_S, Store, epoch_now
from server.storage.tables import gateways

logger = logging.getLogger(__name__)

BEAT_S = 1.0
FORGOTTEN_AFTER_S = 3600.0
_NOW = epoch_now()


class Replicas:
    """This gateway among the others; with SQLite there are no others."""

    def __init__(self, store: Store, presence: Presence, changed: Callable[[], None]) -> None:
        """``changed`` is told when people came or went elsewhere, and when this gateway begins to dispatch."""
        self.id = uuid.uuid4().hex
        self.several = store.dialect != "sqlite"
        self.leads = not self.several
        self.announce: Callable[[], None] = lambda: None
        """Told after a beat that the others should read at once."""
        self._store = store
        self._presence = presence
        self._changed = changed
        self._others: frozenset[str] = frozenset()
        self._news = False
        self._beats = Repeated("gateway's beat", BEAT_S, self.beat)

    async def start(self) -> None:
        """Says that it is there."""
        if self.several:
            self._presence.changed = self._tell
            await self.beat()
            self._beats.start()
        else:
            LEADS.set(1)
            GATEWAYS.set(1)

    async def close(self) -> None:
        """Says that it goes, so that the others need not find out."""
        if not self.several:
            return
        await self._beats.close()
        try:
            async with self._store.write() as tx:
                await tx.execute(delete(gateways).where(gateways.c.id == self.id))
        except Exception:  # it goes in any case, and the others notice
            logger.exception("this gateway could not say that it goes")

    def look(self) -> None:
        """Another gateway has news of its people."""
        self._beats.soon()

    def _tell(self) -> None:
        self._news = True
        self._beats.soon()

    async def beat(self) -> None:
        """Writes what is here, reads what is elsewhere."""
        news, self._news = self._news, False
        desks = self._presence.here()
        mine = insert(gateways).values(id=self.id, began=_NOW, beat=_NOW, desks=desks)
        mine = mine.on_conflict_do_update(index_elements=["id"], set_={"beat": _NOW, "desks": desks})
        async with self._store.write() as tx:
            await tx.execute(mine)
            await tx.execute(delete(gateways).where(gateways.c.beat < _NOW - FORGOTTEN_AFTER_S))
            alive = gateways.c.beat > _NOW - DEAD_AFTER_S
            query = select(gateways.c.id, gateways.c.desks).where(alive).order_by(gateways.c.began, gateways.c.id)
            rows = (await tx.execute(query)).all()
        self._see({row.id: row.desks for row in rows})
        if news:
            self.announce()

    def _see(self, living: dict[str, dict[str, list[str]]]) -> None:
        others = frozenset(living) - {self.id}
        for gateway in sorted(others - self._others):
            logger.info("gateway %s is there", gateway[:8])
        for gateway in sorted(self._others - others):
            logger.warning("gateway %s is gone; what it was doing is taken over", gateway[:8])
        self._others = others
        GATEWAYS.set(len(living))
        leads = next(iter(living), self.id) == self.id
        moved = self._presence.elsewhere(desks for gateway, desks in living.items() if gateway != self.id)
        if leads and not self.leads:
            logger.info("this gateway assigns conversations from now on")
        begins, self.leads = leads and not self.leads, leads
        LEADS.set(leads)
        if moved or begins:
            self._changed()
