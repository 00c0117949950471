"""The engine, its pragmas, and the schema's migrations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from prometheus_client import Counter
from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

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
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, **_shared())
    _count_errors(engine)

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
    """Brings the schema to ``revision``, whole or not at all; a database that is there already does nothing."""
    await _change(engine, command.upgrade, revision)


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
