"""The company as the console has changed it, for commands that run beside the gateways."""

import asyncio

from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.company import Company
from server.settings import Settings
from server.storage.database import create_engine
from server.storage.tables import company_settings

Json = dict[str, object]


def in_force(settings: Settings) -> Company:
    """The company's folder with the newest version of its settings on top. Not to be called where a loop runs."""
    company = Company.load(settings.company)
    document = asyncio.run(_newest(settings))
    if document is not None:
        company.take(document)
    return company


def with_company(settings: Settings) -> Settings:
    """The settings with the risk bound that the company's administrators set, for the next training."""
    return with_bound(settings, in_force(settings))


def with_bound(settings: Settings, company: Company) -> Settings:
    """The settings with the risk bound in force, at which trainings and comparisons judge."""
    return settings.model_copy(update={"risk_bound": risk_bound(settings, company)})


def risk_bound(settings: Settings, company: Company) -> float:
    """The share of wrong answers that may be given: the company's own, else the product's setting."""
    chosen = company.service.risk_bound
    return settings.risk_bound if chosen is None else chosen


async def _newest(settings: Settings) -> Json | None:
    engine = create_engine(settings.database_url)
    try:
        async with engine.connect() as connection:
            return await _read(connection)
    finally:
        await engine.dispose()


async def _read(connection: AsyncConnection) -> Json | None:
    # Before the first start there is no table yet.
    there = await connection.run_sync(lambda sync: inspect(sync).has_table(company_settings.name))
    if not there:
        return None
    newest = select(company_settings.c.content).order_by(company_settings.c.version.desc()).limit(1)
    found: Json | None = (await connection.execute(newest)).scalar()
    return found
