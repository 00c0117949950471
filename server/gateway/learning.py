"""The learning loop put together: the review list, groups of similar messages, labels."""

from dataclasses import dataclass
from typing import Self

from server.company import Company
from server.gateway.learning_clusters import Clusters
from server.gateway.learning_items import ReviewItems
from server.gateway.learning_labels import Labels
from server.gateway.new_intents import NewIntents
from server.gateway.upstream import Upstream
from server.storage.audit import Audit
from server.storage.store import Store


@dataclass(frozen=True, slots=True)
class Learning:
    """The parts; `start` and `close` own their tasks."""

    items: ReviewItems
    clusters: Clusters
    labels: Labels

    @classmethod
    def over(cls, store: Store, company: Company, new_intents: NewIntents, audit: Audit, upstream: Upstream) -> Self:
        """The parts over one store."""
        return cls(
            items=ReviewItems(store),
            clusters=Clusters(store, upstream),
            labels=Labels(store, company, new_intents, audit),
        )

    async def start(self) -> None:
        """Begins to group messages."""
        self.clusters.start()

    async def close(self) -> None:
        """Ends the tasks."""
        await self.clusters.close()
