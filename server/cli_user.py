"""``kefu user``: staff accounts."""

# ruff: noqa: PLC0415 - the database libraries are loaded by the commands that need them

from __future__ import annotations

import asyncio
import datetime as dt
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer

from server.cli_common import CommandFailedError, Json, as_json
from server.settings import ConfigurationError, load_settings

_USERNAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

app = typer.Typer(help="Manage staff accounts.", no_args_is_help=True, rich_markup_mode=None)


class Role(StrEnum):
    """What a staff account may do."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, dot, underscore and hyphen.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, for programs.")
]

Teams = Annotated[
    str | None, typer.Option("--teams", metavar="TEAM,…", help="Teams of company.toml; an empty list: all of them.")
]
Languages = Annotated[
    str | None, typer.Option("--languages", metavar="zh,en", help="Languages served; an empty list: all.")
]
Capacity = Annotated[
    int | None, typer.Option("--capacity", min=0, max=100, help="Conversations at once; else the company's number.")
]
_LANGUAGES = ("zh", "en")


@app.command()
def add(  # noqa: PLR0917 (options of the command line)
    name: Name,
    role: Annotated[Role, typer.Option("--role", help="What the account may do.")] = Role.AGENT,
    display_name: Annotated[
        str | None, typer.Option("--name", help="The name that customers see; else the account's name.")
    ] = None,
    teams: Teams = None,
    languages: Languages = None,
    capacity: Capacity = None,
    password_stdin: PasswordStdin = False,
    json: Json = False,
) -> None:
    """Add a staff account."""
    from server.gateway import accounts

    _check_name(name)
    place = _place(teams, languages, capacity)
    settings, password = load_settings(), _password(password_stdin)
    with _explained():
        accounts.add_user(settings, name, password, role.value, display_name, place)
    _done(json, {"username": name, "role": role.value}, f'added {role.value} "{name}"')


@app.command()
def change(  # noqa: PLR0917 (options of the command line)
    name: Name,
    role: Annotated[
        Role | None, typer.Option("--role", help="What the account may do; it has to log in again.")
    ] = None,
    display_name: Annotated[str | None, typer.Option("--name", help="The name that customers see.")] = None,
    teams: Teams = None,
    languages: Languages = None,
    capacity: Capacity = None,
    active: Annotated[
        bool | None, typer.Option("--enable/--disable", help="A disabled account is logged out and stays out.")
    ] = None,
    json: Json = False,
) -> None:
    """Change a staff account; what is not given stays."""
    from server.gateway import accounts

    given = {"role": role.value if role else None, "name": display_name, "active": active}
    values = {key: value for key, value in given.items() if value is not None} | _place(teams, languages, capacity)
    if not values:
        raise ConfigurationError("nothing to change: kefu user change --help lists what can be")
    settings = load_settings()
    with _explained():
        accounts.change_user(settings, name, values)
    if json:
        as_json({"username": name, **values})
    else:
        typer.echo(f'changed {", ".join(values)} of "{name}"')


@app.command()
def link(
    name: Name,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="The claim `sub` of the company's sign-in.")],
    json: Json = False,
) -> None:
    """Let somebody sign in to an account by the company's own sign-in ([oidc] in the settings)."""
    from server.gateway import accounts

    settings = load_settings()
    with _explained():
        accounts.link(settings, name, subject)
    _done(json, {"username": name, "subject": subject}, f'"{name}" opens by the company\'s sign-in')


@app.command()
def passwd(name: Name, password_stdin: PasswordStdin = False, json: Json = False) -> None:
    """Change a password; whoever is logged in with the account is logged out."""
    from server.gateway import accounts

    settings, password = load_settings(), _password(password_stdin)
    with _explained():
        accounts.set_password(settings, name, password)
    _done(json, {"username": name}, f'changed the password of "{name}"')


@app.command()
def reset(name: Name, json: Json = False) -> None:
    """Remove an account's second factor (a lost phone) and end its sessions."""
    settings = load_settings()
    with _explained():
        removed = asyncio.run(_reset(settings.database_url, settings.secret_key(), name))
    if not removed:
        raise CommandFailedError(f'"{name}" has no second factor')
    _done(json, {"username": name}, f'removed the second factor of "{name}"')


async def _reset(database_url: str, key: bytes, name: str) -> bool:
    from server.gateway.staff_sessions import SecondFactors, end_sessions
    from server.storage.audit import Audit, command_line_actor
    from server.storage.database import create_engine, migrate
    from server.storage.store import Store

    engine = create_engine(database_url)
    store = Store(engine, lambda: dt.datetime.now(dt.UTC))
    try:
        await migrate(engine)
        removed = await SecondFactors(store).remove(name)
        if removed:
            await end_sessions(store, name)
            await Audit(store, key).note(command_line_actor(), "second_factor.removed", f"staff:{name}")
        return removed
    finally:
        await store.close()


@app.command("list")
def list_accounts(json: Json = False) -> None:
    """List the staff accounts."""
    settings = load_settings()
    with _explained():
        accounts = asyncio.run(_all_accounts(settings.database_url))
    if json:
        as_json(accounts)
        return
    for one in accounts:
        place = [*one["teams"], *one["languages"]]
        more = (f"  [{', '.join(place)}]" if place else "") + ("" if one["active"] else "  (disabled)")
        typer.echo(f"{one['username']:<24} {one['role']:<12} {one['name']}{more}")


async def _all_accounts(database_url: str) -> list[dict[str, Any]]:
    from server.storage.database import create_engine, migrate
    from server.storage.store import Store

    engine = create_engine(database_url)
    store = Store(engine, lambda: dt.datetime.now(dt.UTC))
    try:
        await migrate(engine)
        return [
            {
                "username": one.username,
                "name": one.name,
                "role": one.role,
                "active": one.active,
                "teams": one.teams,
                "languages": one.languages,
                "capacity": one.capacity,
            }
            for one in await store.all_staff()
        ]
    finally:
        await store.close()


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the account functions and the database raise into one line."""
    from sqlalchemy.exc import SQLAlchemyError

    from server.gateway.accounts import AccountError

    try:
        yield
    except AccountError as error:
        raise CommandFailedError(str(error)) from error
    except SQLAlchemyError as error:
        raise CommandFailedError(f"the database cannot be used: {error.__cause__ or error}") from error


def _place(teams: str | None, languages: str | None, capacity: int | None) -> dict[str, Any]:
    """The options that were given, as the account keeps them."""
    values: dict[str, Any] = {}
    for key, listed in (("teams", teams), ("languages", languages)):
        if listed is not None:
            values[key] = list(dict.fromkeys(one.strip() for one in listed.split(",") if one.strip()))
    unknown = [one for one in values.get("languages", ()) if one not in _LANGUAGES]
    if unknown:
        raise ConfigurationError(f'language "{unknown[0]}" is unknown: use {", ".join(_LANGUAGES)}')
    return values if capacity is None else {**values, "capacity": capacity}


def _check_name(name: str) -> None:
    if not _USERNAME.fullmatch(name):
        raise ConfigurationError(f'"{name}" cannot be an account\'s name: use letters, digits, dot, underscore, hyphen')


def _password(from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise ConfigurationError("no terminal to ask for the password at: use --password-stdin")
    return str(password)


def _done(json: bool, answer: dict[str, str], text: str) -> None:
    if json:
        as_json(answer)
    else:
        typer.echo(text)
