"""One process of Kefu alone, for containers and other supervisors: the same command that `kefu up` would run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from server import generations
from server.company import Company
from server.logs import masked_line
from server.release import MANIFEST, check, release_id
from server.settings import ConfigurationError, Settings
from server.up.services import generation, services
from server.up.supervisor import Service

NAMES = ("gateway", "models", "rasa", "actions", "accounts")
_TRAINED = ("models", "rasa")
_OF_THE_RELEASE = (*_TRAINED, "actions")
_STOP = (signal.SIGINT, signal.SIGTERM)


def run_single(settings: Settings, company: Company, name: str, *, host: str | None, port: int | None) -> int:
    """Becomes the process, or, for one that does not mask its own lines, runs it and masks them; its exit status.

    ``host`` and ``port`` are where it listens instead of where `kefu up` would have it listen.

    Raises:
        ConfigurationError: There is no such process, or what it needs is not trained yet.
    """
    chosen = _chosen(settings, company, name)
    command, environment = _listening(chosen, host, port)
    if chosen.masks_itself:
        os.chdir(chosen.directory)
        os.execvpe(command[0], command, environment)  # noqa: S606 (a fixed program, no shell)
    return _masked(command, environment, chosen.directory)


def _chosen(settings: Settings, company: Company, name: str) -> Service:
    promoted = generations.promoted(settings.data_dir)
    made_of = None if promoted is None else promoted.company
    release = settings.releases_dir / (release_id(settings, company) if promoted is None else promoted.release)
    if name in _TRAINED and not (release / MANIFEST).is_file():
        if promoted is None:
            raise ConfigurationError(f"{release}: is not trained yet; `kefu train` makes it")
        raise ConfigurationError(
            f"{release}: is not there, though {promoted.by} promoted it in the console; copy it there, or remove "
            f"{settings.data_dir / generations.FOLDER / generations.PROMOTED} to start what the company's files make"
        )
    if name in _OF_THE_RELEASE and made_of is not None and not made_of.is_dir():
        raise ConfigurationError(f"{made_of}: is not there, though {release.name}, which was promoted, was made of it")
    if name in _TRAINED:
        check(release)
    first = generation(settings, 0, release, made_of, settings.models_port)
    found = {one.name: one for one in services(settings, company, first)}
    if name not in found:
        raise ConfigurationError(f'there is no process "{name}" here; there are: {", ".join(found)}')
    return found[name]


def _listening(chosen: Service, host: str | None, port: int | None) -> tuple[list[str], dict[str, str]]:
    """The command and its environment; of an option that is given twice, the last one counts."""
    command, environment = list(chosen.command), dict(chosen.environment)
    if chosen.name == "gateway":
        environment |= {"KEFU_HOST": host} if host else {}
        environment |= {"KEFU_PORT": str(port)} if port else {}
        return command, environment
    if host and chosen.name == "actions":
        environment["SANIC_HOST"] = host
    elif host:
        command += ["--host", host]
    if port:
        command += ["--port", str(port)]
    return command, environment


def _masked(command: list[str], environment: dict[str, str], directory: Path) -> int:
    with subprocess.Popen(  # noqa: S603 (a fixed program, no shell)
        command,
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for number in _STOP:
            signal.signal(number, lambda sent, _frame: process.send_signal(sent))
        assert process.stdout is not None
        for line in process.stdout:
            print(masked_line(line.rstrip("\n")), file=sys.stderr, flush=True)
        return process.wait()
