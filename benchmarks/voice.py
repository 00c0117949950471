"""How long talking takes and how well it is understood, over the socket of the running product.

    python -m benchmarks.voice [--url http://127.0.0.1:8000] [--talkers 4] [--seconds 40] [--json]

Without ``--url`` it starts a product of its own. The recordings are made here by the embedded English voice and sent in
real time, a frame every 32 ms. Two scenes: one customer who asks and listens; several who talk without a break.
End of speech is the last sample above the noise, so that the pause which ends a sentence counts.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.turns import Row, quantile
from server.speech.vad import FRAME, level
from server.speech.words import distance, units
from tests.support.product import Product
from tests.support.voice import Talker, quiet, said

SENTENCES = [
    "How do I reset my password?",
    "The router shows a red light and there is no internet.",
    "When does my plan expire?",
    "My phone gets very hot and the battery drains quickly.",
    "Which plans are there?",
    "I would like to move my broadband to a new home.",
    "Can I use my phone abroad?",
    "The picture on my television freezes all the time.",
]
PAUSE_S = 1.2
ANSWERED_S = 30.0
QUIET_DB = -50.0


def recording(text: str) -> np.ndarray:
    """A sentence up to its last sound."""
    samples = said(text)
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    last = max(i for i, frame in enumerate(frames) if level(frame) > QUIET_DB)
    return frames[: last + 1].ravel()


async def silence(talker: Talker) -> None:
    """A quiet room until cancelled."""
    await talker.talk(quiet(ANSWERED_S))


async def one_customer(url: str) -> list[Row]:
    """Asks in hands-free talk and listens to the answers."""
    finals, texts, sounds, partials, errors, words = [], [], [], [], 0, 0
    for sentence in SENTENCES:
        async with Talker(url) as talker:
            await talker.hello("en")
            await talker.microphone_on()
            await talker.talk(quiet(0.5))
            start = len(talker.frames)
            samples = recording(sentence)
            began = time.monotonic()
            speaking = asyncio.create_task(talker.talk(samples))
            first = asyncio.create_task(_moment(talker, "transcript", start))
            ended = await speaking
            waiting = asyncio.create_task(silence(talker))
            try:
                frame, at = await _found(talker, "transcript", start, final=True)
                finals.append(at - ended)
                errors += distance(frame["text"], sentence)
                words += len(units(sentence))
                _, at = await _found(talker, "message", start, role="bot")
                texts.append(at - ended)
                _, at = await _found(talker, "audio", start)
                sounds.append(at - ended)
                partials.append(await first - began)
            finally:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
    return [
        ("first partial after the start of speech p50", "s", statistics.median(partials), ""),
        ("end of speech → final text p50", "s", statistics.median(finals), ""),
        ("end of speech → final text p95", "s", quantile(finals, 0.95), "≤ 1.2"),
        ("end of speech → first reply text p50", "s", statistics.median(texts), ""),
        ("end of speech → first reply sound p50", "s", statistics.median(sounds), ""),
        ("word error rate, synthetic English", "%", 100 * errors / words, ""),
    ]


async def crowd(url: str, talkers: int, seconds: float) -> list[Row]:
    """Several customers who talk without a break but for breath."""
    finals: list[float] = []
    lost = 0
    until = time.monotonic() + seconds

    async def talk(number: int) -> None:
        nonlocal lost
        async with Talker(url) as talker:
            await talker.hello("en")
            await talker.microphone_on(speak=False)
            await talker.talk(quiet(0.5 + 0.4 * number))
            turn = number
            while time.monotonic() < until:
                start = len(talker.frames)
                ended = await talker.talk(recording(SENTENCES[turn % len(SENTENCES)]))
                arrival = asyncio.create_task(_moment(talker, "transcript", start, final=True))
                await talker.talk(quiet(PAUSE_S))
                waiting = asyncio.create_task(silence(talker))
                try:
                    finals.append(await arrival - ended)
                except AssertionError:
                    lost += 1
                finally:
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)
                turn += 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(talkers):
            tasks.create_task(talk(number))
    return [
        (f"{talkers} talkers: sentences", "", float(len(finals)), ""),
        (f"{talkers} talkers: finals lost", "", float(lost), "0"),
        (f"{talkers} talkers: final text p50", "s", statistics.median(finals), ""),
        (f"{talkers} talkers: final text p95", "s", quantile(finals, 0.95), "≤ 1.2"),
    ]


async def _found(talker: Talker, kind: str, after: int, **fields: object) -> tuple[dict, float]:
    frame = await talker.wait(kind, after=after, **fields)
    return frame, time.monotonic()


async def _moment(talker: Talker, kind: str, after: int, **fields: object) -> float:
    return (await _found(talker, kind, after, **fields))[1]


async def measure(url: str, talkers: int, seconds: float) -> list[Row]:
    """Both scenes; a first sentence, which loads the models, is not counted."""
    async with Talker(url) as first:
        await first.hello("en")
        await first.microphone_on()
        await first.say_aloud("Hello, is anybody there?")
    return [*await one_customer(url), *await crowd(url, talkers, seconds)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", help="a running gateway; its rate limits count")
    parser.add_argument("--talkers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    product = None
    for sentence in SENTENCES:  # made before anything is timed
        recording(sentence)
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.url:
            print("starting a product …", file=sys.stderr)
            product = Product(Path(folder) / "data")
            product.start()
        try:
            url = arguments.url or product.url  # type: ignore[union-attr]
            rows = asyncio.run(measure(url, arguments.talkers, arguments.seconds))
        finally:
            if product:
                product.stop()
    if arguments.json:
        print(
            json.dumps(
                [{"what": what, "unit": unit, "reached": value, "asked": asked} for what, unit, value, asked in rows]
            )
        )
        return 0
    print(f"{'':<46} {'reached':>9}        asked")
    for what, unit, value, asked in rows:
        print(f"{what:<46} {value:>9.2f} {unit:<6} {asked}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
