"""The gateway alone, as a process of its own that can be killed: what people do with each other needs no more."""

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from server.gateway.accounts import add_user
from server.settings import Settings
from tests.support.product import ROOT, free_ports

READY_DEADLINE_S = 60


@dataclass
class Gateway:
    """One gateway over a data folder; ``start`` after ``kill`` goes on with what is stored."""

    data_dir: Path
    company: Path = ROOT / "demo"
    internal_port: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

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
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server.gateway"],
                cwd=ROOT,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_DEADLINE_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
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
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """Ctrl-C."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
            self.process = None

    def add_staff(self, name: str, role: str = "agent", shown: str = "") -> None:
        """Makes a staff account; call it where no event loop is running."""
        self.passwords[name] = secrets.token_urlsafe(12)
        more = {"database_url": url} if (url := self.environment.get("KEFU_DATABASE_URL")) else {}
        settings = Settings(data_dir=self.data_dir, company=self.company, **more)
        add_user(settings, name, self.passwords[name], role, shown or name)
