"""A real PostgreSQL and a real Redis from the machine's packages, in a temporary folder, on loopback."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis

from server.storage.database import create_engine, migrate
from tests.support.language_model import free_port

START_DEADLINE_S = 60
STOP_DEADLINE_S = 20
TEMPLATE = "kefu_template"
_SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=120", "shared_buffers=64MB")
"""A test's database need not outlive a power cut."""


@dataclass
class Postgres:
    """One running PostgreSQL server."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://kefu@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str) -> None:
        """Runs a statement outside of every transaction."""
        with psycopg.connect(f"postgresql://kefu@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def database(self, template: str = TEMPLATE) -> str:
        """The address of a new database with the whole schema, or an empty one from ``template0``."""
        name = f"test_{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    @contextmanager
    def away(self, url: str) -> Iterator[None]:
        """While the database lets nobody in; who was connected is cut off."""
        name = url.rpartition("/")[2]
        self.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        yield
        self.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")


def postgres_programs() -> Path | None:
    """Folder of ``initdb`` and ``postgres``, which Debian keeps off the path; ``None`` without the package."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parent.name), reverse=True)
    found = shutil.which("initdb")
    return next((one for one in folders if (one / "initdb").is_file()), Path(found).parent if found else None)


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """PostgreSQL with a template that has the schema; skips the test where the package is missing."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="kefu-postgres-"))
    # It refuses to run as root.
    user = _plain_user() if os.getuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    port = free_port()
    data = folder / "data"
    with (folder / "log").open("wb") as log:
        init = [programs / "initdb", "-D", data, "-U", "kefu", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        subprocess.run([*init, "--locale=C"], check=True, stdout=log, stderr=log, user=user, cwd=folder)
        options = [part for one in _SPEED for part in ("-c", one)]
        command = [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder, *options]
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=folder)
    server = Postgres(port)
    try:
        _until(lambda: server.run("SELECT 1"), process, folder / "log", psycopg.Error)
        server.run(f"CREATE DATABASE {TEMPLATE}")
        asyncio.run(_migrated(server.url(TEMPLATE)))
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # fast: ends its sessions
        process.wait(STOP_DEADLINE_S)
        shutil.rmtree(folder, ignore_errors=True)


async def _migrated(url: str) -> None:
    engine = create_engine(url)
    try:
        await migrate(engine)
    finally:
        await engine.dispose()


def _plain_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Redis:
    """One Redis server, which can be stopped and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        log = self._folder / "redis.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen([*command, "--dir", str(self._folder)], stdout=out, stderr=out)
        with redis.Redis(port=self.port) as client:
            _until(client.ping, self._process, log, redis.ConnectionError)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_DEADLINE_S)
            self._process = None


@contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    """Redis; skips the test where the package is missing."""
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed (Debian: apt-get install redis-server)")
    server = Redis(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _until(answers: Callable[[], object], process: subprocess.Popen[bytes], log: Path, error: type[Exception]) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            answers()
        except error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.05)
        else:
            return
