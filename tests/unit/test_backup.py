"""Back-up and restore on both databases: nothing is touched for a file that is not whole, nothing is lost by force."""

import asyncio
import hashlib
import io
import json
import shutil
import stat
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server import generations
from server.cli import app
from server.settings import ConfigurationError, Settings
from server.starter import make_company
from server.storage.audit import Audit
from server.storage.backup import MANIFEST, SQLITE, BackupError, back_up, missing_release, restore
from server.storage.database import create_engine
from server.storage.store import Store
from tests.support.floor import Clock, bench

SAID = "光猫亮红灯"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """A company with one conversation, a picture, a session and a key."""
    given = Settings(data_dir=tmp_path, database_url=database_url)
    given.secret_key()
    given.uploads_dir.mkdir()
    (given.uploads_dir / "picture").write_bytes(b"pixels")
    asyncio.run(_fill(given))
    return given


async def _fill(settings: Settings) -> None:
    async with bench(settings.data_dir, url=settings.database_url) as desk:
        lin = await desk.hire("lin")
        state = await desk.held(lin, "zh")
        await desk.says(state.id, SAID)
        await Audit(desk.store, b"key").note("lin", "tested")
        async with desk.store.write() as tx:
            await tx.add_session("hash", "lin", "2099-01-01T00:00:00.000Z")


async def _texts(settings: Settings, *more: str) -> list[str]:
    """What customers have said, after a customer said ``more``."""
    store = Store(create_engine(settings.database_url), Clock())
    try:
        (name,) = {one["conversation"] for one in await store.desk_events(after=0)}
        for text in more:
            async with store.write() as tx:
                await tx.lock(name)
                await tx.add_message(name, "customer", text)
        assert await Audit(store, b"key").first_broken() is None
        return [one.text for one in await store.messages(name) if one.role == "customer"]
    finally:
        await store.close()


async def _logged_in(settings: Settings) -> bool:
    store = Store(create_engine(settings.database_url), Clock())
    try:
        return await store.session("hash") is not None
    finally:
        await store.close()


def test_what_was_backed_up_comes_back_and_what_was_there_is_kept(settings, tmp_path):
    file = tmp_path / "made" / "kefu.backup"
    assert asyncio.run(_logged_in(settings))
    summary = back_up(settings, file)
    assert summary.pictures == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(BackupError, match="there already"):
        back_up(settings, file)
    assert asyncio.run(_texts(settings, "said later")) == [SAID, "said later"]
    (settings.uploads_dir / "picture").write_bytes(b"others")
    with pytest.raises(BackupError, match="--force"):
        restore(settings, file)
    assert asyncio.run(_texts(settings)) == [SAID, "said later"]
    restore(settings, file, force=True)
    assert asyncio.run(_texts(settings)) == [SAID]
    assert not asyncio.run(_logged_in(settings)), "a session that was ended since must not live again"
    assert (settings.uploads_dir / "picture").read_bytes() == b"pixels"
    (before,) = settings.data_dir.glob("before-restore-*")
    assert (before / "uploads" / "picture").read_bytes() == b"others"
    assert any(one.name.startswith(("kefu.db", "database")) for one in before.iterdir())
    assert not list(settings.data_dir.glob(".kefu-*")), "no scratch is left"


def test_the_promoted_release_comes_back_by_name_and_what_it_needs_is_said(tmp_path):
    settings = Settings(data_dir=tmp_path / "data", company=tmp_path / "acme")
    asyncio.run(_fill(settings))
    trained, running = settings.data_dir / "training" / "3", settings.data_dir / "training" / "4"
    for folder in (trained, running):
        (folder / "company" / "nlu_data" / "zh").mkdir(parents=True)
        (folder / "company" / "nlu_data" / "zh" / "_labels.yml").write_text("nlu: []\n")
        (folder / "split").mkdir()
        (folder / "split" / "rows").write_text("…")
    (trained / "result.json").write_text("{}")
    promoted = {"release": "r-3", "company": str(trained / "company"), "by": "boss", "at": "2026-11-22", "files": "r-1"}
    generations.write(settings.data_dir / generations.FOLDER, generations.PROMOTED, promoted)
    file = tmp_path / "kefu.backup"
    assert back_up(settings, file).promoted == "r-3"
    names = {name for name in members(file) if name.startswith(("training", "service"))}
    assert names == {"training/3/company/nlu_data/zh/_labels.yml", "training/3/result.json", "service/promoted.json"}

    elsewhere = Settings(data_dir=tmp_path / "elsewhere", company=tmp_path / "acme")
    shutil.rmtree(settings.data_dir / "training")
    made = CliRunner().invoke(app, ["restore", str(file)], env={"KEFU_DATA_DIR": str(elsewhere.data_dir)})
    assert made.exit_code == 0, made.output
    learnt_from = elsewhere.data_dir / "training" / "3" / "company"
    assert f"release in service: r-3\nr-3, which boss promoted, is not in {elsewhere.releases_dir}" in made.output
    assert f"kefu train --company {learnt_from}" in made.output
    found = generations.promoted(elsewhere.data_dir)
    assert found is not None
    assert (found.release, found.company) == ("r-3", learnt_from)
    (elsewhere.releases_dir / "r-3").mkdir(parents=True)
    (elsewhere.releases_dir / "r-3" / "release.json").write_text("{}")
    assert missing_release(elsewhere) == ""

    (elsewhere.data_dir / generations.FOLDER / generations.PROMOTED).unlink()
    none = tmp_path / "none.backup"
    back_up(elsewhere, none)
    generations.write(elsewhere.data_dir / generations.FOLDER, generations.PROMOTED, {**promoted, "release": "r-4"})
    restore(elsewhere, none, force=True)
    assert generations.promoted(elsewhere.data_dir) is None, "what was promoted since is not of this back-up"


def test_one_process_alone_is_of_the_promoted_release(tmp_path):
    make_company(tmp_path / "acme")
    settings = Settings(data_dir=tmp_path / "data", company=tmp_path / "acme")
    promoted = {"release": "r-3", "company": None, "by": "boss", "at": "2026-11-22", "files": "r-1"}
    generations.write(settings.data_dir / generations.FOLDER, generations.PROMOTED, promoted)
    environment = {"KEFU_DATA_DIR": str(settings.data_dir), "KEFU_COMPANY": str(settings.company)}
    said = CliRunner().invoke(app, ["serve", "models"], env=environment)
    assert isinstance(said.exception, ConfigurationError)
    assert "r-3: is not there, though boss promoted it" in str(said.exception)


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}


def write(file: Path, given: dict[str, bytes]) -> None:
    with tarfile.open(file, "w") as tar:
        for name, data in given.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Settings, Path]:
    settings = Settings(data_dir=tmp_path / "data")
    settings.uploads_dir.mkdir(parents=True)
    asyncio.run(_fill(settings))
    file = tmp_path / "kefu.backup"
    back_up(settings, file)
    return settings, file


def test_a_damaged_file_is_refused_before_anything_is_touched(whole, tmp_path):
    settings, file = whole
    good, parts = file.read_bytes(), members(file)
    manifest = json.loads(parts[MANIFEST])
    rest = {name: data for name, data in parts.items() if name != MANIFEST}
    flipped = bytearray(parts[SQLITE])
    flipped[len(flipped) // 2] ^= 1
    newer = json.dumps({**manifest, "revision": "9999"}).encode()
    damaged = tmp_path / "damaged"
    cases = [
        (lambda: damaged.write_bytes(b"no tar at all" * 100), "no back-up"),
        (lambda: damaged.write_bytes(good[: len(good) // 2]), "damaged|cut off"),
        (lambda: damaged.write_bytes(good[: good.rindex(b'"sha256"')]), "damaged|cut off"),
        (lambda: write(damaged, rest), "no manifest"),
        (lambda: write(damaged, {**rest, SQLITE: bytes(flipped), MANIFEST: parts[MANIFEST]}), "damaged: database"),
        (lambda: write(damaged, {**rest, MANIFEST: newer}), "newer version"),
        (lambda: write(damaged, {"../outside": b"x", **parts}), "does not belong"),
        (lambda: write(damaged, {"uploads/../../x": b"x", **parts}), "does not belong"),
        (lambda: write(damaged, {**parts, "uploads/more": b"x"}), "follows the manifest"),
    ]
    before = sorted((path.name, path.stat().st_mtime_ns) for path in settings.data_dir.iterdir())
    for make, why in cases:
        make()
        with pytest.raises(BackupError, match=why):
            restore(settings, damaged, force=True)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in settings.data_dir.iterdir()) == before
    assert not (tmp_path / "outside").exists()


def test_a_database_that_is_broken_inside_is_refused(whole, tmp_path):
    settings, file = whole
    parts = members(file)
    scratch = tmp_path / "inside.db"
    scratch.write_bytes(parts[SQLITE][:8192] + b"\xff" * 4096 + parts[SQLITE][12288:])
    manifest = json.loads(parts[MANIFEST])
    manifest["sha256"][SQLITE] = hashlib.sha256(scratch.read_bytes()).hexdigest()
    write(file, {**parts, SQLITE: scratch.read_bytes(), MANIFEST: json.dumps(manifest).encode()})
    with pytest.raises(BackupError, match="damaged"):
        restore(settings, file, force=True)
    assert asyncio.run(_texts(settings)) == [SAID]


def test_the_commands_say_what_they_did(whole, tmp_path, monkeypatch):
    settings, file = whole
    monkeypatch.setenv("KEFU_DATA_DIR", str(settings.data_dir))
    run = CliRunner().invoke
    assert json.loads(run(app, ["restore", str(file), "--check", "--json"]).stdout)["database"] == "sqlite"
    assert "restored" in run(app, ["restore", str(file), "--force"]).stdout
    newest = json.loads(run(app, ["schema", "--json"]).stdout)
    assert newest["revision"] == newest["newest"]
    assert run(app, ["schema", "0008"]).stdout.startswith("0008 ")
    assert run(app, ["schema", "head"]).stdout.startswith(newest["newest"])
    assert asyncio.run(_texts(settings)) == [SAID]
    assert run(app, ["backup", str(tmp_path / "again")]).exit_code == 0
