"""How many cores carry how many conversations a day: a simulation over measured costs.

    python -m benchmarks.load curve --points load.json
    python -m benchmarks.capacity load.json [--seed 5] [--json]

Each turn passes gateway, model service, Rasa, actions and the account back end, each a pool of processes with one queue
(first come, first served). What a turn costs there is the CPU time that `benchmarks.load` measured, drawn from a lognormal
distribution with the spread of its answer times; arrivals are Poisson at the rate of the busiest hour. The number of processes grows,
where the queue is longest, until the 95th percentile of an answer is within a second. Sockets and database writes are
counted, not simulated.
"""

import argparse
import heapq
import json
import math
import random
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

DAYS = (10_000, 1_000_000, 100_000_000)
TURNS = 6
"""Messages of a customer in a conversation."""
PEAK_SHARE = 0.12
"""Share of a day's conversations in its busiest hour."""
CONNECTED_S = 600.0
"""How long a customer's page stays connected."""
SOCKETS_A_GATEWAY = 2_000
WRITES = 4
"""Transactions a turn: the message, the answer, the end of the turn with its record, the delivery."""
WRITES_A_SECOND = 2_000
"""Small transactions a second that one PostgreSQL primary on ordinary SSDs is planned with."""
CELL = 1_000_000
"""Conversations a day that one cell (its own database and Redis) is cut for; beyond it there are more cells."""
STAGES = ("gateway", "models", "rasa", "actions", "accounts")
BUSY = 0.7
"""No pool is planned fuller than this: half of three processes can fail or be replaced."""
WITHIN_MS = 1000.0
SIMULATED = 20_000


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU milliseconds a turn at each stage, and the spread of their logarithms."""

    ms: dict[str, float]
    sigma: float


def read_costs(found: dict[str, list[dict[str, float]]]) -> Costs:
    """Costs from the measured point with the lowest rate at which the processes were warm."""
    points = [point for point in found["points"] if point["rate"] <= 10]
    ms = {stage: statistics.median(point[f"cpu {stage}"] for point in points) for stage in STAGES}
    spread = statistics.median(point["p95"] / point["p50"] for point in points)
    return Costs(ms, math.log(max(spread, 1.05)) / statistics.NormalDist().inv_cdf(0.95))


def answers_p95(costs: Costs, rate: float, processes: dict[str, int], rng: random.Random) -> tuple[float, str]:
    """95th percentile of an answer in ms, and the stage at which turns waited longest."""
    free = {stage: [0.0] * count for stage, count in processes.items()}
    waited = dict.fromkeys(STAGES, 0.0)
    now = 0.0
    times = []
    arrivals: list[tuple[float, float, int]] = []
    for _ in range(SIMULATED):
        now += rng.expovariate(rate) * 1000
        arrivals.append((now, now, 0))
    heapq.heapify(arrivals)
    while arrivals:  # a turn at its next stage, in the order of time
        at, came, number = heapq.heappop(arrivals)
        if number == len(STAGES):
            times.append(at - came)
            continue
        stage = STAGES[number]
        mean = costs.ms[stage]
        service = rng.lognormvariate(math.log(max(mean, 0.01)) - costs.sigma**2 / 2, costs.sigma)
        start = max(at, heapq.heappop(free[stage]))
        heapq.heappush(free[stage], start + service)
        waited[stage] += start - at
        heapq.heappush(arrivals, (start + service, came, number + 1))
    return statistics.quantiles(times, n=20)[-1], max(waited, key=lambda stage: waited[stage])


def plan(costs: Costs, rate: float, seed: int) -> tuple[dict[str, int], float, str]:
    """Processes of each kind for this rate, the answer's p95 in ms with them, and what filled up first."""
    processes = {stage: max(1, math.ceil(rate * costs.ms[stage] / 1000 / BUSY)) for stage in STAGES}
    first = max(STAGES, key=lambda stage: costs.ms[stage])
    while True:
        p95, longest = answers_p95(costs, rate, processes, random.Random(seed))
        if p95 <= WITHIN_MS:
            return processes, p95, first
        processes[longest] += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("load", type=Path, help="what benchmarks.load curve --points wrote")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    costs = read_costs(json.loads(arguments.load.read_text("utf-8")))
    found = []
    for day in DAYS:
        cells = max(1, math.ceil(day / CELL))
        rate = day / cells * TURNS * PEAK_SHARE / 3600
        processes, p95, first = plan(costs, rate, arguments.seed)
        sockets = day / cells * PEAK_SHARE / 3600 * CONNECTED_S
        processes["gateway"] = max(processes["gateway"], math.ceil(sockets / SOCKETS_A_GATEWAY))
        writes = rate * WRITES
        found.append(
            {"conversations a day": day, "cells": cells, "turns/s a cell": rate, "answer p95, ms": p95}
            | {f"{stage} processes a cell": processes[stage] for stage in STAGES}
            | {"sockets a cell": sockets, "writes/s a cell": writes, "of a primary": writes / WRITES_A_SECOND}
            | {"8-core machines": cells * math.ceil(sum(processes.values()) / 8), "costs most": first}
        )
    if arguments.json:
        print(json.dumps({"costs_ms": costs.ms, "sigma": costs.sigma, "plan": found}))
        return 0
    print(
        "CPU a turn, ms: " + ", ".join(f"{stage} {ms:.1f}" for stage, ms in costs.ms.items()),
        f"; spread {costs.sigma:.2f}",
    )
    for name in found[0]:
        cells_of = [row[name] for row in found]
        print(
            f"{name:<26}"
            + "".join(
                f"{one:>16,.2f}" if isinstance(one, float) else f"{one:>16,}" if isinstance(one, int) else f"{one:>16}"
                for one in cells_of
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
