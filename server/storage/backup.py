"""A back-up in one file, made while gateways run; checked whole before a restore touches anything.

A tar file: the database (SQLite's own copy of itself, or what ``pg_dump`` writes), the pictures, the key that signs
tokens where it lies in a file, the demo customers' accounts, what trainings of the console learnt from (not the
releases they made, nor what a training under way has come to), the name of the release that was promoted, and at the
end ``manifest.json`` with the SHA-256 of each.
So a file that was cut off has no manifest, and one that was damaged does not fit it. It holds personal data and a
secret: it is made readable by its owner only.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from server import generations
from server.release import MANIFEST as MANIFEST_OF_RELEASE
from server.settings import Settings
from server.storage.database import MIGRATIONS, create_engine, revision_of
from server.storage.store import DEAD_AFTER_S, iso

Json = dict[str, Any]
FORMAT = 1
MANIFEST, SQLITE, POSTGRES, SECRET, ACCOUNTS, UPLOADS, TRAINING = (
    "manifest.json", "database.sqlite", "database.pgdump", "secret", "accounts.db", "uploads", "training",
)  # fmt: skip
_PROMOTED = f"{generations.FOLDER}/{generations.PROMOTED}"
_LEARNT_FROM, _RESULT = "company", "result.json"
_CHUNK = 1 << 20
_MANIFEST_BYTES = 64 * 1024 * 1024


class BackupError(Exception):
    """A back-up cannot be made or restored; the message says what is in the way. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a back-up holds; sizes in bytes."""

    made: str
    dialect: str
    revision: str
    files: dict[str, int]
    promoted: str = ""
    """The release that was promoted in the console, if any."""

    @property
    def pictures(self) -> int:
        """How many pictures."""
        return sum(name.startswith(f"{UPLOADS}/") for name in self.files)


# ---------------------------------------------------------------------- making one


def back_up(settings: Settings, target: Path, *, force: bool = False) -> Summary:
    """Writes a back-up; the file appears whole or not at all.

    Raises:
        BackupError: The target is there, the database is not, or ``pg_dump`` is missing or fails.
    """
    if target.exists() and not force:
        raise BackupError(f"{target}: is there already; choose another name, or --force to replace it")
    url = make_url(settings.database_url)
    dialect = url.get_backend_name()
    there = dialect != "sqlite" or _sqlite_file(url).is_file()
    revision = asyncio.run(_revision(settings.database_url)) if there else ""
    if not revision:
        raise BackupError(f"there is no database of Kefu at {url.render_as_string(hide_password=True)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".kefu-backup-", dir=target.parent) as scratch:
        copy = Path(scratch) / (SQLITE if dialect == "sqlite" else POSTGRES)
        _copy_sqlite(_sqlite_file(url), copy) if dialect == "sqlite" else _dump(url, copy)
        whole = Path(scratch) / "whole.tar"
        descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            summary = _write(file, copy, settings, dialect, revision)
            file.flush()
            os.fsync(file.fileno())
        os.replace(whole, target)
    return summary


def _write(file: BinaryIO, copy: Path, settings: Settings, dialect: str, revision: str) -> Summary:
    sizes: dict[str, int] = {}
    digests: dict[str, str] = {}
    made = iso(datetime.now(UTC))
    with tarfile.open(fileobj=file, mode="w") as tar, tempfile.TemporaryDirectory(dir=copy.parent) as scratch:
        for name, path in [(copy.name, copy), *_others(settings, Path(scratch))]:
            try:
                with path.open("rb") as opened:
                    sizes[name], digests[name] = _add(tar, name, opened)
            except FileNotFoundError:  # a picture that was erased meanwhile
                continue
        manifest = {"format": FORMAT, "made": made, "dialect": dialect, "revision": revision}
        body = json.dumps({**manifest, "files": sizes, "sha256": digests}, indent=1).encode()
        _add(tar, MANIFEST, io.BytesIO(body))
    return Summary(made, dialect, revision, sizes, _promoted(settings.data_dir))


def _promoted(data_dir: Path) -> str:
    found = generations.promoted(data_dir)
    return "" if found is None else found.release


def _others(settings: Settings, scratch: Path) -> Iterator[tuple[str, Path]]:
    secret, accounts = settings.data_dir / SECRET, settings.data_dir / ACCOUNTS
    if settings.secret is None and secret.is_file():
        yield SECRET, secret
    if accounts.is_file():
        _copy_sqlite(accounts, scratch / ACCOUNTS)
        yield ACCOUNTS, scratch / ACCOUNTS
    if settings.uploads_dir.is_dir():
        for path in sorted(settings.uploads_dir.iterdir()):
            if path.is_file() and not path.is_symlink():
                yield f"{UPLOADS}/{path.name}", path
    promoted = settings.data_dir / _PROMOTED
    if promoted.is_file():
        yield _PROMOTED, promoted
    # A training that is under way has no result yet.
    for result in sorted(settings.data_dir.glob(f"{TRAINING}/*/{_RESULT}")):
        learnt_from = sorted((result.parent / _LEARNT_FROM).rglob("*"))
        for path in (result, *(one for one in learnt_from if one.is_file() and not one.is_symlink())):
            yield path.relative_to(settings.data_dir).as_posix(), path


def _add(tar: tarfile.TarFile, name: str, opened: Any) -> tuple[int, str]:
    opened.seek(0, os.SEEK_END)
    info = tarfile.TarInfo(name)
    info.size, info.mode = opened.tell(), 0o600
    opened.seek(0)
    hashing = _Hashing(opened)
    tar.addfile(info, hashing)
    return info.size, hashing.digest.hexdigest()


class _Hashing:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size)
        self.digest.update(data)
        return data


def _copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's online copy: one moment of the database, while others write."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _dump(url: URL, target: Path) -> None:
    _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def _run(program: str, url: URL, *options: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise BackupError(f"{program} is not installed (Debian: apt-get install postgresql-client)")
    address = url.set(drivername="postgresql", password=None).render_as_string()
    # Never among the arguments, which everybody on the machine can read.
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    command = [found, *options, f"--dbname={address}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 (a fixed program)
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-1000:]}")


# ---------------------------------------------------------------------- putting one back


def restore(settings: Settings, source: Path, *, force: bool = False) -> Summary:
    """Puts a back-up in place of the database, the pictures and the key; what was there is kept in a folder beside.

    Staff have to log in again: sessions that ended since the back-up must not live again.

    Raises:
        BackupError: The file is damaged, made by a newer version or for another kind of database, gateways run, or
            there is something in the way and no ``force``.
    """
    url = make_url(settings.database_url)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".kefu-restore-", dir=settings.data_dir) as scratch:
        summary = unpack(source, Path(scratch))
        if summary.dialect != url.get_backend_name():
            raise BackupError(f"{source}: is of {summary.dialect}, and KEFU_DATABASE_URL is {url.get_backend_name()}")
        _check_free(settings, url, force=force)
        before = settings.data_dir / f"before-restore-{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}"
        if summary.dialect == "sqlite":
            _cleaned(Path(scratch) / SQLITE)
            _swap(Path(scratch) / SQLITE, _sqlite_file(url), before)
        else:
            if asyncio.run(_revision(settings.database_url)):
                before.mkdir(mode=0o700, exist_ok=True)
                _dump(url, before / POSTGRES)
            options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction")
            _run("pg_restore", url, *options, str(Path(scratch) / POSTGRES))
            asyncio.run(_forget_sessions(settings.database_url))
        for name in (SECRET, ACCOUNTS, UPLOADS, TRAINING):
            if (Path(scratch) / name).exists():
                _swap(Path(scratch) / name, settings.data_dir / name, before)
        # Without one in the back-up, the company's files were in service: what was promoted later goes.
        _swap(Path(scratch) / _PROMOTED, settings.data_dir / _PROMOTED, before)
    return summary


def missing_release(settings: Settings) -> str:
    """What keeps the promoted release from being started after a restore, and the way out; empty if nothing does."""
    promoted = generations.promoted(settings.data_dir)
    if promoted is None or (settings.releases_dir / promoted.release / MANIFEST_OF_RELEASE).is_file():
        return ""
    again = "train and promote it again in the console"
    if promoted.company is not None and promoted.company.is_dir():
        again = f"make it again with `kefu train --company {promoted.company}`"
    return (
        f"{promoted.release}, which {promoted.by} promoted, is not in {settings.releases_dir}: copy it there, "
        f"or {again}. Until then `kefu up` starts the release of the company's files"
    )


def unpack(source: Path, folder: Path) -> Summary:
    """Checks a back-up and lays its files into ``folder``.

    Raises:
        BackupError: It is no back-up, is cut off, or a file in it is not what was backed up.
    """
    digests: dict[str, str] = {}
    manifest: Json | None = None
    try:
        with tarfile.open(source, "r:") as tar:
            for member in tar:
                if manifest is not None:
                    raise BackupError(f"{source}: something follows the manifest")
                opened = tar.extractfile(member) if member.isreg() else None
                if opened is None or not _is_ours(member.name):
                    raise BackupError(f"{source}: '{member.name[:100]}' does not belong into a back-up")
                if member.name == MANIFEST:
                    manifest = json.loads(opened.read(_MANIFEST_BYTES))
                else:
                    digests[member.name] = _lay(opened, folder / member.name)
    except (tarfile.TarError, json.JSONDecodeError, UnicodeDecodeError, EOFError) as error:
        raise BackupError(f"{source}: is no back-up, or is damaged ({error})") from error
    except OSError as error:
        raise BackupError(f"{source}: cannot be read or unpacked ({error})") from error
    return _checked(source, folder, manifest, digests)


def _checked(source: Path, folder: Path, manifest: Json | None, digests: dict[str, str]) -> Summary:
    if not isinstance(manifest, dict):
        raise BackupError(f"{source}: is cut off; it has no manifest")
    if manifest.get("format") != FORMAT:
        raise BackupError(f"{source}: its format {manifest.get('format')} is unknown to this version of Kefu")
    expected: dict[str, str] = manifest.get("sha256") or {}
    if expected != digests:
        broken = sorted(name for name in {*expected, *digests} if expected.get(name) != digests.get(name))
        raise BackupError(f"{source}: is damaged: {', '.join(broken[:5])}")
    if manifest["revision"] not in {one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}:
        raise BackupError(f"{source}: was made by a newer version of Kefu, whose schema is {manifest['revision']}")
    if not (folder / (SQLITE if manifest["dialect"] == "sqlite" else POSTGRES)).is_file():
        raise BackupError(f"{source}: has no database in it")
    head = manifest["made"], manifest["dialect"], manifest["revision"], manifest["files"]
    return Summary(*head, promoted=_promoted(folder))


def _is_ours(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if ".." in parts or name != "/".join(parts):
        return False
    if parts[:1] == (UPLOADS,):
        return len(parts) == 2
    if parts[:1] == (TRAINING,):
        return parts[2:] == (_RESULT,) or (len(parts) > 3 and parts[2] == _LEARNT_FROM)
    return name in {MANIFEST, SQLITE, POSTGRES, SECRET, ACCOUNTS, _PROMOTED}


def _lay(opened: Any, path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _check_free(settings: Settings, url: URL, *, force: bool) -> None:
    if url.get_backend_name() == "sqlite":
        there = _sqlite_file(url).exists()
    else:
        there = bool(asyncio.run(_revision(settings.database_url)))
        if there and asyncio.run(_living_gateways(settings.database_url)):
            raise BackupError("gateways are running over this database; stop them first")
    if (there or settings.uploads_dir.exists()) and not force:
        raise BackupError(
            f"there is data already at {url.render_as_string(hide_password=True)} or in {settings.uploads_dir}; "
            "--force puts the back-up in its place and keeps what was there beside it"
        )


def _cleaned(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        try:
            found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found != "ok":
            raise BackupError(f"the database in the back-up is damaged: {found}")
        connection.execute("DELETE FROM sessions")
        connection.commit()


def _swap(new: Path, place: Path, before: Path) -> None:
    """Puts a file or folder in its place; what was there moves into ``before``."""
    for old in (place, *(place.with_name(f"{place.name}{more}") for more in ("-wal", "-shm"))):
        if old.exists():
            before.mkdir(mode=0o700, exist_ok=True)
            shutil.move(old, before / old.name)
    if new.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(new, place)


def _sqlite_file(url: URL) -> Path:
    return Path(url.database or "")


async def _revision(url: str) -> str:
    engine = create_engine(url)
    try:
        return await revision_of(engine)
    finally:
        await engine.dispose()


async def _living_gateways(url: str) -> int:
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            if not (await connection.execute(text("SELECT to_regclass('gateways')"))).scalar():
                return 0
            living = text("SELECT count(*) FROM gateways WHERE beat > extract(epoch FROM clock_timestamp()) - :dead")
            return int((await connection.execute(living, {"dead": DEAD_AFTER_S})).scalar_one())
    finally:
        await engine.dispose()


async def _forget_sessions(url: str) -> None:
    engine = create_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM sessions"))
            if (await connection.execute(text("SELECT to_regclass('gateways')"))).scalar():
                await connection.execute(text("DELETE FROM gateways"))
    finally:
        await engine.dispose()
