"""``kefu articles``: the published help articles as files, and files as published articles."""

# ruff: noqa: PLC0415 - the database libraries are loaded by the commands that need them

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli_common import CommandFailedError, CompanyOption, Json, as_json, load

if TYPE_CHECKING:
    from server.gateway.library_store import LibraryStore, Version

app = typer.Typer(help="Write out and publish help articles.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write LANGUAGE/ID.md.")],
    *,
    company: CompanyOption = None,
    json: Json = False,
) -> None:
    """Write the articles in service as the files of a company's folder ``articles``."""
    from server.gateway.library_service import with_library, write_files

    settings, loaded = load(company=company)

    async def work(articles: LibraryStore) -> tuple[int, int]:
        version = (await articles.newest()).version
        return version, await asyncio.to_thread(write_files, await articles.library(version), folder)

    try:
        version, count = asyncio.run(with_library(settings, loaded, work))
    except OSError as error:
        raise CommandFailedError(f"{folder}: cannot be written: {error.strerror}") from error
    if json:
        as_json({"version": version, "files": count})
        return
    typer.echo(f"{folder}: {count} files of version {version}")


@app.command()
def publish(
    *,
    message: Annotated[str, typer.Option("--message", "-m", help="What changes, for the history.")],
    company: CompanyOption = None,
    json: Json = False,
) -> None:
    """Make the files of the company's folder the articles in service; a running Kefu follows within a second."""
    from server.gateway.graph_refusals import Refusal
    from server.gateway.library_service import with_library
    from server.library import of_company

    settings, loaded = load(company=company)

    async def work(articles: LibraryStore) -> Version:
        return await articles.replace_all(of_company(loaded.articles), message, "command line")

    try:
        made: Version = asyncio.run(with_library(settings, loaded, work))
    except Refusal as refusal:
        raise CommandFailedError(refusal.text["en"]) from None
    if json:
        as_json({"version": made.version, "digest": made.digest, "changed": len(made.changes)})
        return
    typer.echo(f"version {made.version} is in service: {len(made.changes)} articles differ")
