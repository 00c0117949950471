"""Train what is not trained yet and prepare the database, in a process of its own.

The supervisor runs ``python -m server.up.prepare`` and reads JSON lines from it, so that the models which training
loads are gone from memory afterwards, and Ctrl-C ends a training at once. Lines: ``{"fraction", "text"}`` while it
works, then ``{"release", "credentials": [{"username", "password", "role"}]}``, or ``{"error"}``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server import generations, release
from server.company import Company
from server.settings import ROOT, ConfigurationError, Settings, load_settings
from server.up.build import BuildError, run_logged, tool_environment

if TYPE_CHECKING:
    from server import gateway

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Credential:
    """A staff account; ``password`` only where it was made at random just now."""

    username: str
    password: str | None
    role: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the services need: the release's folder, and the staff accounts to tell the operator about."""

    release: Path
    credentials: tuple[Credential, ...]
    company: Path | None = None
    """The folder that the release was made of, where that is not the company's own."""
    note: str = ""
    """What the operator should know about the choice of the release."""


async def prepare(environment: dict[str, str], logs_dir: Path, progress: Progress) -> Prepared:
    """Run this module as a process and follow it.

    Raises:
        BuildError: Training or the database failed.
    """
    result: list[dict[str, Any]] = []
    rest = b""

    def read(data: bytes) -> None:
        nonlocal rest
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "text" in message:
                progress(message["fraction"], message["text"])
            else:
                result.append(message)

    try:
        await run_logged(
            (sys.executable, "-m", "server.up.prepare"),
            name="prepare",
            logs_dir=logs_dir,
            directory=ROOT,
            environment=tool_environment() | environment,
            answers=read,
        )
    except BuildError as error:
        if result and "error" in result[-1]:
            raise BuildError(result[-1]["error"], error.log) from error
        raise
    answer = result[-1]
    return Prepared(
        Path(answer["release"]),
        tuple(Credential(**one) for one in answer["credentials"]),
        Path(answer["company"]) if answer["company"] else None,
        answer["note"],
    )


def main() -> int:
    """Do the work; exit status 0 when everything is ready."""
    # What libraries print must not get among the answers: from here on their standard output is the log.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(**message: object) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    def progress(fraction: float, text: str) -> None:
        tell(fraction=fraction, text=text)

    from server import gateway  # noqa: PLC0415 (only this process needs what it imports)
    from server.gateway.company_in_force import with_company  # noqa: PLC0415

    try:
        settings = with_company(load_settings())
        company = Company.load(settings.company)
        folder, made_of, note = _chosen(settings, company, progress)
        prepare_engine(settings, Company.load(made_of) if made_of else company, folder.name, progress)
        progress(1.0, "preparing the database")
        credentials = gateway.bootstrap(settings)
    except ConfigurationError as error:
        tell(error=str(error))
        return 1
    tell(
        release=str(folder),
        company=str(made_of) if made_of else "",
        note=note,
        credentials=[
            {"username": one.username, "password": _told(one, settings), "role": one.role} for one in credentials
        ],
    )
    return 0


def _chosen(settings: Settings, company: Company, progress: Progress) -> tuple[Path, Path | None, str]:
    """The release to start with, the folder it was made of where that is no file's, and what to say about it.

    What was promoted in the console goes before what the company's files make; when these have changed since, they are
    a candidate like any other, to be trained from the console.
    """
    promoted = generations.promoted(settings.data_dir)
    if promoted is None:
        return release.ensure(settings, company, progress), None, ""
    name, made_of = promoted.release, promoted.company
    folder = settings.releases_dir / name
    problems = company.problems()
    if problems:
        raise release.ReleaseError("\n".join(problems))
    if not (folder / release.MANIFEST).is_file() or (made_of is not None and not made_of.is_dir()):
        note = f"{name}, which {promoted.by} promoted in the console, is not there any more; the files' release is"
        return release.ensure(settings, company, progress), None, f"{note} started"
    release.check(folder)
    note = f"starting {name}, which {promoted.by} promoted in the console on {promoted.at}"
    if promoted.files != release.release_id(settings, company):
        note += "; the company's files have changed since: train and promote them in the console"
    return folder, made_of, note


def prepare_engine(settings: Settings, company: Company, release_id: str, progress: Progress) -> None:
    """Prepare the chosen engine if it is not prepared yet; where that fails, say so: the embedded engine answers."""
    if settings.understanding.engine == "embedded":
        return  # as `ensure` would, without two seconds of imports at every start
    from server.llm import ensure  # noqa: PLC0415 (loads the models)

    try:
        asyncio.run(ensure.ensure(settings, company, release_id, progress))
    except ensure.FAILURES as error:
        progress(1.0, f"the engine {settings.understanding.engine} is not prepared, the embedded one answers: {error}")


def _told(account: gateway.Credential, settings: Settings) -> str | None:
    """Return the password, unless the operator chose it: theirs is not ours to print."""
    chosen = settings.admin_password is not None and account.username == settings.admin_user
    return None if chosen else account.password


if __name__ == "__main__":
    sys.exit(main())
