"""What keeps people's data and the product safe, put together: content lists, audit log, customers' data, factors."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from server.company import Company
from server.gateway.content import Content
from server.gateway.retention import Retention
from server.gateway.staff_sessions import SecondFactors
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.customers import CustomerData
from server.storage.store import Store


@dataclass(frozen=True, slots=True)
class Safety:
    """The parts; `start` and `close` own their tasks."""

    content: Content
    audit: Audit
    data: CustomerData
    factors: SecondFactors
    retention: Retention

    @classmethod
    def over(cls, store: Store, company: Company, settings: Settings, clock: Callable[[], datetime]) -> Self:
        """The parts over one store."""

        def days() -> int:
            said = company.service.retention_days
            return settings.retention_days if said is None else said

        audit = Audit(store, settings.secret_key())
        data = CustomerData(store, settings.uploads_dir, settings.logs_dir)
        return cls(
            content=Content(store, company, audit),
            audit=audit,
            data=data,
            factors=SecondFactors(store),
            retention=Retention(data, audit, days=days, clock=clock),
        )

    async def start(self) -> None:
        """Reads the content lists and begins to look for what is too old."""
        await self.content.start()
        self.retention.start()

    async def close(self) -> None:
        """Ends the tasks."""
        await self.retention.close()
        await self.content.close()
