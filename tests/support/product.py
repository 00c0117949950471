"""The whole product, started as an operator starts it, on free ports and a data folder of its own."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from server.settings import Settings
from tests.support import staff

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "fork_server.py"
READY_DEADLINE_S = 900
STOP_DEADLINE_S = 30


@dataclass
class Product:
    """One running Kefu; ``url`` is the gateway's."""

    data_dir: Path
    company: Path = ROOT / "demo"
    port: int = 0
    internal_port: int = 0
    passwords: dict[str, str] = field(default_factory=dict)
    traces_url: str = ""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        # Trained releases are shared: they are named by a hash of what they were trained on.
        shared = ROOT / ".kefu" / "releases"
        shared.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "releases").symlink_to(shared)
        models = ROOT / ".kefu" / "models"
        models.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "models").symlink_to(models)
        self.internal_port = free_ports(4)
        self.port = free_ports(1)
        self.passwords = {"admin": secrets.token_urlsafe(12)}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def accounts_url(self) -> str:
        return f"http://127.0.0.1:{self.internal_port + 3}"

    def secret(self) -> bytes:
        """The key that the running product signs with."""
        return (self.data_dir / "secret").read_text("ascii").strip().encode()

    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("KEFU_")},
            "KEFU_PORT": str(self.port),
            "KEFU_INTERNAL_PORT": str(self.internal_port),
            "KEFU_DATA_DIR": str(self.data_dir),
            "KEFU_COMPANY": str(self.company),
            "KEFU_ADMIN_PASSWORD": self.passwords["admin"],
            # Spans are sent soon: a test waits for them.
            **({"KEFU_TRACES_URL": self.traces_url, "OTEL_BSP_SCHEDULE_DELAY": "200"} if self.traces_url else {}),
        }

    def start(self) -> None:
        """Runs ``kefu up`` and waits until it answers."""
        with (self.data_dir / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server.cli", "up"],
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_DEADLINE_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"kefu up did not come up:\n{(self.data_dir / 'up.log').read_text()[-4000:]}")
            time.sleep(0.2)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """Ctrl-C."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.process = None

    def health_url(self, service: str) -> str:
        """Where a service says that it works."""
        if service == "gateway":
            return f"{self.url}/healthz"
        paths = {"rasa": "webhooks/kefu/health", "accounts": "healthz"}
        return f"http://127.0.0.1:{self.port_of(service)}/{paths.get(service, 'health')}"

    def port_of(self, service: str) -> int:
        """Where a service listens."""
        inside = ("models", "rasa", "actions", "accounts")
        return self.port if service == "gateway" else self.internal_port + inside.index(service)

    def kill(self) -> None:
        """SIGKILL for the supervisor; its children die with it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def add_staff(self, name: str, role: str = "agent", shown: str = "") -> None:
        """Makes a staff account as an operator does; ``shown`` is what customers call the person."""
        settings = Settings(data_dir=self.data_dir, company=self.company)
        self.passwords[name] = staff.add(settings, name, role, shown)

    def pids(self) -> dict[str, int]:
        """Process ids of the services, by the name of their module; a fork server is not what it forked."""
        found: dict[str, list[int]] = {}
        names = {"server.models": "models", "kefu_bot": "rasa", "actions": "actions", "server.accounts": "accounts"}
        names["server.gateway"] = "gateway"
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"KEFU_DATA_DIR={self.data_dir}".encode() not in environment or b"-m" not in command:
                continue
            module = command[command.index(b"-m") + 1].decode()
            if module in names:
                found.setdefault(names[module], []).append(int(entry.name))
        forked = {name: [one for one in pids if _parent(one) in pids] for name, pids in found.items()}
        return {name: (forked[name] or pids)[0] for name, pids in found.items() if forked[name] or not _is_server(pids)}


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_server(pids: list[int]) -> bool:
    """Whether this is a fork server whose child is not there yet."""
    try:
        return PROGRAM.encode() in Path(f"/proc/{pids[0]}/cmdline").read_bytes()
    except OSError:
        return False


def free_ports(count: int) -> int:
    """The first of ``count`` ports in a row on which nothing listens.

    Below those from which systems take the near ends of connections: one of these could be taken before it is used.
    """
    while True:
        first = secrets.randbelow(12_000) + 20_000
        listeners = []
        try:
            for port in range(first, first + count):
                listener = socket.socket()
                listeners.append(listener)
                listener.bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            for listener in listeners:
                listener.close()
        return first


def read_json(url: str) -> object:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)
