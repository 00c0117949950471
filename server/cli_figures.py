"""``kefu figures``: the sums behind the console's figures."""

# ruff: noqa: PLC0415 - the database libraries are loaded by the commands that need them

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import typer

from server.cli_common import CompanyOption, Json, as_json, load

app = typer.Typer(help="The figures behind the console.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def figures() -> None:
    """The figures behind the console."""


@app.command()
def rebuild(company: CompanyOption = None, json: Json = False) -> None:
    """Count every stored conversation anew; running gateways may go on meanwhile."""
    from server.gateway.figures_keeper import FiguresKeeper
    from server.storage.database import create_engine, migrate
    from server.storage.store import Store

    settings, loaded = load(company=company)

    async def run() -> int:
        engine = create_engine(settings.database_url)
        await migrate(engine)
        store = Store(engine, lambda: datetime.now(UTC))
        try:
            keeper = FiguresKeeper(store, loaded, lambda: datetime.now(UTC), releases=settings.releases_dir)
            return await keeper.rebuild()
        finally:
            await store.close()

    began = time.perf_counter()
    counted = asyncio.run(run())
    seconds = round(time.perf_counter() - began, 1)
    if json:
        as_json({"counted": counted, "seconds": seconds})
        return
    typer.echo(f"counted {counted} times in {seconds} s; the figures are up to date")
