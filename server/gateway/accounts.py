"""Staff accounts from the command line and at the first start."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from server.common_passwords import weakness
from server.gateway.passwords import hash_password, new_password
from server.settings import ROOT, Settings
from server.storage.database import create_engine, migrate
from server.storage.store import Store

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
    return _with_store(settings, lambda store: _bootstrap(store, settings, demo=demo))


def add_user(settings: Settings, username: str, password: str, role: str, name: str | None = None) -> None:
    """Makes a staff account.

    Raises:
        AccountError: The name is taken, the role unknown or the password too short.
    """
    if role not in ROLES:
        raise AccountError(f"role '{role}' is unknown: use one of {', '.join(ROLES)}")
    _check(password, username)

    async def add(store: Store) -> bool:
        async with store.write() as tx:
            return await tx.add_staff(username, name or username, role, hash_password(password))

    if not _with_store(settings, add):
        raise AccountError(f"user '{username}' exists already; 'kefu user passwd {username}' changes the password")


def set_password(settings: Settings, username: str, password: str) -> None:
    """Changes a password and ends the account's sessions.

    Raises:
        AccountError: There is no such account, or the password is too short.
    """
    _check(password, username)

    async def change(store: Store) -> bool:
        async with store.write() as tx:
            return await tx.set_password(username, hash_password(password))

    if not _with_store(settings, change):
        raise AccountError(f"user '{username}' does not exist; 'kefu user add {username} --role agent' makes it")


async def _bootstrap(store: Store, settings: Settings, *, demo: bool) -> list[Credential]:
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
        credentials.append(Credential(username, password, role))
    return credentials


def _check(password: str, username: str) -> None:
    problem = weakness(password, username)
    if problem:
        raise AccountError(problem)


def _with_store(settings: Settings, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        engine = create_engine(settings.database_url)
        await migrate(engine)
        store = Store(engine, lambda: datetime.now(UTC))
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())
