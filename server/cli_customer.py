"""``kefu customer``: one customer's data, exported or erased on request."""

# ruff: noqa: PLC0415 - the database libraries are loaded by the commands that need them

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from server.cli_common import CommandFailedError, Json, as_json
from server.settings import ConfigurationError, load_settings

if TYPE_CHECKING:
    from server.storage.audit import Audit
    from server.storage.customers import CustomerData

T = TypeVar("T")
Name = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="A phone number, the customer's id, or a conversation's id.")
]

app = typer.Typer(help="Export or erase one customer's data.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def export(name: Name) -> None:
    """Print everything that is stored about one customer, as JSON."""

    from server.storage.audit import command_line_actor

    async def work(data: CustomerData, audit: Audit) -> dict[str, Any]:
        ids = await data.conversations_of(name)
        await audit.note(command_line_actor(), "customer.exported", audit.customer(name), conversations=len(ids))
        return {"conversations": ids, "data": await data.export(ids)}

    as_json(_run(work))


@app.command()
def erase(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking.")] = False,
    json: Json = False,
) -> None:
    """Erase everything that is stored about one customer: conversations, pictures, search index, mentions in logs.

    The company's own account back end is not touched.
    """

    async def look(data: CustomerData, _audit: Audit) -> list[str]:
        return await data.conversations_of(name)

    ids = _run(look)
    if not yes:
        typer.confirm(f"Erase {len(ids)} conversation(s) for good?", abort=True, err=True)

    from server.storage.audit import command_line_actor

    async def work(data: CustomerData, audit: Audit) -> dict[str, int]:
        found = await data.conversations_of(name)
        gone = await data.erase(found, [name])
        await audit.note(command_line_actor(), "customer.erased", audit.customer(name), conversations=len(found))
        return gone

    gone = _run(work)
    if json:
        as_json({"conversations": ids, "erased": gone})
        return
    typer.echo(f"erased {len(ids)} conversation(s)")
    for what, count in gone.items():
        typer.echo(f"  {what:<16} {count}")


def _run(work: Callable[[CustomerData, Audit], Coroutine[Any, Any, T]]) -> T:
    from sqlalchemy.exc import SQLAlchemyError

    from server.storage.audit import Audit
    from server.storage.customers import CustomerData, TooVagueError
    from server.storage.database import create_engine, migrate
    from server.storage.store import Store

    settings = load_settings()

    async def run() -> T:
        engine = create_engine(settings.database_url)
        store = Store(engine, lambda: dt.datetime.now(dt.UTC))
        try:
            await migrate(engine)
            data = CustomerData(store, settings.uploads_dir, settings.logs_dir)
            return await work(data, Audit(store, settings.secret_key()))
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except TooVagueError as error:
        raise ConfigurationError(str(error)) from error
    except SQLAlchemyError as error:
        raise CommandFailedError(f"the database cannot be used: {error.__cause__ or error}") from error
