"""Staff accounts from the command line and at the first start; every change stands in the audit log."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import delete, update

from server.common_passwords import weakness
from server.gateway.company_in_force import in_force
from server.gateway.passwords import hash_password, new_password
from server.settings import ROOT, Settings
from server.storage.audit import Audit, command_line_actor
from server.storage.database import check, create_engine, migrate
from server.storage.store import Store
from server.storage.tables import identities, sessions, staff

ROLES = ("agent", "supervisor", "admin")
DEMO_STAFF = (
    ("agent", "小禾 Lin", "agent"),
    ("agent2", "阿青 Chen", "agent"),
    ("supervisor", "老白 Bai", "supervisor"),
)
T = TypeVar("T")


class AccountError(ValueError):
    """A staff account cannot be made or changed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A staff account; ``password`` only where it was made just now."""

    username: str
    password: str | None
    role: str


def bootstrap(settings: Settings) -> list[Credential]:
    """Migrates the database and makes the first staff accounts: the administrator; the demo company has agents too."""
    demo = settings.company == ROOT / "demo"
    return _with_store(settings, lambda store, audit: _bootstrap(store, audit, settings, demo=demo), look_first=True)


def add_user(  # noqa: PLR0917 (an account's parts, in the order in which the command line names them)
    settings: Settings,
    username: str,
    password: str,
    role: str,
    name: str | None = None,
    place: Mapping[str, Any] | None = None,
) -> None:
    """Makes a staff account; ``place`` as for `change_user`.

    Raises:
        AccountError: The name is taken, the role or a team unknown, or the password too short.
    """
    _check_role(role)
    _check(password, username)
    values = _checked_place(settings, place or {})

    async def add(store: Store, audit: Audit) -> bool:
        async with store.write() as tx:
            if not await tx.add_staff(username, name or username, role, hash_password(password)):
                return False
            await tx.place_staff(username, values)
            await audit.note_in(tx, command_line_actor(), "staff.added", f"staff:{username}", role=role, **values)
            return True

    if not _with_store(settings, add):
        raise AccountError(f"user '{username}' exists already; 'kefu user passwd {username}' changes the password")


def set_password(settings: Settings, username: str, password: str) -> None:
    """Changes a password and ends the account's sessions.

    Raises:
        AccountError: There is no such account, or the password is too short.
    """
    _check(password, username)

    async def change(store: Store, audit: Audit) -> bool:
        async with store.write() as tx:
            if not await tx.set_password(username, hash_password(password)):
                return False
            await audit.note_in(tx, command_line_actor(), "staff.password", f"staff:{username}")
            return True

    if not _with_store(settings, change):
        raise _nobody(username)


def change_user(settings: Settings, username: str, change: Mapping[str, Any]) -> None:
    """Changes an account: ``role``, ``name``, ``teams``, ``languages``, ``capacity``, ``active``; the rest stays.

    An account that is disabled, or gets another role, loses its sessions.

    Raises:
        AccountError: There is no such account, or the role or a team is unknown.
    """
    if "role" in change:
        _check_role(change["role"])
    values = _checked_place(settings, change)

    async def apply(store: Store, audit: Audit) -> bool:
        async with store.write() as tx:
            changed = await tx.execute(update(staff).where(staff.c.username == username).values(**values))
            if not changed.rowcount:
                return False
            if "role" in values or values.get("active") is False:
                await tx.execute(delete(sessions).where(sessions.c.username == username))
            await audit.note_in(tx, command_line_actor(), "staff.changed", f"staff:{username}", **values)
            return True

    if values and not _with_store(settings, apply):
        raise _nobody(username)


def link(settings: Settings, username: str, subject: str) -> None:
    """Lets whom the provider of ``[oidc]`` calls ``subject`` sign in to an account that is there already.

    Raises:
        AccountError: No provider is set up, or there is no such account.
    """
    issuer = settings.oidc.issuer
    if not issuer:
        raise AccountError("no provider is set up: the table [oidc] of the settings names one")

    async def join(store: Store, audit: Audit) -> bool:
        if await store.staff(username) is None:
            return False
        async with store.write() as tx:
            await tx.execute(delete(identities).where(identities.c.issuer == issuer, identities.c.subject == subject))
            await tx.execute(identities.insert().values(issuer=issuer, subject=subject, username=username))
            await audit.note_in(tx, command_line_actor(), "staff.linked", f"staff:{username}")
        return True

    if not _with_store(settings, join):
        raise _nobody(username)


def _nobody(username: str) -> AccountError:
    return AccountError(f"user '{username}' does not exist; 'kefu user add {username} --role agent' makes it")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise AccountError(f"role '{role}' is unknown: use one of {', '.join(ROLES)}")


def _checked_place(settings: Settings, values: Mapping[str, Any]) -> dict[str, Any]:
    teams = values.get("teams") or []
    known = [team.id for team in in_force(settings).desk.teams] if teams else []
    unknown = [team for team in teams if team not in known]
    if unknown:
        raise AccountError(f"team '{unknown[0]}' is unknown: the company has {', '.join(known) or 'no teams'}")
    return dict(values)


async def _bootstrap(store: Store, audit: Audit, settings: Settings, *, demo: bool) -> list[Credential]:
    wanted = [(settings.admin_user, settings.admin_user, "admin"), *(DEMO_STAFF if demo else ())]
    there = {account.username for account in await store.all_staff()}
    credentials = []
    for username, name, role in wanted:
        password = None
        if username not in there:
            given = settings.admin_password.get_secret_value() if settings.admin_password else None
            password = given if role == "admin" and given else new_password()
            async with store.write() as tx:
                await tx.add_staff(username, name, role, hash_password(password))
                await audit.note_in(tx, "kefu", "staff.added", f"staff:{username}", role=role)
        credentials.append(Credential(username, password, role))
    return credentials


def _check(password: str, username: str) -> None:
    problem = weakness(password, username)
    if problem:
        raise AccountError(problem)


def _with_store(
    settings: Settings, work: Callable[[Store, Audit], Coroutine[Any, Any, T]], *, look_first: bool = False
) -> T:
    async def run() -> T:
        engine = create_engine(settings.database_url)
        if look_first:
            await check(engine)
        await migrate(engine)
        store = Store(engine, lambda: datetime.now(UTC))
        try:
            return await work(store, Audit(store, settings.secret_key()))
        finally:
            await store.close()

    return asyncio.run(run())
