"""How long talking takes and how well it is understood, over the socket of the running product.

    python -m benchmarks.voice [--url http://127.0.0.1:8000] [--talkers 4] [--seconds 40] [--json]
                               [--only times|interruptions|crowd|errors …]

Without ``--url`` it starts a product of its own. The recordings are made here by the voices of the server and sent in
real time, a frame every 32 ms. Scenes: one customer of each language who asks and listens; one who makes the noises of
a listener and then talks into the answer; several, of both languages, who talk without a break; and the recogniser alone, for its errors. End of speech
is the last sample above the noise, so that the pause which ends a sentence counts. Chinese replies are spoken by the
browser: their first sound is the moment when it is told what to say.
"""

import argparse
import asyncio
import statistics
import sys
import time
from contextlib import asynccontextmanager

import numpy as np

from benchmarks import _hearing
from benchmarks._rows import Row, quantile, running, show
from benchmarks._spoken import HELD_OUT_EN, HELD_OUT_ZH
from server.speech.vad import FRAME, level
from tests.support.voice import Talker, quiet, said

ASKED = {"en": HELD_OUT_EN[:8], "zh": HELD_OUT_ZH[33:41]}
INTERRUPTIONS = {"en": "No, stop, I want to talk to a person.", "zh": "不是这个，请帮我转人工"}
NOISES = {"en": ("Uh-huh.", "Yeah.", "Okay."), "zh": ("好的", "对", "嗯，好的")}
LONG_ANSWER = {"en": "What can you do for me?", "zh": "你能帮我做什么"}
INTERRUPTED = 12
PAUSE_S = 1.2
ANSWERED_S = 30.0
QUIET_DB = -50.0


def recording(text: str) -> np.ndarray:
    """A sentence up to its last sound."""
    samples = said(text)
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    last = max(i for i, frame in enumerate(frames) if level(frame) > QUIET_DB)
    return frames[: last + 1].ravel()


def before_speech_s(samples: np.ndarray) -> float:
    """Seconds until the first sound of a recording."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return next(i for i, frame in enumerate(frames) if level(frame) > QUIET_DB) * FRAME / 16_000


@asynccontextmanager
async def listening(talker: Talker):
    """A quiet room while one waits."""
    silence = asyncio.create_task(talker.talk(quiet(ANSWERED_S)))
    try:
        yield
    finally:
        silence.cancel()
        await asyncio.gather(silence, return_exceptions=True)


async def one_customer(url: str, language: str) -> list[Row]:
    """Asks in hands-free talk and listens to the answers."""
    finals, texts, sounds, partials = [], [], [], []
    for sentence in ASKED[language]:
        async with Talker(url) as talker:
            await talker.hello(language)
            await talker.microphone_on()
            await talker.talk(quiet(0.5))
            start = len(talker.frames)
            samples = recording(sentence)
            began = time.monotonic() + before_speech_s(samples)
            speaking = asyncio.create_task(talker.talk(samples))
            first = asyncio.create_task(_moment(talker, "transcript", start))
            ended = await speaking
            async with listening(talker):
                final = await _moment(talker, "transcript", start, final=True)
                finals.append(final - ended)
                texts.append(await _moment(talker, "message", start, role="bot") - ended)
                sounds.append(await _moment(talker, "audio" if language == "en" else "speak", start) - ended)
                partials.append(await first - began)
    return [
        (f"{language}: start of speech → first partial text p50", "s", statistics.median(partials), ""),
        (f"{language}: end of speech → final text p50", "s", statistics.median(finals), ""),
        (f"{language}: end of speech → final text p95", "s", quantile(finals, 0.95), "≤ 1.2"),
        (f"{language}: end of speech → first reply text p50", "s", statistics.median(texts), ""),
        (f"{language}: end of speech → first reply sound p50", "s", statistics.median(sounds), ""),
        (f"{language}: end of speech → first reply sound p95", "s", quantile(sounds, 0.95), ""),
    ]


async def interruptions(url: str) -> list[Row]:
    """Listens with a noise, then talks into the bot's answer: when the bot is silent, goes on, and knows it was cut."""
    silent, stopped, went_on = [], [], []
    mistaken = 0
    for turn in range(INTERRUPTED):
        language = ("en", "zh")[turn % 2]
        async with Talker(url) as talker:
            await talker.hello(language)
            await talker.microphone_on(lang=language)
            await talker.say_aloud(LONG_ANSWER[language])
            await talker.wait("audio" if language == "en" else "speak")
            await talker.talk(quiet(1.0))
            start = len(talker.frames)
            noise = NOISES[language][turn // 2 % len(NOISES[language])]
            on = asyncio.create_task(_goes_on(talker, start))
            ended = await talker.talk(recording(noise))
            await talker.talk(quiet(1.5))
            went_on.append(await on - ended)
            if any(frame["role"] == "customer" for frame in talker.messages(start)):
                mistaken += 1
                continue
            start = len(talker.frames)
            samples = recording(INTERRUPTIONS[language])
            began = time.monotonic() + before_speech_s(samples)
            moments = [asyncio.create_task(_moment(talker, kind, start)) for kind in ("audio_lower", "audio_stop")]
            await talker.talk(samples)
            async with listening(talker):
                silent.append(await moments[0] - began)
                stopped.append(await moments[1] - began)
    return [
        ("interruption: first sound → the bot is silent p50", "s", statistics.median(silent), ""),
        ("interruption: first sound → the bot is silent, slowest", "s", max(silent), "≤ 0.2"),
        ("interruption: first sound → it is known to be one p50", "s", statistics.median(stopped), ""),
        ("interruption: first sound → it is known to be one, slowest", "s", max(stopped), ""),
        ("listening noise: its end → the bot goes on p50", "s", statistics.median(went_on), "≤ 0.3"),
        ("listening noise: its end → the bot goes on, slowest", "s", max(went_on), ""),
        ("listening noises taken for an interruption", "", float(mistaken), "0"),
    ]


async def crowd(url: str, talkers: int, seconds: float) -> list[Row]:
    """Several customers who talk without a break but for breath."""
    finals: list[float] = []
    lost = 0
    until = time.monotonic() + seconds

    async def talk(number: int) -> None:
        nonlocal lost
        language = ("en", "zh")[number % 2]
        async with Talker(url) as talker:
            await talker.hello(language)
            await talker.microphone_on(speak=False)
            await talker.talk(quiet(0.5 + 0.4 * number))
            turn = number
            while time.monotonic() < until:
                start = len(talker.frames)
                ended = await talker.talk(recording(ASKED[language][turn % len(ASKED[language])]))
                arrival = asyncio.create_task(_moment(talker, "transcript", start, final=True))
                await talker.talk(quiet(PAUSE_S))
                async with listening(talker):
                    try:
                        finals.append(await arrival - ended)
                    except AssertionError:
                        lost += 1
                turn += 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(talkers):
            tasks.create_task(talk(number))
    return [
        (f"{talkers} talkers: sentences", "", float(len(finals)), ""),
        (f"{talkers} talkers: finals lost", "", float(lost), "0"),
        (f"{talkers} talkers: end of speech → final text p50", "s", statistics.median(finals), ""),
        (f"{talkers} talkers: end of speech → final text p95", "s", quantile(finals, 0.95), "≤ 1.2"),
    ]


async def _goes_on(talker: Talker, after: int) -> float:
    """When the bot speaks again: where it paused, or anew where it had been stopped; or answers the noise."""
    found = [
        asyncio.create_task(_moment(talker, "audio_lower", after, on=False)),
        asyncio.create_task(_again(talker, after)),
        asyncio.create_task(_moment(talker, "message", after, role="customer")),
    ]
    done, late = await asyncio.wait(found, return_when=asyncio.FIRST_COMPLETED)
    for one in late:
        one.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return min(one.result() for one in done)


async def _again(talker: Talker, after: int) -> float:
    seq = (await talker.wait("audio_stop", after=after))["seq"]
    stopped = next(i for i, one in enumerate(talker.frames) if i >= after and one["type"] == "audio_stop")
    await talker.wait("audio", "speak", after=stopped, seq=seq)
    return time.monotonic()


async def _moment(talker: Talker, kind: str, after: int, **fields: object) -> float:
    await talker.wait(kind, after=after, **fields)
    return time.monotonic()


async def measure(url: str, scenes: list[str], talkers: int, seconds: float) -> list[Row]:
    """The scenes over the socket; a first sentence, which loads the models, is not counted."""
    async with Talker(url) as first:
        await first.hello("en")
        await first.microphone_on()
        await first.say_aloud("Hello, is anybody there?")
        await first.say_aloud("你好，有人吗")
    rows: list[Row] = []
    if "times" in scenes:
        rows += [*await one_customer(url, "en"), *await one_customer(url, "zh")]
    if "interruptions" in scenes:
        rows += await interruptions(url)
    if "crowd" in scenes:
        rows += await crowd(url, talkers, seconds)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", help="a running gateway; its rate limits count")
    parser.add_argument("--talkers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=40.0)
    scenes = ["times", "interruptions", "crowd", "errors"]
    parser.add_argument("--only", nargs="+", choices=scenes, default=scenes)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for sentence in [one for asked in (ASKED, INTERRUPTIONS, NOISES, LONG_ANSWER) for one in _flat(asked)]:
        recording(sentence)  # made before anything is timed
    rows: list[Row] = []
    if set(arguments.only) != {"errors"}:
        with running(arguments.url) as url:
            rows += asyncio.run(measure(url, arguments.only, arguments.talkers, arguments.seconds))
    if "errors" in arguments.only:
        rows += _hearing.measure()
    show(rows, as_json=arguments.json)
    return 0


def _flat(asked: dict[str, str] | dict[str, tuple[str, ...]]) -> list[str]:
    return [one for value in asked.values() for one in ((value,) if isinstance(value, str) else value)]


if __name__ == "__main__":
    sys.exit(main())
