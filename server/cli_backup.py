"""``kefu backup``, ``kefu restore`` and ``kefu schema``: what an operator does before and after an upgrade."""

# ruff: noqa: PLC0415 - the database libraries are loaded by the commands that need them

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli_common import CommandFailedError, Json, as_json
from server.settings import load_settings

if TYPE_CHECKING:
    from server.storage.backup import Summary

File = Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False)]


def backup(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    json: Json = False,
) -> None:
    """Write database, pictures and signing key into FILE, while Kefu runs. FILE holds personal data and a secret."""
    from server.storage.backup import BackupError, back_up

    try:
        summary = back_up(load_settings(), file, force=force)
    except BackupError as error:
        raise CommandFailedError(str(error)) from error
    _tell(f"{file}: made, {file.stat().st_size} bytes", summary, json)


def restore(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Take the place of data that is there; it is kept.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check FILE; change nothing.")] = False,
    json: Json = False,
) -> None:
    """Put the back-up FILE in place, after checking it whole. Kefu must not run; staff have to log in again."""
    from tempfile import TemporaryDirectory

    from server.storage.backup import BackupError, missing_release, unpack
    from server.storage.backup import restore as put_back
    from server.up.lock import InUseError, data_dir_lock

    settings = load_settings()
    try:
        if check:
            with TemporaryDirectory(prefix="kefu-check-") as scratch:
                _tell(f"{file}: is whole", unpack(file, Path(scratch)), json)
            return
        with data_dir_lock(settings.data_dir):
            summary = put_back(settings, file, force=force)
    except (BackupError, InUseError) as error:
        raise CommandFailedError(str(error)) from error
    _tell(f"{file}: restored into {settings.data_dir}", summary, json, missing=missing_release(settings))


def schema(
    revision: Annotated[
        str, typer.Argument(metavar="[REVISION]", help="Change the schema to it; head is the newest.")
    ] = "",
    json: Json = False,
) -> None:
    """Show the revision of the database's schema, or change it: back, before an older version of Kefu starts."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    from server.storage.database import MIGRATIONS, create_engine, downgrade, migrate, revision_of

    script = ScriptDirectory(str(MIGRATIONS))
    try:
        known = script.get_revision(revision or "head")
    except CommandError:
        known = None
    if known is None:
        raise CommandFailedError(f"there is no revision '{revision}'; the newest is {script.get_current_head()}")

    async def work() -> str:
        engine = create_engine(load_settings().database_url)
        try:
            if revision:
                change = downgrade if known.revision < await revision_of(engine) else migrate
                await change(engine, known.revision)
            return await revision_of(engine)
        finally:
            await engine.dispose()

    now = asyncio.run(work())
    if json:
        as_json({"revision": now, "newest": script.get_current_head()})
        return
    typer.echo(f"{now or 'no schema yet'} (the newest is {script.get_current_head()})")


def _tell(first: str, summary: Summary, json: bool, *, missing: str = "") -> None:
    rest = {"made": summary.made, "database": summary.dialect, "revision": summary.revision}
    if json:
        more = {"pictures": summary.pictures, "files": len(summary.files), "promoted": summary.promoted or None}
        as_json({**rest, **more, **({"missing": missing} if missing else {})})
        return
    typer.echo(first)
    typer.echo(f"{summary.dialect}, schema {summary.revision}, {summary.pictures} pictures, of {summary.made}")
    if summary.promoted:
        typer.echo(f"release in service: {summary.promoted}")
    if missing:
        typer.echo(missing)
