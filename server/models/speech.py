"""The voice half of the model service: one recogniser and one set of voices for all sessions, behind a fair queue.

`POST /speech/text` and `POST /speech/sound` are described in docs/architecture.md. Nothing is loaded before the first
customer talks.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, Final, Literal

import numpy as np
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic import BaseModel, ConfigDict, Field

from server.models.answers import unavailable
from server.models.batching import Places
from server.nlu.weights import WeightsError
from server.settings_speech import Speech
from server.speech.fair_queue import FairQueue, FullError, Job
from server.speech.homophones import Homophones
from server.speech.piper_voice import MAX_CHARACTERS, Voices
from server.speech.sound import Sound
from server.speech.turn_events import Decoding
from server.speech.whisper import LONGEST_S, RATE, Transcript, Whisper

log = logging.getLogger(__name__)

Json = dict[str, Any]
MAX_BYTES: Final = int((LONGEST_S + 1) * RATE) * 2
FINAL_DEADLINE_S: Final = 30.0
PARTIAL_DEADLINE_S: Final = 3.0
SOUND_DEADLINE_S: Final = 15.0
QUICK_S: Final = 6.0
"""A single short word is heard better as the beginning of six seconds: of 20 words 12 instead of 9, in 0.02 s more."""
SOUNDS: Final = 64  # sentences at once, those that wait included
_BUCKETS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)


class SoundRequest(BaseModel):
    """A sentence to speak."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]
    language: Literal["zh", "en"]


class _Recording:
    """One recording that waits, and who waits for it."""

    def __init__(self, samples: np.ndarray[Any, np.dtype[np.int16]], language: str | None, kind: Decoding) -> None:
        self.samples = samples
        self.language = language
        self.kind = kind
        self.answer: asyncio.Future[Transcript | None] = asyncio.get_running_loop().create_future()


class SpeechModels:
    """Recogniser, voices, and the tasks that feed them."""

    def __init__(
        self,
        speech: Speech,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
        own_words: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """``own_words``: what the company writes in Chinese, asked for when somebody talks for the first time."""
        self.speech = speech
        self._clock = clock
        self._own_words = own_words
        self._loading = threading.Lock()
        self._whisper = Whisper(speech.model, device=speech.device, workers=speech.decoders)
        self.voices = Voices({"en": speech.voice_en, "zh": speech.voice_zh})
        self._queue: FairQueue[_Recording] = FairQueue(workers=speech.decoders)
        self._threads = ThreadPoolExecutor(speech.decoders, thread_name_prefix="recognise")
        self._speaker = ThreadPoolExecutor(1, thread_name_prefix="speak")
        self._sounds = Places(SOUNDS)
        self._partials = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._work = asyncio.Event()
        self.seconds = Histogram(
            "kefu_speech_seconds", "Time to recognise", ["kind"], buckets=_BUCKETS, registry=registry
        )
        self.dropped = Counter("kefu_speech_partials_dropped", "Partial recognitions dropped", registry=registry)
        self.depth = Gauge("kefu_speech_queue_depth", "Recordings waiting", registry=registry)

    async def warm(self) -> None:
        """Loads everything; the first customer's microphone is on by then, and their first sentence need not wait."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._whisper.load)
        await loop.run_in_executor(self._threads, self._words)
        for language in self.voices.languages:
            await loop.run_in_executor(self._speaker, self.voices.load, language)

    async def recognise(self, session: str, pcm: bytes, language: str | None, kind: Decoding) -> Transcript | None:
        """What a recording says; None for a partial that a newer one replaced.

        A quick one goes before partials, as finals do, and is decoded once however doubtful it is.

        Raises:
            FullError: Too many finals wait.
            TimeoutError: It took too long.
        """
        self._start()
        waiting = _Recording(np.frombuffer(pcm, "<i2"), language, kind)
        self._drop(self._queue.put(Job(session, kind != "partial", self._clock(), waiting)))
        self._work.set()
        began = self._clock()
        async with asyncio.timeout(FINAL_DEADLINE_S if kind == "final" else PARTIAL_DEADLINE_S):
            found = await waiting.answer
        self.seconds.labels(kind).observe(self._clock() - began)
        return found

    def pace(self) -> float:
        """Seconds that a session should leave between partials."""
        return self._queue.pace(self._clock())

    async def say(self, text: str, language: str) -> Sound:
        """A sentence as sound.

        Raises:
            OverloadedError: Too many sentences wait.
            TimeoutError: It took too long.
            WeightsError: The voice cannot be used.
        """
        with self._sounds.one():
            async with asyncio.timeout(SOUND_DEADLINE_S):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._speaker, self.voices.say, text, language)

    async def close(self) -> None:
        """Stops; whoever waits gets a cancellation."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for threads in (self._threads, self._speaker):
            threads.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> None:
        while len(self._tasks) < self.speech.decoders:
            self._tasks.append(asyncio.create_task(self._run(), name="recogniser"))

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # One worker is kept for finals, where there are two: nobody waits for what others may be about to say.
            room = self._partials < max(1, self.speech.decoders - 1)
            job, stale = self._queue.take(self._clock(), partials=room)
            self._drop(stale)
            self.depth.set(len(self._queue))
            if job is None:
                self._work.clear()
                await self._work.wait()
                continue
            waiting = job.work
            if waiting.answer.done():  # nobody waits any more
                continue
            began = self._clock()
            self._partials += not job.final
            try:
                found = await loop.run_in_executor(self._threads, self._decode, waiting)
            except asyncio.CancelledError:
                waiting.answer.cancel()
                raise
            except Exception as error:  # whatever the model raises belongs to the caller
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
                continue
            finally:
                self._partials -= not job.final
                self._work.set()  # a partial that had no room may have it now
            self._queue.took(self._clock() - began)
            if not waiting.answer.done():
                waiting.answer.set_result(found)

    def _decode(self, waiting: _Recording) -> Transcript:
        final = waiting.kind == "final"
        least_s = QUICK_S if waiting.kind == "quick" else 0.0
        found = self._whisper.recognise(waiting.samples, language=waiting.language, final=final, least_s=least_s)
        if waiting.kind == "quick" and found.unsettled:  # what a final one would think twice about is not known yet
            found = replace(found, rejected=False, confidence=0.0)
        return replace(found, text=self._words().correct(found.heard)) if found.heard else found

    def _words(self) -> Homophones:
        with self._loading:
            return self._homophones

    @cached_property
    def _homophones(self) -> Homophones:
        return Homophones(self._own_words())

    def _drop(self, jobs: list[Job[_Recording]]) -> None:
        for job in jobs:
            self.dropped.inc()
            if not job.work.answer.done():
                job.work.answer.set_result(None)


def add_speech(app: FastAPI, models: SpeechModels) -> None:
    """Adds the routes; without ``speech.enabled`` they answer 404."""

    def refusal() -> Response | None:
        return None if models.speech.enabled else JSONResponse({"error": "not_configured"}, 404)

    @app.post("/speech/warm")
    async def warm() -> Response:
        if (refused := refusal()) is not None:
            return refused
        try:
            await models.warm()
        except WeightsError as error:
            log.error("voice: %s", error)
            return JSONResponse({"error": str(error)}, 503)
        return JSONResponse({"voices": models.voices.languages})

    @app.post("/speech/text")
    async def text(
        request: Request,
        session: Annotated[str, Query(max_length=100)],
        kind: Decoding = "final",
        language: Literal["zh", "en"] | None = None,
    ) -> Response:
        if (refused := refusal()) is not None:
            return refused
        pcm = await _body(request)
        if pcm is None:
            return JSONResponse({"error": f"a recording has at most {LONGEST_S:.0f} seconds"}, 413)
        if len(pcm) % 2:
            return JSONResponse({"error": "16-bit samples are an even number of bytes"}, 422)
        try:
            found = await models.recognise(session, pcm, language, kind)
        except FullError:
            return unavailable("the queue is full")
        except TimeoutError:
            if kind == "final":
                return unavailable("the queue is full")
            found = None  # too late to be of use
        except WeightsError as error:
            log.error("voice: %s", error)
            return JSONResponse({"error": str(error)}, 503)
        answer = {"dropped": True} if found is None else found.to_json()
        return JSONResponse({**answer, "partial_every_s": round(models.pace(), 2)})

    @app.post("/speech/sound")
    async def sound(body: SoundRequest) -> Response:
        if (refused := refusal()) is not None:
            return refused
        if body.language not in models.voices.languages:
            return JSONResponse({"error": f"no voice speaks {body.language}"}, 404)
        try:
            made = await models.say(body.text, body.language)
        except WeightsError as error:
            log.error("voice: %s", error)
            return JSONResponse({"error": str(error)}, 503)
        return Response(made.pcm, media_type="application/octet-stream", headers={"X-Sample-Rate": str(made.rate)})


async def _body(request: Request) -> bytes | None:
    """The body, or None as soon as it is longer than any recording."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MAX_BYTES:
            return None
    return bytes(read)
