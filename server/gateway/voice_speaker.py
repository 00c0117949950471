"""Speaks replies to one customer: sentence by sentence, a little ahead of what is heard, and stops when told to.

Where the model service has a voice of the language, its sound goes out in ``audio`` frames; where it has none, the
sentences go out in a ``speak`` frame and the customer's browser speaks them.

A reply that pauses (``audio_lower``) is silent and stays ready on the customer's page, which goes on by itself where it
was; one that is held (``audio_stop``) is sent anew from there. Time counts as heard while it is neither.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from server.gateway.upstream import Upstream, UpstreamError
from server.speech.speakable import Sentence, heard, options, sentences
from server.speech.turn_events import Event, GoOn, Hold, Pause, Played, Resume, Speaking
from server.texts import render

Json = dict[str, Any]
logger = logging.getLogger(__name__)

PCM: Final = "_pcm"
"""Private field of a queued ``audio`` frame: the binary frame that follows it."""
CHUNK_S: Final = 0.5
AHEAD_MS: Final = 3000.0
"""So much sound is sent before it is heard: what is further ahead may never be needed."""
LATE_S: Final = 1.0
"""A customer's page that does not tell when it has finished is taken to have, so long after."""
SECONDS_A_CHARACTER: Final = {"zh": 0.25, "en": 0.08}
State = Literal["waiting", "speaking", "paused", "held", "cut", "done"]
MAX_WAITING: Final = 20


@dataclass(slots=True)
class _Reply:
    seq: int
    text: str
    language: str
    parts: list[Sentence]
    asks: bool
    with_sound: bool
    state: State = "waiting"
    lengths: list[float] = field(default_factory=list)
    """Milliseconds of each sentence that was sent."""
    heard_ms: float = 0.0
    heard_parts: int = 0
    heard_share: float = 0.0
    """Of the sentence after those, where the browser speaks."""
    numbers: int = 0
    from_ms: float = 0.0
    from_at: float = 0.0
    run: int = 0
    """How often it was held: what was made before that is not sent any more."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ready(self) -> bool:
        """Whether the page has what comes next, or will have it: it speaks, or pauses and goes on by itself."""
        return self.state in {"speaking", "paused"}

    def position(self) -> tuple[int, float]:
        """The sentence that was being heard, and the share of it that was."""
        if not self.with_sound:
            return self.heard_parts, self.heard_share if self.heard_parts < len(self.parts) else 0.0
        left = self.heard_ms
        for part, length in enumerate(self.lengths):
            if left < length:
                return part, left / length
            left -= length
        return len(self.lengths), 0.0

    def heard_text(self) -> str:
        """The shown text as far as it was heard."""
        part, share = self.position()
        return heard(self.parts, self.text, share, part)

    def move(self, state: State) -> None:
        self.state = state
        self.changed.set()


@dataclass(frozen=True, slots=True)
class Unheard:
    """A reply that was cut: what of it was heard."""

    seq: int
    text: str
    ms: int


class Speaker:
    """The replies of one connection, one after the other."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        put: Callable[[Json], None],
        tell: Callable[[Event], None],
        clock: Callable[[], float],
        floor: asyncio.Event,
        voices: frozenset[str],
    ) -> None:
        """``put`` sends a frame, ``tell`` informs turn-taking, ``floor`` is set while the customer is silent.

        ``voices``: languages that the model service speaks.
        """
        self._voices = voices
        self._upstream = upstream
        self._put = put
        self._tell = tell
        self._clock = clock
        self._floor = floor
        self._waiting: deque[_Reply] = deque(maxlen=MAX_WAITING)
        self._current: _Reply | None = None
        self._wake = asyncio.Event()

    @property
    def speaking(self) -> int | None:
        """The message that is being spoken, or held."""
        return self._current.seq if self._current is not None else None

    def say(self, frame: Json, language: str) -> bool:
        """Takes a message in; whether ``audio`` frames will follow."""
        parts = sentences(frame["text"], language)
        labels = [choice["label"] for choice in frame.get("choices") or []]
        if labels:
            said = render("voice.options", {"options": options(labels, language)}, language)
            parts.append(Sentence(said, len(frame["text"])))
        if not parts:
            return False
        asks = bool(labels) or bool(frame.get("step")) or frame["text"].rstrip().endswith(("?", "？"))
        sound = language in self._voices
        self._waiting.append(_Reply(frame["seq"], frame["text"], language, parts, asks, sound))
        self._wake.set()
        return sound

    def obey(self, effect: Pause | GoOn | Hold | Resume) -> None:
        """Does what turn-taking says about the reply that is being spoken."""
        match effect:
            case Pause():
                self._pause(effect.seq)
            case GoOn():
                self._go_on(effect.seq)
            case Hold():
                self._hold(effect.seq)
            case Resume():
                self._resume(effect.seq)

    def _pause(self, seq: int) -> None:
        """Silence at once; the page keeps the place and what comes after it."""
        reply = self._current
        if reply is not None and reply.seq == seq and reply.state == "speaking":
            reply.heard_ms = self._estimate(reply)
            self._put({"type": "audio_lower", "seq": seq, "on": True})
            reply.move("paused")

    def _go_on(self, seq: int) -> None:
        """Speaks on where it paused."""
        reply = self._current
        if reply is not None and reply.seq == seq and reply.state == "paused":
            reply.from_ms, reply.from_at = reply.heard_ms, self._clock()
            self._put({"type": "audio_lower", "seq": seq, "on": False})
            reply.move("speaking")

    def _hold(self, seq: int) -> None:
        """Stops at once; it may go on."""
        reply = self._current
        if reply is None or reply.seq != seq or not reply.ready:
            return
        reply.heard_ms = max(reply.heard_ms, self._estimate(reply))
        reply.run += 1
        self._put({"type": "audio_stop", "seq": seq})
        reply.move("held")

    def _resume(self, seq: int) -> None:
        """Goes on where it was stopped."""
        if self._current is not None and self._current.seq == seq and self._current.state == "held":
            self._current.move("speaking")

    def cut(self) -> list[Unheard]:
        """Ends the reply and those that wait; returns what of each was heard."""
        found = [Unheard(one.seq, "", 0) for one in self._waiting]
        self._waiting.clear()
        reply = self._current
        if reply is None:
            return found
        self._hold(reply.seq)
        self._current = None
        reply.move("cut")
        return [Unheard(reply.seq, reply.heard_text(), round(reply.heard_ms)), *found]

    def played(self, seq: int, ms: int, parts: int, share: float, *, done: bool) -> None:
        """What the customer's page says of it: ``ms`` of the whole reply.

        Where the browser speaks, also ``parts`` sentences to their end and ``share`` of the next one.
        """
        reply = self._current
        if reply is None or reply.seq != seq:
            return
        longest = sum(reply.lengths) if reply.with_sound else float(ms)
        reply.heard_ms = min(float(ms), longest)
        if parts >= reply.heard_parts:
            reply.heard_parts, reply.heard_share = min(len(reply.parts), parts), min(1.0, max(0.0, share))
        if done and reply.ready:
            reply.heard_parts = len(reply.parts)
            reply.move("done")
        else:
            self._tell(Played(self._clock(), seq, len(reply.heard_text()) / max(1, len(reply.text))))

    async def run(self) -> None:
        """Speaks what comes until cancelled."""
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            await self._floor.wait()
            if not self._waiting:
                continue
            reply = self._current = self._waiting.popleft()
            reply.move("speaking")
            self._tell(Speaking(self._clock(), reply.seq, reply.text, reply.asks))
            await self._speak(reply)
            if reply.state == "done":
                self._current = None
                self._tell(Played(self._clock(), reply.seq, 1.0, done=True))

    # ------------------------------------------------------------------ one reply

    async def _speak(self, reply: _Reply) -> None:
        while reply.state not in {"cut", "done"}:
            if reply.state == "held":
                reply.changed.clear()
                await reply.changed.wait()
                continue
            run = reply.run
            reply.from_ms, reply.from_at = reply.heard_ms, self._clock()
            if reply.with_sound:
                await self._sound(reply)
            else:
                self._words(reply)
            while reply.ready and reply.run == run:
                reply.changed.clear()
                try:
                    async with asyncio.timeout(None if reply.state == "paused" else self._left_s(reply) + LATE_S):
                        await reply.changed.wait()
                except TimeoutError:
                    reply.move("done")

    def _left_s(self, reply: _Reply) -> float:
        """Seconds that what is left of a reply lasts."""
        if reply.with_sound:
            return max(0.0, sum(reply.lengths) - self._estimate(reply)) / 1000
        left = reply.parts[reply.heard_parts :]
        return 2 * SECONDS_A_CHARACTER[reply.language] * sum(len(part.text) for part in left)

    def _words(self, reply: _Reply) -> None:
        """Hands the sentences that are left to the browser."""
        left = [part.text for part in reply.parts[reply.heard_parts :]]
        frame = {
            "type": "speak",
            "seq": reply.seq,
            "language": reply.language,
            "parts": left,
            "from": reply.heard_parts,
        }
        self._put(frame)

    async def _sound(self, reply: _Reply) -> None:
        """Sends the sound that is left, a little ahead of what is heard."""
        part, share = reply.position()
        first, run = True, reply.run
        while part < len(reply.parts) and reply.ready and reply.run == run:
            try:
                pcm, rate = await self._upstream.sound(reply.parts[part].text, reply.language)
            except UpstreamError as error:
                logger.warning("a sentence could not be spoken: %s", error)
                pcm, rate = b"", 0
            if not reply.ready or reply.run != run:
                return
            if rate <= 0:
                reply.with_sound = False
                reply.heard_parts, reply.heard_share = part, 0.0
                self._words(reply)
                return
            length = len(pcm) / 2 / rate * 1000
            if part < len(reply.lengths):
                reply.lengths[part] = length
            else:
                reply.lengths.append(length)
            if first:
                reply.from_at, first = self._clock(), False
            self._send(reply, pcm[round(share * len(pcm) / 2) * 2 :], rate, last=part == len(reply.parts) - 1)
            part, share = part + 1, 0.0
            await self._not_too_far(reply)

    def _send(self, reply: _Reply, pcm: bytes, rate: int, *, last: bool) -> None:
        step = int(CHUNK_S * rate) * 2
        for start in range(0, max(1, len(pcm)), step):
            frame = {
                "type": "audio",
                "seq": reply.seq,
                "n": reply.numbers,
                "rate": rate,
                "last": last and start + step >= len(pcm),
                PCM: pcm[start : start + step],
            }
            reply.numbers += 1
            self._put(frame)

    async def _not_too_far(self, reply: _Reply) -> None:
        run = reply.run
        while reply.ready and reply.run == run and (ahead := sum(reply.lengths) - self._estimate(reply)) > AHEAD_MS:
            reply.changed.clear()
            try:
                async with asyncio.timeout(None if reply.state == "paused" else (ahead - AHEAD_MS) / 1000):
                    await reply.changed.wait()
            except TimeoutError:
                return

    def _estimate(self, reply: _Reply) -> float:
        """Milliseconds heard by now, if the page has played without a gap."""
        if not reply.with_sound or reply.state != "speaking":
            return reply.heard_ms
        return min(sum(reply.lengths), reply.from_ms + (self._clock() - reply.from_at) * 1000)
