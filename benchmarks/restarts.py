"""How long each process is away after it was killed, hangs, or finds its port taken, and what its start costs.

    python -m benchmarks.restarts [--rounds 3] [--taken 6] [--json]

Starts a product of its own and leaves it alone otherwise: what people notice under load, `benchmarks.chaos` measures.
Away is the time until a new process answers at its health address (for a taken port, from when it is free again); the
start's cost is the processor time of the new process by then. The median of the rounds.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks._rows import own_product
from tests.support.faults import SERVICES, hold_port
from tests.support.product import Product

DEADLINE_S = 120.0
PAUSE_S = 2.0
ASKED_S = 5.0
Found = dict[str, list[tuple[float, float]]]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def processor_s(pid: int) -> float:
    """Processor time of a process so far, all threads, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def away(product: Product, service: str, old: int) -> tuple[float, float]:
    """Waits for a process other than ``old`` to answer; seconds from now, and what it cost."""
    began, url = time.monotonic(), product.health_url(service)
    while time.monotonic() - began < DEADLINE_S:
        if (pid := product.pids().get(service, old)) != old and answers(url):
            return time.monotonic() - began, processor_s(pid)
        time.sleep(0.02)
    raise TimeoutError(f"{service} did not come back within {DEADLINE_S:.0f} s")


def killed(product: Product, service: str) -> tuple[float, float]:
    pid = product.pids()[service]
    os.kill(pid, signal.SIGKILL)
    return away(product, service, pid)


def hung(product: Product, service: str) -> tuple[float, float]:
    pid = product.pids()[service]
    os.kill(pid, signal.SIGSTOP)
    return away(product, service, pid)


def taken(product: Product, service: str, seconds: float) -> tuple[float, float]:
    pid = product.pids()[service]
    os.kill(pid, signal.SIGKILL)
    hold_port(product.port_of(service), seconds)
    return away(product, service, pid)


def run(product: Product, rounds: int, seconds: float) -> Found:
    found: Found = {}
    for _ in range(rounds):
        for service in SERVICES:
            faults = (("killed", killed), ("hung", hung), ("port taken", lambda p, s: taken(p, s, seconds)))
            for kind, inject in faults:
                measured = inject(product, service)
                found.setdefault(f"{service} {kind}", []).append(measured)
                print(f"{service} {kind}: {measured[0]:.2f} s away, {measured[1]:.2f} s processor", file=sys.stderr)
                time.sleep(PAUSE_S)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--taken", type=float, default=6, help="seconds for which a port is taken")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with own_product() as product:
        found = run(product, arguments.rounds, arguments.taken)
    if arguments.json:
        print(json.dumps(found))
        return 0
    print(f"{'':<24} {'away s':>8} {'worst':>8} {'processor s':>12}        asked {ASKED_S:g}")
    for name, times in found.items():
        waits = [one[0] for one in times]
        cost = statistics.median(one[1] for one in times)
        print(f"{name:<24} {statistics.median(waits):>8.2f} {max(waits):>8.2f} {cost:>12.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
