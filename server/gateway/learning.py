"""The learning loop put together: the review list, groups, labels, trainings, and what is in service."""

import logging
from dataclasses import dataclass
from typing import Self

from server.company import Company
from server.gateway.graph_live import LiveGraph
from server.gateway.learning_clusters import Clusters
from server.gateway.learning_items import ReviewItems
from server.gateway.learning_labels import Labels
from server.gateway.learning_releases import BY_RULE, Releases
from server.gateway.learning_trainings import TrainingError, Trainings
from server.gateway.library_live import LiveLibrary
from server.gateway.new_intents import NewIntents
from server.gateway.upstream import Upstream
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Learning:
    """The parts; `start` and `close` own their tasks."""

    items: ReviewItems
    clusters: Clusters
    labels: Labels
    trainings: Trainings
    releases: Releases

    @classmethod
    def over(
        cls,
        store: Store,
        settings: Settings,
        company: Company,
        *,
        new_intents: NewIntents,
        graph: LiveGraph,
        library: LiveLibrary,
        audit: Audit,
        upstream: Upstream,
    ) -> Self:
        """The parts over one store."""
        labels = Labels(store, company, new_intents, audit)
        releases = Releases(store, settings, company, audit, upstream)
        trainings = Trainings(
            store,
            settings,
            company,
            labels=labels,
            new_intents=new_intents,
            audit=audit,
            library=lambda: library.now.library,
            in_service=releases.in_service,
        )

        async def prepare() -> None:
            await upstream.teach_new_intents(new_intents.request)
            await graph.teach()
            await library.teach()

        async def by_rule(training: int) -> None:
            found = await trainings.one(training)
            if settings.promotion == "rule" and found is not None and found["verdict"]["accepted"]:
                try:
                    await releases.promote(training, BY_RULE)
                except TrainingError as error:
                    logger.warning("training %d is not promoted by the rule: %s", training, error)

        releases.prepare = prepare
        trainings.finished = by_rule
        return cls(ReviewItems(store), Clusters(store, upstream), labels, trainings, releases)

    async def start(self) -> None:
        """Finds out what is in service, and begins to group messages."""
        await self.releases.start()
        await self.trainings.start()
        self.clusters.start()

    async def close(self) -> None:
        """Ends the tasks."""
        await self.clusters.close()
        await self.trainings.close()
        await self.releases.close()
