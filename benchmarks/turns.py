"""Time from a customer's message to its acknowledgement and to the answer, over the socket of the running product.

    python -m benchmarks.turns [--url http://127.0.0.1:8000] [--json]

Without ``--url`` it starts a product of its own. Three scenes: one customer who sends a message after the other, each
answered by a custom action that calls the account back end; a conversation of 200 turns, against its beginning; 50
customers who send every 5 s.
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
import uuid

from benchmarks._rows import Row, quantile, running, show
from tests.support.clients import Customer

TURNS = 150
LONG = 205
CROWD = (50, 5.0, 60.0, 1500)
QUESTIONS = {
    "zh": ["我还剩多少流量", "我的套餐什么时候到期", "怎么重置密码", "有哪些套餐", "谢谢", "西湖区宽带是不是坏了"],
    "en": [
        "how much data do I have left",
        "when does my plan expire",
        "how do I reset my password",
        "which plans are there",
    ],
}


async def timed(customer: Customer, text: str) -> tuple[float, float]:
    """Milliseconds to the acknowledgement and to the first answer, however often the message was put off before."""
    start, began, client_id = len(customer.frames), time.perf_counter(), str(uuid.uuid4())
    ack = {"type": "error"}
    while ack["type"] == "error":
        sent = len(customer.frames)
        await customer.send("message", id=client_id, text=text)
        ack = await customer.wait("ack", "error", after=sent, id=client_id)
        if ack["type"] == "error":
            if ack["code"] != "busy":
                raise RuntimeError(f"the gateway refused a message: {ack}")
            customer.put_off += 1
            await asyncio.sleep(ack["retry_s"])
    acked = time.perf_counter()
    await customer.wait("message", after=start, seq=ack["seq"] + 1)
    answered = time.perf_counter()
    await customer.wait("typing", after=start, on=False, role="bot")
    return (acked - began) * 1000, (answered - began) * 1000


async def identified(url: str, locale: str) -> Customer:
    """A customer whose line the bot knows."""
    customer = Customer(url)
    await customer.connect()
    await customer.hello(locale)
    await timed(customer, {"zh": "我还剩多少流量", "en": "how much data do I have left"}[locale])
    await timed(customer, "19900000101")
    return customer


async def one_customer(url: str) -> list[Row]:
    """Turns one after the other, in both languages, each with an action that calls the account back end."""
    rows: list[Row] = []
    for locale, question in (("zh", "我还剩多少流量"), ("en", "how much data do I have left")):
        customer = await identified(url, locale)
        for _ in range(5):
            await timed(customer, question)
        times = [await timed(customer, question) for _ in range(TURNS)]
        await customer.disconnect()
        acks, answers = zip(*times, strict=True)
        rows += [
            (f"{locale}: acknowledgement p50", "ms", statistics.median(acks), ""),
            (f"{locale}: answer p50", "ms", statistics.median(answers), "≤ 150"),
            (f"{locale}: answer p95", "ms", quantile(answers, 0.95), "≤ 400"),
        ]
    return rows


async def long_conversation(url: str) -> list[Row]:
    """Whether a turn costs more the longer a conversation is."""
    early, late = [], []
    for _ in range(2):
        customer = await identified(url, "en")
        times = [(await timed(customer, "how much data do I have left"))[1] for _ in range(LONG)]
        await customer.disconnect()
        early.append(statistics.median(times[3:13]))
        late.append(statistics.median(times[195:205]))
    return [
        ("turn 5 (median of turns 4–13)", "ms", min(early), ""),
        ("turn 200 (median of turns 196–205)", "ms", min(late), ""),
        ("turn 200 against turn 5", "times", min(late) / min(early), "≤ 1.5"),
    ]


async def crowd(url: str, customers: int, every_s: float, seconds: float, asked_ms: int) -> list[Row]:
    """Many customers at once, each writing every ``every_s``, measured for ``seconds`` once all of them are there."""
    rng = random.Random(1)
    times: list[tuple[float, float]] = []
    put_off = 0
    # They come one after the other, each with two messages more than usual: in half the usual rate.
    arriving = 4 * every_s
    begin = time.monotonic() + arriving + every_s
    end = begin + seconds

    async def visit(number: int) -> None:
        nonlocal put_off
        locale = "zh" if number % 2 else "en"
        await asyncio.sleep(arriving * number / customers)
        customer = await identified(url, locale)
        await asyncio.sleep(max(0.0, begin - every_s + rng.uniform(0, every_s) - time.monotonic()))
        while (began := time.monotonic()) < end:
            before = customer.put_off
            took = await timed(customer, rng.choice(QUESTIONS[locale]))
            if began >= begin:
                times.append(took)
                put_off += customer.put_off - before
            await asyncio.sleep(max(0.0, every_s - (time.monotonic() - began)))
        await customer.disconnect()

    async with asyncio.TaskGroup() as tasks:
        for number in range(customers):
            tasks.create_task(visit(number))
    acks, answers = zip(*times, strict=True)
    return [
        (f"{customers} customers: turns a second", "", len(times) / seconds, ""),
        (f"{customers} customers: messages put off", "", float(put_off), "0"),
        (f"{customers} customers: turns answered", "", float(len(times)), ""),
        (f"{customers} customers: acknowledgement p95", "ms", quantile(acks, 0.95), ""),
        (f"{customers} customers: answer p50", "ms", statistics.median(answers), ""),
        (f"{customers} customers: answer p95", "ms", quantile(answers, 0.95), f"≤ {asked_ms}"),
    ]


async def measure(url: str) -> list[Row]:
    """All three scenes."""
    return [*await one_customer(url), *await long_conversation(url), *await crowd(url, *CROWD)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", help="a running gateway; its rate limits count")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with running(arguments.url) as url:
        rows = asyncio.run(measure(url))
    show(rows, as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
