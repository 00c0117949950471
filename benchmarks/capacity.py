"""How many cores carry how many conversations a day: a simulation over measured costs.

    python -m benchmarks.load curve --plot docs/images/load.svg --points docs/load.json
    python -m benchmarks.capacity docs/load.json [--seed 5] [--json | --page docs/capacity.md]

`--page` writes every figure of that page anew, between its marks.

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
from collections.abc import Iterable
from dataclasses import asdict, dataclass
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
CORES = 8


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What so many conversations a day need, in so many cells that are alike; figures are those of one cell."""

    day: int
    cells: int
    rate: float
    """Turns a second in the busiest hour."""
    processes: dict[str, int]
    p95: float
    """95th percentile of an answer, in ms."""
    first: str
    """The stage that costs most."""

    @property
    def sockets(self) -> float:
        """Customers who are connected at once."""
        return self.day / self.cells * PEAK_SHARE / 3600 * CONNECTED_S

    @property
    def writes(self) -> float:
        """Transactions a second."""
        return self.rate * WRITES

    @property
    def machines(self) -> int:
        """Machines of `CORES` cores for all cells, a core for each process."""
        return self.cells * math.ceil(sum(self.processes.values()) / CORES)


def plans(costs: Costs, seed: int) -> list[Plan]:
    """A plan for each of `DAYS`."""
    found = []
    for day in DAYS:
        cells = max(1, math.ceil(day / CELL))
        rate = day / cells * TURNS * PEAK_SHARE / 3600
        processes, p95, first = plan(costs, rate, seed)
        sockets = day / cells * PEAK_SHARE / 3600 * CONNECTED_S
        processes["gateway"] = max(processes["gateway"], math.ceil(sockets / SOCKETS_A_GATEWAY))
        found.append(Plan(day, cells, rate, processes, p95, first))
    return found


def day_of_a_primary() -> float:
    """Conversations a day at which one primary has all the writes that it is planned with."""
    return WRITES_A_SECOND / (TURNS * PEAK_SHARE / 3600 * WRITES)


def measured(points: list[dict[str, float]]) -> list[str]:
    """The measured points as a table of the page."""
    rows = [
        "| turns a second | answer p50 / p95 | longer than 15 s | processor a turn: models, gateway, Rasa, actions, accounts |"
        " texts in a pass of the model |",
        "|---|---|---|---|---|",
    ]
    for point in points:
        costs = ", ".join(
            f"{point[f'cpu {stage}']:.0f}" for stage in ("models", "gateway", "rasa", "actions", "accounts")
        )
        rows.append(
            f"| {point['rate']:g} | {point['p50']:.0f} / {point['p95']:.0f} ms | {point['late']:.0f} % | {costs} ms |"
            f" {point['texts a pass']:.1f} |"
        )
    good = [point for point in points if point["p95"] <= WITHIN_MS and not point["late"]]
    most = max((point["rate"] for point in good), default=0.0)
    rows += [
        "",
        f"The most that is answered within a second (95th percentile): {most:g} turns a second, {most * 3600:,.0f} an hour.",
    ]
    return rows


def planned(costs: Costs, found: list[Plan]) -> list[str]:
    """The plans as a table of the page, and what they say of the bottlenecks."""
    share = costs.ms["models"] / sum(costs.ms.values())

    def row(name: str, values: Iterable[str]) -> str:
        return f"| {name} | {' | '.join(values)} |"

    order = ("gateway", "models", "rasa", "actions", "accounts")
    return [
        f"Taken as given: {TURNS} messages of the customer in a conversation, {100 * PEAK_SHARE:g} % of a day's in its busiest hour, "
        f"connected for {CONNECTED_S / 60:g} minutes, {SOCKETS_A_GATEWAY:,} sockets a gateway, {WRITES} transactions a turn, "
        f"pools no fuller than {100 * BUSY:g} %, answers within {WITHIN_MS:,.0f} ms (95th percentile), Poisson arrivals, "
        f"{CELL:,} conversations a day and cell.",
        "",
        "Processor a turn that the simulation takes, ms: "
        + ", ".join(f"{stage} {costs.ms[stage]:.1f}" for stage in order)
        + f" (models: {100 * share:.0f} %); spread of the logarithm {costs.sigma:.2f}.",
        "",
        row("conversations a day", (f"{one.day:,}" for one in found)),
        "|" + "---|" * (len(found) + 1),
        row("cells", (f"{one.cells:,}" for one in found)),
        row("turns a second in the busiest hour, a cell", (f"{one.rate:,.0f}" for one in found)),
        row("the same in all", (f"{one.rate * one.cells:,.0f}" for one in found)),
        row("answer p95, simulated", (f"{one.p95:,.0f} ms" for one in found)),
        *(row(f"processes a cell: {stage}", (f"{one.processes[stage]:,}" for one in found)) for stage in order),
        row("connected customers, a cell", (f"{one.sockets:,.0f}" for one in found)),
        row("the same in all", (f"{one.sockets * one.cells:,.0f}" for one in found)),
        row("database writes a second, a cell", (f"{one.writes:,.0f}" for one in found)),
        row("of what one primary is planned with", (f"{100 * one.writes / WRITES_A_SECOND:.1f} %" for one in found)),
        row(f"machines of {CORES} cores, all cells", (f"{one.machines:,}" for one in found)),
        row("costs most", (one.first for one in found)),
        "",
        f"One primary with {WRITES_A_SECOND:,} small transactions a second is full at {day_of_a_primary():,.0f} conversations a day.",
    ]


def written(page: str, blocks: dict[str, list[str]]) -> str:
    """The page with each block between its marks, `<!-- NAME -->` and `<!-- /NAME -->`. Raises `ValueError`."""
    for name, lines in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if begin not in page or end not in page:
            raise ValueError(f"the page has no place for '{name}': it needs the lines {begin.strip()} and {end}")
        head, _, rest = page.partition(begin)
        page = head + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2]
    return page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("load", type=Path, help="what benchmarks.load curve --points wrote")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--page", type=Path, help="write the figures into this page, between their marks")
    arguments = parser.parse_args()
    given = json.loads(arguments.load.read_text("utf-8"))
    costs = read_costs(given)
    found = plans(costs, arguments.seed)
    blocks = {"measured": measured(given["points"]), "planned": planned(costs, found)}
    if arguments.json:
        print(json.dumps({"costs": asdict(costs), "plans": [asdict(one) for one in found]}))
    elif arguments.page:
        arguments.page.write_text(written(arguments.page.read_text("utf-8"), blocks), "utf-8")
    else:
        print("\n\n".join("\n".join(lines) for lines in blocks.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
