"""Faults of single processes of a running product: killed, hung, slowed, or gone with nobody on their port."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.product import Product

SERVICES = ("gateway", "models", "rasa", "actions", "accounts")
KINDS = ("killed", "hung", "slowed", "refusing")
SLOWED_STOP_S, SLOWED_RUN_S = 0.25, 0.05
_FIND_S = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to whom; ``seconds`` is how long it hangs, is slow or refuses. A kill is over at once."""

    service: str
    kind: str
    seconds: float

    def inject(self, product: Product) -> None:
        """Makes it happen, and returns when it is over; the supervisor does the rest. Blocks: call it in a thread."""
        injected: Callable[[Product], None] = {
            "killed": self._kill,
            "hung": self._hang,
            "slowed": self._slow,
            "refusing": self._refuse,
        }[self.kind]
        injected(product)

    def _pid(self, product: Product) -> int:
        deadline = time.monotonic() + _FIND_S
        while (pid := product.pids().get(self.service)) is None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.service} is not running")
            time.sleep(0.05)
        return pid

    def _kill(self, product: Product) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid(product), signal.SIGKILL)

    def _hang(self, product: Product) -> None:
        self._stop_for(self._pid(product), self.seconds)

    def _slow(self, product: Product) -> None:
        pid, end = self._pid(product), time.monotonic() + self.seconds
        while time.monotonic() < end:
            self._stop_for(pid, SLOWED_STOP_S)
            time.sleep(SLOWED_RUN_S)

    def _refuse(self, product: Product) -> None:
        self._kill(product)
        hold_port(product.port_of(self.service), self.seconds)

    def _stop_for(self, pid: int, seconds: float) -> None:
        with contextlib.suppress(ProcessLookupError):  # the supervisor ended it meanwhile
            os.kill(pid, signal.SIGSTOP)
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0 and Path(f"/proc/{pid}").exists():
                time.sleep(min(left, 0.05))
            os.kill(pid, signal.SIGCONT)


def hold_port(port: int, seconds: float) -> None:
    """Takes a port that is being let go and does not listen: connections are refused, and nobody else gets it."""
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        while True:
            try:
                squatter.bind(("127.0.0.1", port))
                break
            except OSError:
                time.sleep(0.01)
        # This got past what closed connections left of the old one; a new one must not get past this.
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        time.sleep(seconds)
