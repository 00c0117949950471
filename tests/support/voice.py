"""A customer who talks: recordings made by the voices of the server, sent as a microphone sends them."""

import asyncio
import time
import uuid
from functools import cache

import numpy as np
import onnxruntime
from scipy.signal import resample_poly

from server.nlu.text import CJK
from server.settings_speech import MANDARIN
from server.speech.piper_voice import Voices
from server.speech.vad import FRAME, RATE
from tests.support.clients import Customer, Json

SEED = 7


@cache
def _voices() -> Voices:
    onnxruntime.set_seed(SEED)  # a voice varies what it says; here it says everything in one way
    return Voices({"zh": MANDARIN})


@cache
def said(text: str, *, before_s: float = 0.3, after_s: float = 0.0, gain: float = 1.0) -> np.ndarray:
    """A sentence in Chinese or English as a recording at 16 kHz, with silence around it."""
    sound = _voices().say(text, "zh" if CJK.search(text) else "en")
    spoken = resample_poly(np.frombuffer(sound.pcm, "<i2").astype(float), RATE, sound.rate) * gain
    return np.concatenate([quiet(before_s), spoken, quiet(after_s)]).clip(-32768, 32767).astype(np.int16)


def quiet(seconds: float) -> np.ndarray:
    """A quiet room: not quite silent."""
    return np.random.default_rng(0).normal(0, 3, round(seconds * RATE)).astype(np.int16)


class Talker(Customer):
    """A customer with a microphone."""

    voice: str = ""

    async def microphone_on(self, **fields: object) -> str:
        self.voice = str(uuid.uuid4())
        await self.send("voice_start", id=self.voice, rate=RATE, **fields)
        return self.voice

    async def microphone_off(self) -> None:
        await self.send("voice_end", id=self.voice)

    async def talk(self, *recordings: np.ndarray) -> float:
        """Sends recordings in real time, a frame every 32 ms; returns the moment when the last frame went out."""
        samples = np.concatenate(recordings)
        began = time.monotonic()
        for number, start in enumerate(range(0, len(samples), FRAME)):
            await asyncio.sleep(max(0.0, began + (number + 1) * FRAME / RATE - time.monotonic()))
            await self.send_raw(samples[start : start + FRAME].astype("<i2").tobytes())
        return time.monotonic()

    async def say_aloud(self, text: str) -> Json:
        """A whole spoken sentence, and silence until it is understood; returns the final transcript."""
        start = len(self.frames)
        await self.talk(said(text), quiet(1.0))
        silence = asyncio.create_task(self.talk(quiet(15.0)))
        try:
            return await self.wait("transcript", after=start, final=True)
        finally:
            silence.cancel()
            await asyncio.gather(silence, return_exceptions=True)

    def sound_of(self, seq: int, after: int = 0) -> float:
        """Seconds of sound that came for a message."""
        frames = [f for f in self.frames[after:] if f["type"] == "audio" and f["seq"] == seq]
        return sum(len(f["pcm"]) / 2 / f["rate"] for f in frames)
