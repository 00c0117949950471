"""What one gateway carries: idle customers and its memory, active customers and their waiting time, stage by stage.

    python -m benchmarks.load [SCENE …] [--plot FILE.svg] [--points FILE.json] [--json]

Scenes, all without a name: `idle` (2,000 connected customers), `active` (200 customers, a message every 20 s), `curve`
(more and more turns a second, with the time in each stage from the decision records; `--plot` draws it), `overload` (60
messages a second: who is put off, who is answered, how soon it is over). Starts a product of
its own; the customers run on the same cores and count.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx

from benchmarks._rows import Row, own_product, quantile, show
from benchmarks.turns import QUESTIONS, crowd, identified, timed
from tests.support.clients import Customer, log_in
from tests.support.product import Product

IDLE, IDLE_AT_ONCE, CONNECTS_A_SECOND = 2_000, 900, 18.0
ACTIVE = (200, 20.0, 80.0, 1000)
RATES, RATE_SECONDS, RATE_CUSTOMERS = (2, 5, 10, 15, 20, 30), 20.0, 60
OVERLOAD_CUSTOMERS, OVERLOAD_RATE, OVERLOAD_S = 300, 60, 20.0
GIVE_UP_S = 15.0
STAGES = {"parse_ms": "understanding", "rasa_ms": "Rasa and actions", "rest_ms": "gateway"}
COLOURS = {"understanding": "#1f6f5c", "Rasa and actions": "#d98324", "gateway": "#3b5b92"}


def memory_mb(product: Product) -> float:
    """Resident memory of the gateway process."""
    status = Path(f"/proc/{product.pids()['gateway']}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def cpu_seconds(product: Product) -> dict[str, float]:
    """What each process has used so far."""
    found = {}
    for service, pid in product.pids().items():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found[service] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


async def passes(product: Product) -> tuple[float, float]:
    """Texts that the model service has read so far, and in how many passes."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        told = (await client.get(f"http://127.0.0.1:{product.internal_port}/metrics")).text
    found = dict(line.rsplit(" ", 1) for line in told.splitlines() if line.startswith("kefu_model_batch_size_"))
    return float(found["kefu_model_batch_size_sum"]), float(found["kefu_model_batch_size_count"])


async def idle(product: Product) -> list[Row]:
    """Memory of a gateway with customers who are connected and silent."""
    before = memory_mb(product)
    customers: list[Customer] = []
    for number in range(IDLE):
        customer = Customer(product.url)
        await customer.connect()
        await customer.hello("zh")
        customers.append(customer)
        if number > IDLE_AT_ONCE:  # one address may open so many conversations at once, and so many a second
            await asyncio.sleep(1 / CONNECTS_A_SECOND)
    after = memory_mb(product)
    connected = sum(one.closed is not None and not one.closed.done() for one in customers)
    times = [await timed(customers[0], "你好") for _ in range(20)]
    await asyncio.gather(*(one.disconnect() for one in customers))
    return [
        ("idle customers connected", "", float(connected), f"≥ {IDLE}"),
        ("gateway before them", "MiB", before, ""),
        ("gateway with them", "MiB", after, "≤ 300"),
        ("an answer among them, median", "ms", statistics.median(answer for _, answer in times), ""),
    ]


async def paced(rate: float, seconds: float) -> AsyncIterator[int]:
    """The numbers of what is to be sent, each when it is due, however long the ones before take."""
    start = time.monotonic()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
        yield number


async def curve(product: Product, points: list[dict[str, float]]) -> list[Row]:
    """Turns at a fixed rate, however long the answers take; where the rate is too high, what waits longer is left."""
    customers = await asyncio.gather(
        *(identified(product.url, "zh" if number % 2 else "en") for number in range(RATE_CUSTOMERS))
    )
    rows: list[Row] = []
    async with log_in(product.url, "admin", product.passwords["admin"]) as lead:
        for rate in RATES:
            before, read_before = cpu_seconds(product), await passes(product)
            answers, late, asked = await _at_rate(list(customers), rate)
            texts, of = (now - then for now, then in zip(await passes(product), read_before, strict=True))
            used = {name: 1000 * (after - before[name]) for name, after in cpu_seconds(product).items()}
            stages: dict[str, list[float]] = {name: [] for name in STAGES.values()}
            for conversation, seq in asked[-40:]:
                page = (await lead.get(f"/api/conversations/{conversation}/decisions", params={"seq": seq})).json()
                for turn in page["items"]:
                    taken = turn["timings"]
                    if "rasa_ms" in taken:
                        taken["rest_ms"] = max(0.0, taken["total_ms"] - taken["parse_ms"] - taken["rasa_ms"])
                        for key, name in STAGES.items():
                            stages[name].append(taken[key])
            point = {"rate": float(rate), "p50": statistics.median(answers), "p95": quantile(answers, 0.95)}
            point |= {name: statistics.mean(values) if values else 0.0 for name, values in stages.items()}
            point["waiting"] = max(0.0, point["p50"] - sum(point[name] for name in STAGES.values()))
            point["late"] = 100 * late / len(answers)
            point["texts a pass"] = texts / max(1.0, of)
            points.append(point)
            parts = ", ".join(f"{name} {point[name]:.0f}" for name in (*STAGES.values(), "waiting"))
            rows.append((f"{rate} turns/s: answer p50", "ms", point["p50"], parts))
            rows.append(
                (f"{rate} turns/s: answer p95", "ms", point["p95"], f"{late} of {len(asked)} took over {GIVE_UP_S:g} s")
            )
            rows.append((f"{rate} turns/s: texts in a pass of the model", "", point["texts a pass"], ""))
            for name, ms in used.items():
                point[f"cpu {name}"] = ms / max(1, len(asked))
                rows.append((f"{rate} turns/s: CPU a turn, {name}", "ms", point[f"cpu {name}"], ""))
    await asyncio.gather(*(one.disconnect() for one in customers))
    return rows


async def _at_rate(customers: list[Customer], rate: float) -> tuple[list[float], int, list[tuple[str, int]]]:
    """Answer times in ms, how many took too long, and which messages were asked."""
    rng = random.Random(rate)
    answers: list[float] = []
    asked: list[tuple[str, int]] = []
    late = 0
    free = list(customers)

    async def one(customer: Customer) -> None:
        nonlocal late
        try:
            async with asyncio.timeout(GIVE_UP_S):
                answers.append((await timed(customer, rng.choice(QUESTIONS["zh"])))[1])
            asked.append((customer.conversation, max(f["seq"] for f in customer.frames if f["type"] == "ack")))
        except (TimeoutError, AssertionError):
            late += 1
            answers.append(GIVE_UP_S * 1000)
        free.append(customer)

    async with asyncio.TaskGroup() as tasks:
        async for _ in paced(rate, RATE_SECONDS):
            if free:
                tasks.create_task(one(free.pop(0)))
            else:  # more wait than there are customers: the rate is beyond what is carried
                late += 1
                answers.append(GIVE_UP_S * 1000)
    return answers, late, asked


async def overload(product: Product) -> list[Row]:
    """Far more messages than turns can be run: what becomes of each, and how soon answers are quick again."""
    customers: list[Customer] = []
    for number in range(OVERLOAD_CUSTOMERS):
        customers.append(await identified(product.url, "zh" if number % 2 else "en"))
    probe = await identified(product.url, "en")
    rng = random.Random(OVERLOAD_CUSTOMERS)
    free, answers, lost, unsent = list(customers), list[float](), 0, 0

    async def one(customer: Customer) -> None:
        nonlocal lost
        try:
            answers.append((await timed(customer, rng.choice(QUESTIONS["zh"])))[1])
        except AssertionError:
            lost += 1
            return
        if not any(frame["type"] == "mode" and frame["mode"] == "waiting" for frame in customer.frames):
            free.append(customer)

    async with asyncio.TaskGroup() as tasks:
        async for _ in paced(OVERLOAD_RATE, OVERLOAD_S):
            if free:
                tasks.create_task(one(free.pop(0)))
            else:
                unsent += 1
        recovered = tasks.create_task(_quick_again(probe))
    put_off = [
        frame["position"]
        for one in customers
        for frame in one.frames
        if frame["type"] == "error" and frame["code"] == "busy"
    ]
    people = sum(any(f["type"] == "mode" and f["mode"] == "waiting" for f in one.frames) for one in customers)
    await asyncio.gather(*(one.disconnect() for one in (*customers, probe)))
    name = f"{OVERLOAD_RATE} messages/s for {OVERLOAD_S:g} s"
    return [
        (f"{name}: sent", "", float(len(answers) + lost), f"{unsent} found no customer free"),
        (f"{name}: answered", "", float(len(answers)), ""),
        (f"{name}: without an answer", "", float(lost), "0"),
        (f"{name}: times put off", "", float(len(put_off)), f"largest place in the line {max(put_off, default=0)}"),
        (f"{name}: handed over to people", "", float(people), ""),
        (f"{name}: answer p95, put off included", "ms", quantile(answers, 0.95), ""),
        (f"{name}: from its end until answers come within 1 s", "s", recovered.result(), ""),
    ]


async def _quick_again(customer: Customer) -> float:
    """Seconds until the first of three answers in a row that come within a second."""
    began = time.monotonic()
    since, quick = 0.0, 0
    while quick < 3:
        at = time.monotonic() - began
        _, answer = await timed(customer, QUESTIONS["en"][0])
        quick = quick + 1 if answer <= 1000 else 0
        since = at if quick == 1 else since
    return since


def draw(points: list[dict[str, float]]) -> str:
    """Answer time against load, with the stages it is made of, as an SVG that reads in light and dark."""
    width, height, left, bottom, top = 640, 340, 56, 44, 24
    most = max(point["p95"] for point in points) * 1.05
    last = max(point["rate"] for point in points)

    def x(rate: float) -> float:
        return left + (width - left - 130) * rate / last

    def y(value: float) -> float:
        return height - bottom - (height - bottom - top) * value / most

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" '
        'font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for tick in range(5):
        value = most * tick / 4
        parts.append(
            f'<path d="M{left} {y(value):.1f}H{x(last):.1f}" stroke="#ddd"/>'
            f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end" fill="#444">{value:.0f}</text>'
        )
    floor = [0.0] * len(points)
    for name in STAGES.values():
        upper = [low + point[name] for low, point in zip(floor, points, strict=True)]
        there = [f"{x(p['rate']):.1f},{y(v):.1f}" for p, v in zip(points, upper, strict=True)]
        back = [f"{x(p['rate']):.1f},{y(v):.1f}" for p, v in reversed(list(zip(points, floor, strict=True)))]
        parts.append(f'<polygon points="{" ".join(there + back)}" fill="{COLOURS[name]}" fill-opacity="0.55"/>')
        floor = upper
    for key, dash in (("p50", ""), ("p95", "5 4")):
        line = " ".join(f"{x(p['rate']):.1f},{y(p[key]):.1f}" for p in points)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="#222" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
    for point in points:
        parts.append(
            f'<text x="{x(point["rate"]):.1f}" y="{height - bottom + 16}" text-anchor="middle" fill="#444">{point["rate"]:.0f}</text>'
        )
    parts.append(f'<text x="{x(last / 2):.0f}" y="{height - 8}" text-anchor="middle" fill="#222">turns a second</text>')
    parts.append(f'<text x="{left - 6}" y="14" text-anchor="end" fill="#222">ms</text>')
    names = [("p95", "#222"), ("p50", "#222"), *((name, COLOURS[name]) for name in reversed(STAGES.values()))]
    for number, (name, colour) in enumerate(names):
        parts.append(
            f'<text x="{width - 122}" y="{top + 18 * number + 10}" fill="{colour}">{name}{" - -" if name == "p95" else " —" if name == "p50" else ""}</text>'
        )
    return "".join([*parts, "</svg>\n"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    points: list[dict[str, float]] = []
    scenes: dict[str, Callable[[Product], Coroutine[Any, Any, list[Row]]]] = {
        "idle": idle,
        "active": lambda product: crowd(product.url, *ACTIVE),
        "curve": lambda product: curve(product, points),
        "overload": overload,
    }
    parser.add_argument("scene", nargs="*", choices=[[], *scenes])
    parser.add_argument("--plot", type=Path, help="draw the curve")
    parser.add_argument("--points", type=Path, help="keep the curve for benchmarks.capacity")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[Row] = []
    with own_product() as product:
        for scene in arguments.scene or scenes:
            rows += asyncio.run(scenes[scene](product))
    if arguments.plot and points:
        arguments.plot.write_text(draw(points), "utf-8")
    if arguments.points and points:
        kept = [{name: round(value, 2) for name, value in point.items()} for point in points]
        arguments.points.write_text(json.dumps({"points": kept}, indent=1) + "\n", "utf-8")
    show(rows, as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
