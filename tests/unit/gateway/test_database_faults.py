"""The database's file is gone, is another one, is damaged or is none: it is said, and nothing is begun beside it."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from server.storage.database import StorageError, check, create_engine, migrate
from tests.support.servers import Postgres


def address(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


async def test_a_database_that_goes_away_is_not_begun_anew_and_used_again_when_it_is_back(tmp_path: Path) -> None:
    path, away = tmp_path / "kefu.db", tmp_path / "away.db"
    engine = create_engine(address(path))
    await migrate(engine)
    await check(engine)

    async def count() -> int:
        async with engine.connect() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM conversations"))).scalar_one())

    assert await count() == 0
    path.rename(away)
    for _ in range(2):
        with pytest.raises(OperationalError, match=r"kefu\.db: the database is gone or another one; put it back"):
            await count()
    assert not path.exists()
    path.write_bytes(b"")  # somebody else's, or what another program began
    with pytest.raises(OperationalError, match="gone or another one"):
        await count()
    away.rename(path)
    assert await count() == 0
    await engine.dispose()


async def test_a_server_that_lets_nobody_in_is_used_again_when_it_does(postgres: Postgres) -> None:
    url = postgres.database()
    engine = create_engine(url)

    async def count() -> int:
        async with engine.connect() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM conversations"))).scalar_one())

    assert await count() == 0  # the connection stays in the pool, and is cut off below
    with postgres.away(url):
        for _ in range(2):
            with pytest.raises(OperationalError):
                await count()
    assert await count() == 0
    await engine.dispose()
    postgres.drop(url)


async def test_what_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "kefu.db"
    path.write_bytes(b"this is no database at all" * 100)
    before = path.read_bytes()
    engine = create_engine(address(path))
    with pytest.raises(StorageError, match=r"kefu\.db: is damaged or no database .*`kefu restore FILE --force`"):
        await migrate(engine)
    await engine.dispose()
    assert path.read_bytes() == before


async def test_a_damaged_page_is_found_before_anything_is_served(tmp_path: Path) -> None:
    path = tmp_path / "kefu.db"
    engine = create_engine(address(path))
    await migrate(engine)
    await engine.dispose()
    whole = bytearray(path.read_bytes())
    page = 4096
    middle = len(whole) // page // 2 * page
    whole[middle : middle + page] = b"\xff" * page
    path.write_bytes(whole)
    engine = create_engine(address(path))
    with pytest.raises(StorageError, match=r"kefu\.db: is damaged"):
        await check(engine)
    await engine.dispose()
