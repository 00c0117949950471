"""``kefu intent``: what is understood between two trainings."""

# ruff: noqa: PLC0415 - the database libraries are loaded by the commands that need them

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from server.cli_common import CommandFailedError, CompanyOption, Json, as_json, load

app = typer.Typer(
    help="Define intents that are understood at once, before the next training.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Entries as in intents.yml, each with its examples.")],
    *,
    company: CompanyOption = None,
    json: Json = False,
) -> None:
    """Add or replace new intents; a running Kefu understands them within seconds."""
    from server.gateway.new_intents import NewIntents, TooManyError, with_new_intents
    from server.new_intents import read_file

    settings, loaded = load(company=company)
    made = read_file(file, trained=loaded.intents)

    async def work(intents: NewIntents) -> None:
        for one in made:
            await intents.put(one, "command line")

    try:
        with_new_intents(settings, loaded, work)
    except TooManyError as error:
        raise CommandFailedError(str(error)) from error
    _tell(json, [one.definition.name for one in made], "added")


@app.command("list")
def show(*, company: CompanyOption = None, json: Json = False) -> None:
    """Show the new intents."""
    from server.gateway.new_intents import NewIntents, with_new_intents

    async def work(intents: NewIntents) -> list[dict[str, Any]]:
        await intents.refresh()
        return intents.all()

    found = with_new_intents(*load(company=company), work)
    if json:
        as_json({"intents": found})
        return
    for one in found:
        typer.echo(f"{one['definition']['name']}  {one['definition']['do']}, {len(one['examples'])} examples")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME")], *, company: CompanyOption = None, json: Json = False
) -> None:
    """Take a new intent away, for instance because it has been trained."""
    from server.gateway.new_intents import NewIntents, with_new_intents

    async def work(intents: NewIntents) -> bool:
        return await intents.remove(name, "command line")

    if not with_new_intents(*load(company=company), work):
        raise CommandFailedError(f'there is no new intent "{name}"; `kefu intent list` shows them')
    _tell(json, [name], "removed")


def _tell(json: bool, names: list[str], done: str) -> None:
    if json:
        as_json({done: names})
    else:
        typer.echo(f"{done} {', '.join(names)}")
