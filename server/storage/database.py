"""The engine, its pragmas, and the schema's migrations."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from prometheus_client import Counter
from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DatabaseError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from server.settings import ConfigurationError

ERRORS = Counter("kefu_database_errors_total", "Statements and connections that failed, by kind.", ["kind"])
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 10_000
WRITERS = 12
"""Transactions at a time in one process; each may read over a second connection while it is open."""
CONNECTIONS = 2 * WRITERS + 6
"""Connections to PostgreSQL at most: every open transaction finds its second one, and reads find some."""
_SCHEMA_LOCK = 0x6B656676
"""The advisory lock of who changes PostgreSQL's schema: gateways that start together do it once."""
_POSTGRES: dict[str, Any] = {
    "connect_timeout": 5,
    # A machine that went away without a word must not hold a turn for the minutes that TCP would wait.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    # A gateway that hangs in the middle of a transaction must not hold the others' rows.
    "options": "-c statement_timeout=15s -c lock_timeout=10s -c idle_in_transaction_session_timeout=10s",
}


class StorageError(ConfigurationError):
    """A database that cannot be used; the message names the file and the way out."""


def create_engine(url: str) -> AsyncEngine:
    """An engine for ``url`` (``sqlite+aiosqlite:///…`` or ``postgresql+psycopg://…``); the SQLite folder is made."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        served = create_async_engine(
            url,
            pool_pre_ping=True,
            pool_size=WRITERS,
            max_overflow=CONNECTIONS - WRITERS,
            pool_timeout=10,
            connect_args=_POSTGRES,
            **_shared(),
        )
        _count_errors(served)
        return served
    engine = create_async_engine(url, **_shared())
    _count_errors(engine)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        _hold_to_one_file(engine, Path(parsed.database))

    @event.listens_for(engine.sync_engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        # WAL with NORMAL survives the death of the process at any moment; only a power cut may take the last commits.
        # What is erased is overwritten, not only forgotten.
        pragmas = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON")
        for pragma in (*pragmas, f"busy_timeout={BUSY_TIMEOUT_MS}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _hold_to_one_file(engine: AsyncEngine, path: Path) -> None:
    """The file that was there first, or none: one that is gone is never begun anew beside what is running.

    While it is away, statements fail as with any database that is; what is put back is used again.
    """
    known: list[int] = []

    @event.listens_for(engine.sync_engine, "do_connect")
    def _is_there(_dialect: Any, _record: Any, _args: Any, _parameters: Any) -> None:
        if known and _inode(path) != known[0]:
            raise sqlite3.OperationalError(f"{path}: the database is gone or another one; put it back")

    @event.listens_for(engine.sync_engine, "connect")
    def _note(_connection: Any, _record: Any) -> None:
        known[:] = known or [_inode(path)]

    @event.listens_for(engine.sync_engine, "checkout")
    def _is_still_there(_connection: Any, _record: Any, _proxy: Any) -> None:
        if _inode(path) != known[0]:
            raise DisconnectionError(f"{path}: the database is gone")


def _inode(path: Path) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def _count_errors(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "handle_error")
    def _count(context: ExceptionContext) -> None:
        ERRORS.labels(kind=type(context.sqlalchemy_exception or context.original_exception).__name__).inc()


def _shared() -> dict[str, Any]:
    return {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
        # Without it, an insert that met a conflict tells of -1 rows on PostgreSQL, which is not none.
        "execution_options": {"preserve_rowcount": True},
    }


async def migrate(engine: AsyncEngine, revision: str = "head") -> None:
    """Brings the schema to ``revision``, whole or not at all; a database that is there already does nothing.

    Raises:
        StorageError: The file is damaged, or no database.
    """
    with _damage_named(engine):
        await _change(engine, command.upgrade, revision)


async def check(engine: AsyncEngine) -> None:
    """Looks whether SQLite's file is whole; other servers look after theirs. Reads all of it.

    Raises:
        StorageError: It is not.
    """
    if engine.dialect.name != "sqlite":
        return
    with _damage_named(engine):
        async with engine.connect() as connection:
            found = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar_one()
    if found != "ok":
        raise _damaged(engine, found)


@contextmanager
def _damage_named(engine: AsyncEngine) -> Iterator[None]:
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        if getattr(cause, "sqlite_errorcode", None) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise _damaged(engine, str(cause)) from error
        raise


def _damaged(engine: AsyncEngine, cause: str) -> StorageError:
    return StorageError(
        f"{engine.url.database}: is damaged or no database ({cause}); `kefu restore FILE --force` keeps it and puts a "
        "back-up in its place, or move it away to begin without data"
    )


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    """Takes the schema back to ``revision``, for an earlier program; what only later ones keep is lost."""
    await _change(engine, command.downgrade, revision)


async def revision_of(engine: AsyncEngine) -> str:
    """The revision of a database's schema; empty where it is no database of ours."""
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda plain: MigrationContext.configure(plain).get_current_revision())
        return found or ""


async def _change(engine: AsyncEngine, change: Callable[[Config, str], None], revision: str) -> None:
    async with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            for deadline in ("statement_timeout", "lock_timeout"):
                await connection.execute(text(f"SET LOCAL {deadline} = 0"))
            await connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            await connection.run_sync(lambda plain: change(_config(plain), revision))
            await connection.commit()
            return
        # Where SQLite cannot change a table it is made anew under another name, which rows that refer to it forbid.
        await connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        try:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            await connection.run_sync(lambda plain: change(_config(plain), revision))
            broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first()
            if broken:
                raise RuntimeError(
                    f"the schema cannot be changed: rows of the table {broken[0]} would refer to nothing"
                )
            await connection.commit()
        finally:
            await connection.rollback()
            await connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
