"""The gateway alone, as a process of its own that can be killed: what people do with each other needs no more."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from server.settings import Settings
from server.up.forked import PROGRAM
from server.up.services import PRELOAD
from tests.support import staff
from tests.support.product import ROOT, free_ports

READY_DEADLINE_S = 60
STOP_DEADLINE_S = 30


class _Imported:
    """The gateway's program, imported once: each start is a copy, as under `kefu up`."""

    def __init__(self, environment: dict[str, str], output: IO[bytes]) -> None:
        self._control, theirs = socket.socketpair()
        self._control.settimeout(READY_DEADLINE_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, PROGRAM, str(theirs.fileno()), *PRELOAD["gateway"], "-m", "server.gateway"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )

    def start(self, output: IO[bytes]) -> int:
        """The process id of a copy, which writes to ``output``."""
        socket.send_fds(self._control, [b"f"], [output.fileno()])
        return self._number()

    def has_ended(self) -> bool:
        """Whether the last copy has."""
        return bool(select.select([self._control], [], [], 0)[0])

    def wait(self) -> int:
        """The exit status of the last copy, once it has ended."""
        return self._number()

    def close(self) -> None:
        self._control.close()
        self._process.wait(STOP_DEADLINE_S)

    def _number(self) -> int:
        line = b""
        while not line.endswith(b"\n"):
            data = self._control.recv(1)
            if not data:
                raise RuntimeError(f"the gateway could not be imported: status {self._process.wait()}")
            line += data
        return int(line)


@dataclass
class Gateway:
    """One gateway over a data folder; ``start`` after ``kill`` goes on with what is stored."""

    data_dir: Path
    company: Path = ROOT / "demo"
    internal_port: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    pid: int | None = None
    _imported: _Imported | None = None

    def __post_init__(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.internal_port = self.internal_port or free_ports(4)
        self.port = free_ports(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir / f"gateway-{self.port}.log"

    def _environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("KEFU_")},
            "KEFU_PORT": str(self.port),
            "KEFU_INTERNAL_PORT": str(self.internal_port),
            "KEFU_DATA_DIR": str(self.data_dir),
            "KEFU_COMPANY": str(self.company),
            **self.environment,
        }

    def start(self) -> None:
        """Runs the gateway and waits until it answers."""
        with self.log.open("ab") as log:
            self._imported = self._imported or _Imported(self._environment(), log)
            self.pid = self._imported.start(log)
        deadline = time.monotonic() + READY_DEADLINE_S
        while not self._answers():
            if self._imported.has_ended() or time.monotonic() > deadline:
                raise RuntimeError(f"the gateway did not come up:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """SIGKILL: no time to say or store anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ctrl-C."""
        if self.pid is not None:
            self._end(signal.SIGINT)
        if self._imported is not None:
            self._imported.close()
            self._imported = None

    def _end(self, how: signal.Signals) -> None:
        assert self.pid is not None
        assert self._imported is not None
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself; `start` says so with its log
            os.kill(self.pid, how)
        self._imported.wait()
        self.pid = None

    def add_staff(self, name: str, role: str = "agent", shown: str = "") -> None:
        """Makes a staff account."""
        more = {"database_url": url} if (url := self.environment.get("KEFU_DATABASE_URL")) else {}
        settings = Settings(data_dir=self.data_dir, company=self.company, **more)
        self.passwords[name] = staff.add(settings, name, role, shown)
