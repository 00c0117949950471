"""Retraining from the console: a process of its own, one at a time, followed, stopped, and never half-applied."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select, update

from server.company import Company
from server.gateway.company_in_force import with_bound
from server.gateway.learning_labels import Labels
from server.gateway.new_intents import NewIntents
from server.learning import snapshot
from server.learning.files import COMPANY, JOB, RESULT
from server.library import Library
from server.new_intents import NewIntent
from server.settings import ROOT, ConfigurationError, Settings
from server.storage.audit import Audit
from server.storage.store import Store, iso
from server.storage.tables import trainings
from server.up.child import Child, RotatingLog, describe_status

Json = dict[str, Any]
logger = logging.getLogger(__name__)
RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
EVERY_S: Final = 2.0
LOST_AFTER: Final = timedelta(seconds=60)
"""A training of which nobody has written for so long lost the gateway that followed it."""
STOP_GRACE_S: Final = 3.0
TRAINING: Final = "training"


class TrainingError(RuntimeError):
    """A training that cannot be begun or stopped; the message says why. ``status`` is the HTTP status."""

    def __init__(self, message: str, status: int = 409) -> None:
        super().__init__(message)
        self.status = status


class Trainings:
    """Begins and follows trainings; `start` and `close` own the tasks."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        company: Company,
        *,
        labels: Labels,
        new_intents: NewIntents,
        audit: Audit,
        library: Callable[[], Library],
        in_service: Callable[[], Awaitable[tuple[str, Path]]],
    ) -> None:
        self._store = store
        self._settings = settings
        self._company = company
        self._labels = labels
        self._new = new_intents
        self._audit = audit
        self._library = library
        self._in_service = in_service
        self.finished: Callable[[int], Awaitable[None]] | None = None
        """Told of every training that ended well."""
        self._folder = settings.data_dir / TRAINING
        self._task: asyncio.Task[None] | None = None
        self._child: Child | None = None
        self._begins = asyncio.Lock()
        self._cancelled_by: str | None = None
        self._progress = (0.0, "")

    async def start(self) -> None:
        """Says of trainings that lost their gateway that they failed."""
        await self._bury(timedelta(0) if self._settings.redis_url == "" else LOST_AFTER)

    async def close(self) -> None:
        """Stops the training that runs here."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def begin(self, author: str) -> int:
        """Begins a training on the company's files, the labels that count and the new intents; returns its number.

        Raises:
            TrainingError: One runs already, or there is nothing that could be compared with it.
        """
        async with self._begins:
            await self._bury(LOST_AFTER)
            running = await self._store.one(select(trainings.c.id).where(trainings.c.state == RUNNING))
            if running is not None or (self._task is not None and not self._task.done()):
                raise TrainingError("a training runs already: wait for it, or stop it first")
            base, base_company = await self._in_service()
            if not (self._settings.releases_dir / base).is_dir():
                raise TrainingError(
                    f"the release in service, {base or 'unknown'}, is not in {self._settings.releases_dir}: "
                    "train where the model service runs, with `kefu train`"
                )
            labels = await self._labels.accepted()
            new = [NewIntent.from_json(one) for one in self._new.all()]
            async with self._store.write() as tx:
                made = trainings.insert().values(
                    state=RUNNING, author=author, at=tx.now, updated=tx.now, progress=0.0, doing="", base=base,
                    company="", counts={},
                )  # fmt: skip
                number = int((await tx.execute(made.returning(trainings.c.id))).scalar_one())
                await self._audit.note_in(tx, author, "training.begun", f"training:{number}", labels=len(labels))
            self._cancelled_by, self._progress = None, (0.0, "")
            work = self._run(number, base, base_company, labels, new)
            self._task = asyncio.create_task(work, name=f"training {number}")
            return number

    async def cancel(self, number: int, author: str) -> None:
        """Stops a training; nothing of it remains but its entry.

        Raises:
            TrainingError: It does not run here.
        """
        row = await self._store.one(select(trainings.c.state).where(trainings.c.id == number))
        if row is None:
            raise TrainingError("there is no such training", 404)
        if row.state != RUNNING or self._child is None:
            raise TrainingError("it does not run any more, or another gateway runs it")
        self._cancelled_by = author
        await self._child.stop(STOP_GRACE_S)

    async def page(self, *, limit: int, before: int | None = None) -> list[Json]:
        """Trainings, newest first; of comparisons only the head figures."""
        query = select(*trainings.c).order_by(trainings.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(trainings.c.id < before)
        return [_as_json(row._mapping, whole=False) for row in await self._store.all(query)]

    async def one(self, number: int) -> Json | None:
        """One training with everything that was measured."""
        row = await self._store.one(select(*trainings.c).where(trainings.c.id == number))
        return None if row is None else _as_json(row._mapping, whole=True)

    async def _run(self, number: int, base: str, base_company: Path, labels: Any, new: list[NewIntent]) -> None:
        folder = self._folder / str(number)
        try:
            shutil.rmtree(folder, ignore_errors=True)  # of a database that was there before this one
            counts = await asyncio.to_thread(
                snapshot.write, folder / COMPANY, self._company, labels, new, self._library()
            )
            held_out = self._company.held_out
            job = {"base": base, "base_company": str(base_company), "held_out": str(held_out) if held_out else None}
            (folder / JOB).write_text(json.dumps(job), encoding="utf-8")
            await self._set(number, company=str(folder / COMPANY), counts=counts)
            problem = await self._follow(number, folder)
            if problem is None:
                await self._finish(number, folder)
                return
        except asyncio.CancelledError:
            await asyncio.shield(self._fail(number, "the gateway was stopped while it ran; nothing was changed"))
            raise
        except (ConfigurationError, OSError) as error:
            problem = str(error)
        except Exception as error:  # whatever it was, the entry must not say for ever that it runs
            logger.exception("training %d failed", number)
            problem = f"{type(error).__name__}: see the gateway's log"
        await self._fail(number, problem)
        shutil.rmtree(folder, ignore_errors=True)

    async def _follow(self, number: int, folder: Path) -> str | None:
        """Runs the process to its end; what went wrong, or None."""
        log = RotatingLog(self._settings.logs_dir / "training.log")
        errors: list[str] = []
        rest = b""

        def read(data: bytes) -> None:
            nonlocal rest
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                if "error" in message:
                    errors.append(str(message["error"]))
                else:
                    self._progress = (float(message["fraction"]), str(message["text"]))

        try:
            self._child = child = await Child.start(
                (sys.executable, "-m", "server.learning.job", str(folder)),
                environment={**os.environ, **with_bound(self._settings, self._company).environment()},
                directory=ROOT,
                output=log.write,
                answers=read,
            )
            end = asyncio.create_task(child.wait())
            try:
                while not (await asyncio.wait({end}, timeout=EVERY_S))[0]:
                    fraction, text = self._progress
                    await self._set(number, progress=fraction, doing=text)
                status = end.result()
            finally:
                await child.stop(STOP_GRACE_S)
                end.cancel()
                with suppress(asyncio.CancelledError):
                    await end
            if self._cancelled_by is None and status == 0:
                return None
            return errors[-1] if errors else f"the training process {describe_status(status)}; see {log.path}"
        finally:
            self._child = None
            log.close()

    async def _finish(self, number: int, folder: Path) -> None:
        result: Json = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        shutil.rmtree(folder / "split", ignore_errors=True)
        now = self._store.now()
        await self._set(number, state=DONE, ended=now, progress=1.0, doing="", release=result["release"], result=result)
        await self._audit.note("kefu", "training.done", f"training:{number}", release=result["release"])
        if self.finished is not None:
            await self.finished(number)

    async def _fail(self, number: int, problem: str) -> None:
        state = FAILED if self._cancelled_by is None else CANCELLED
        why = problem if self._cancelled_by is None else f"stopped by {self._cancelled_by}"
        await self._set(number, state=state, ended=self._store.now(), doing="", problem=why)
        await self._audit.note(self._cancelled_by or "kefu", f"training.{state}", f"training:{number}")

    async def _set(self, number: int, **values: Any) -> None:
        async with self._store.write() as tx:
            await tx.execute(update(trainings).where(trainings.c.id == number).values(updated=tx.now, **values))

    async def _bury(self, silent_for: timedelta) -> None:
        if self._task is not None and not self._task.done():
            return
        async with self._store.write() as tx:
            # Times are compared as they are stored.
            moment = iso(datetime.fromisoformat(tx.now) - silent_for)
            gone = update(trainings).where(trainings.c.state == RUNNING, trainings.c.updated <= moment)
            problem = "the gateway was stopped while it ran; nothing was changed"
            await tx.execute(gone.values(state=FAILED, ended=tx.now, doing="", problem=problem))


def _as_json(row: Any, *, whole: bool) -> Json:
    result = row["result"]
    found = {name: row[name] for name in row if name not in {"result", "company", "updated"}}
    if result is None:
        return {**found, "verdict": None, "comparison": None, "method": None}
    comparison = result["comparison"]
    if not whole:
        sides = {side: {"metrics": comparison[side]["metrics"]} for side in ("base", "candidate")}
        comparison = {"examples": comparison["examples"], "differences": comparison["differences"], **sides}
    return {**found, "verdict": result["verdict"], "comparison": comparison, "method": result["method"]}
