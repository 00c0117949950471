"""A release takes the place of another: the real supervisor and the gateway's side, over small services."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from server import generations as files
from server.gateway.learning_releases import Releases
from server.gateway.learning_trainings import TrainingError, Trainings
from server.gateway.upstream import Upstream, UpstreamError
from server.release import MANIFEST
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.tables import release_changes, trainings
from server.up.generations import Generation, Generations, free_ports
from server.up.supervisor import Service, Supervisor
from tests.support.floor import Bench, bench
from tests.support.product import ROOT
from tests.support.product import free_ports as ports

DEADLINE_S = 60.0
NOWHERE = ("http://127.0.0.1:1",)
SERVICE = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
port, release = int(sys.argv[1]), sys.argv[2]
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"release": release, "intent": {"name": "greet", "confidence": 1}}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0))); self.do_GET()
    do_PUT = do_POST
    def log_message(self, *_): pass
if release == "r-broken": sys.exit(2)
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


async def until(done: Callable[[], bool]) -> None:
    """Waits for what other processes bring about."""
    async with asyncio.timeout(DEADLINE_S):
        while not done():  # noqa: ASYNC110 (another process has no event)
            await asyncio.sleep(0.02)


@dataclass
class Place:
    """One company's running services, and the gateway's hand on them."""

    desk: Bench
    settings: Settings
    releases: Releases
    upstream: Upstream

    async def settled(self) -> dict[str, Any]:
        """The newest change, once it is over."""
        await until(lambda: not self.releases.exchanging)
        return dict((await self.releases.page())["items"][0])

    async def answers(self) -> str:
        return str((await self.upstream.parse("hello", "en"))["release"])

    async def trained(self, release: str, *, ok: bool = True, says: str | None = None, rasa: str | None = None) -> int:
        """A training that ended, with a release of which the services say ``says``, and Rasa says ``rasa``."""
        folder = self.settings.releases_dir / release
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).write_text("{}")
        (folder / "says").write_text(says or release)
        (folder / "says-rasa").write_text(rasa or says or release)
        company = self.settings.data_dir / "training" / release
        company.mkdir(parents=True, exist_ok=True)
        checks = [{"check": "safety", "intent": "safety_hazard", "ok": ok}]
        async with self.desk.store.write() as tx:
            made = trainings.insert().values(
                state="done", author="boss", at=tx.now, updated=tx.now, progress=1.0, doing="", base="r-1",
                company=str(company), counts={}, release=release,
                result={"release": release, "verdict": {"accepted": ok, "checks": checks}},
            )  # fmt: skip
            return int((await tx.execute(made.returning(trainings.c.id))).scalar_one())


@asynccontextmanager
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setenv(files.SUPERVISED, "1")
    settings = Settings(data_dir=tmp_path / "data", company=ROOT / "demo")

    def make(slot: int, release: str, _company: Path | None) -> Generation:
        first = free_ports(ports(3))

        def told(service: str) -> str:
            said = settings.releases_dir / release / ("says-rasa" if service == "rasa" else "says")
            return said.read_text() if said.is_file() else release

        made = tuple(
            Service(
                name=f"{name}{slot}",
                command=(sys.executable, "-c", SERVICE, str(first + at), told(name)),
                health_url=f"http://127.0.0.1:{first + at}/health",
                directory=tmp_path,
            )
            for at, name in enumerate(("models", "rasa", "actions"))
        )
        address = "http://127.0.0.1:{}".format
        return Generation(slot, release, made, address(first), address(first + 1), address(first + 2))

    first = make(0, "r-1", None)
    supervisor = Supervisor(first.services, logs_dir=tmp_path / "logs", stop_grace_s=1)
    generations = Generations(supervisor, settings.data_dir / files.FOLDER, first, make)
    generations.begin()
    tasks = [asyncio.create_task(supervisor.run()), asyncio.create_task(generations.run())]
    await asyncio.wait_for(supervisor.ready.wait(), DEADLINE_S)
    upstream = Upstream(models=(first.models,), rasa=(first.rasa,), actions=(first.actions,), turn_deadline_s=5)
    async with bench(tmp_path) as desk:
        company = replace(desk.service.company)
        releases = Releases(desk.store, settings, company, Audit(desk.store, b"key"), upstream)
        await releases.start()
        await until(lambda: releases.release == "r-1")
        (settings.releases_dir / "r-1").mkdir(parents=True)
        (settings.releases_dir / "r-1" / MANIFEST).write_text("{}")
        yield Place(desk, settings, releases, upstream)
        await releases.close()
        await upstream.close()
    tasks[1].cancel()
    supervisor.stop()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_new_turns_go_to_the_new_release_and_old_ones_end_where_they_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, monkeypatch) as place:
        training = await place.trained("r-2")
        with place.upstream.one_generation() as old:
            assert old.release == "r-1"
            await place.releases.promote(training, "boss")
            await until(lambda: place.upstream.serving.release == "r-2")
            assert await place.answers() == "r-1", "a turn under way goes on with the release that it began with"
        assert (await place.settled())["state"] == "done"
        assert await place.answers() == "r-2"
        promoted = files.read(place.settings.data_dir / files.FOLDER, files.PROMOTED)
        assert (promoted["release"], promoted["by"]) == ("r-2", "boss")
        await place.releases.roll_back("r-1", "boss", "worse than thought")
        back = await place.settled()
        assert (back["kind"], back["state"], back["problem"]) == ("rollback", "done", None)
        assert await place.answers() == "r-1"
        with pytest.raises(TrainingError, match="in service already"):
            await place.releases.roll_back("r-1", "boss")
        with pytest.raises(TrainingError, match="never in service"):
            await place.releases.roll_back("r-9", "boss")


async def test_what_cannot_be_started_or_is_another_release_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, monkeypatch) as place:
        await place.releases.promote(await place.trained("r-broken"), "boss")
        failed = await place.settled()
        assert failed["state"] == "failed"
        assert "could not be started" in failed["problem"]
        assert await place.answers() == "r-1"
        await place.releases.promote(await place.trained("r-3", says="r-4"), "boss")
        assert "the model service that was started is of r-4, not of r-3" in (await place.settled())["problem"]
        assert await place.answers() == "r-1"
        await place.releases.promote(await place.trained("r-7", rasa="r-1"), "boss")
        assert "the Rasa that was started is of r-1, not of r-7" in (await place.settled())["problem"]
        assert await place.answers() == "r-1"
        # And after both, one that works still can be.
        await place.releases.promote(await place.trained("r-5"), "boss")
        assert (await place.settled())["state"] == "done"
        # A model service that says it is of another release is not mixed with this Rasa.
        place.upstream.serving.release = "r-6"
        with pytest.raises(UpstreamError, match="other_release"):
            await place.answers()


async def test_the_rule_refuses_and_a_person_needs_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path, monkeypatch) as place:
        training = await place.trained("r-2", ok=False)
        with pytest.raises(TrainingError, match="worse in: safety safety_hazard"):
            await place.releases.promote(training, "boss", "why not")
        await place.releases.promote(training, "boss", "the one message was marked wrongly")
        assert (await place.settled())["reason"] == "the one message was marked wrongly"
        with pytest.raises(TrainingError, match="no such training"):
            await place.releases.promote(999, "boss")


async def test_a_gateway_that_was_killed_says_so_and_nothing_is_half_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as desk:
        settings = Settings(data_dir=tmp_path / "data", company=ROOT / "demo")
        upstream = Upstream(models=NOWHERE, rasa=NOWHERE, actions=NOWHERE, turn_deadline_s=1)
        releases = Releases(desk.store, settings, desk.service.company, Audit(desk.store, b"key"), upstream)
        async with desk.store.write() as tx:
            row = {"state": "running", "author": "boss", "at": tx.now, "updated": tx.now, "progress": 0.4}
            await tx.execute(trainings.insert().values(**row, doing="", base="r-1", company="", counts={}))
            change = {"release": "r-2", "kind": "promotion", "author": "boss", "reason": "", "state": "asked"}
            await tx.execute(release_changes.insert().values(at=tx.now, **change))
        made = Trainings(
            desk.store, settings, desk.service.company, labels=None, new_intents=None,  # type: ignore[arg-type]
            audit=Audit(desk.store, b"key"), library=dict, in_service=releases.in_service,
        )  # fmt: skip
        await made.start()
        await releases.start()
        (one,) = await made.page(limit=5)
        assert (one["state"], one["problem"]) == ("failed", "the gateway was stopped while it ran; nothing was changed")
        assert (await releases.page())["items"][0]["state"] == "failed"
        with pytest.raises(TrainingError, match=r"train where the model service runs"):
            await made.begin("boss")
        with pytest.raises(TrainingError, match="does not run"):
            await made.cancel(one["id"], "boss")
        async with desk.store.write() as tx:
            result = {"verdict": {"accepted": True, "checks": []}}
            await tx.execute(update(trainings).values(state="done", release="r-2", result=result))
        (settings.releases_dir / "r-2").mkdir(parents=True)
        (settings.releases_dir / "r-2" / MANIFEST).write_text("{}")
        with pytest.raises(TrainingError, match="was not started by `kefu up`"):
            await releases.promote(one["id"], "boss")
        await releases.close()
        await upstream.close()
