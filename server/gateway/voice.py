"""One customer's microphone and loudspeaker: the shell around turn-taking, over the customer's socket.

Audio comes in, frames and messages go out; `server.speech.turn_taking` decides. Everything that takes time runs in
tasks that this object owns, and `close` ends them.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np

from server.gateway import voice_record
from server.gateway.conversations import DESK, ClosedError, Conversations
from server.gateway.frames import MAX_BINARY_FRAME_BYTES, FrameError, id_field, int_field
from server.gateway.metrics import BARGE_INS, SPEECH_OUTCOMES, VOICE_SESSIONS
from server.gateway.text import language_of
from server.gateway.upstream import Upstream, UpstreamError
from server.gateway.voice_speaker import Speaker
from server.settings_speech import Speech
from server.speech import vad, words
from server.speech.agreement import Agreement
from server.speech.turn_events import (
    Answered,
    Begin,
    Close,
    Cut,
    Decoding,
    Divide,
    Effect,
    End,
    Event,
    Frame,
    Gone,
    GoOn,
    HandOver,
    Heard,
    Hold,
    Mode,
    Moved,
    Pause,
    Recognise,
    Released,
    Resume,
    Say,
    Send,
    Show,
    Started,
    Tick,
)
from server.speech.turn_state import Tuning
from server.speech.turn_taking import TurnTaking
from server.storage.store import Conversation, Message

Json = dict[str, Any]
logger = logging.getLogger(__name__)

PREROLL_FRAMES: Final = 10
"""320 ms from before speech was noticed: its first sound is quiet."""
AHEAD_S: Final = 10.0
"""A microphone cannot be faster than time; so much may have been held up by the network."""
NO_AUDIO_S: Final = 15.0
TICK_S: Final = 1.0
SHORT_S: Final = 1.2
"""Below, the language of an utterance is taken from the conversation: a "yes" does not tell."""
AGAIN_AFTER_S: Final = (0.3, 1.0, 3.0)
"""Waits before a final that the recogniser could not take is asked for again."""
MAX_EFFECTS: Final = 256
VOICED_ROLES: Final = frozenset({"bot", "agent", "system"})

Accept = Callable[[str, str, Json], Awaitable[None]]


@dataclass(slots=True)
class VoicePorts:
    """What voice works with, shared by all connections."""

    upstream: Upstream
    speech: Speech
    clock: Callable[[], float] = time.monotonic
    open: int = 0
    """Microphones that are on."""


@dataclass(slots=True)
class _Recording:
    """An utterance while it is spoken and recognised."""

    session: str
    pcm: bytearray
    partial: Agreement = field(default_factory=Agreement)
    over: bool = False
    """What is said now is another's."""


@dataclass(slots=True)
class _Session:
    """One time that the microphone is on."""

    id: str
    language: str | None
    began: float
    audio_s: float = 0.0
    last_audio: float = 0.0
    rest: bytes = b""


class Voice:
    """Voice on one connection; nothing is loaded or started before the first ``voice_start``."""

    def __init__(
        self, ports: VoicePorts, conversations: Conversations, *, put: Callable[[Json], None], accept: Accept
    ) -> None:
        self._ports = ports
        self._conversations = conversations
        self._put = put
        self._accept = accept
        self._clock = ports.clock
        tuning = Tuning(
            accept=ports.speech.accept,
            confirm=ports.speech.confirm,
            prompt_s=ports.speech.prompt_s,
            close_s=ports.speech.close_s,
        )
        self._core = TurnTaking(tuning)
        self._floor = asyncio.Event()
        self._floor.set()
        self._speaker = Speaker(
            ports.upstream, put=put, tell=self._tell, clock=ports.clock, floor=self._floor, voices=ports.speech.voiced
        )
        self._effects: asyncio.Queue[Effect] = asyncio.Queue(MAX_EFFECTS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: _Session | None = None
        self._closing: _Session | None = None
        self._recordings: dict[int, _Recording] = {}
        self._activity: vad.VoiceActivity | None = None
        self._preroll: deque[bytes] = deque(maxlen=PREROLL_FRAMES)
        self._conversation = ""
        self._locale = "zh"
        self._aloud = False
        self._running = False

    # ------------------------------------------------------------------ frames of the customer

    async def start(self, frame: Json) -> None:
        """``voice_start``: switches the microphone on.

        Raises:
            FrameError: ``unsupported`` where voice is off or the rate is another one, ``busy`` where too many talk.
        """
        voice_id = id_field(frame)
        if not self._ports.speech.enabled:
            raise FrameError("unsupported", "voice is switched off here; please type", voice_id)
        if int_field(frame, "rate", default=0) != vad.RATE:
            raise FrameError("unsupported", f"audio comes as 16-bit mono PCM at {vad.RATE} samples a second", voice_id)
        if self._session is None and self._ports.open >= self._ports.speech.sessions:
            raise FrameError(
                "busy", "too many people are talking right now; please type, or try again shortly", voice_id
            )
        if self._session is not None:
            self._end_session("replaced")
        if not self._running:
            self._running = True
            self._own(self._speaker.run(), "speaker")
            self._own(self._act(), "voice effects")
            self._own(self._tick(), "voice clock")
            self._own(self._warm(), "voice models")
        question = voice_record.question_of(await self._last())
        if question is not None:
            self._core.expect(str(question["text"]), float(question["confidence"]))
        hold = frame.get("hold") is True
        lang = frame.get("lang")
        now = self._clock()
        self._session = _Session(voice_id, lang if lang in {"zh", "en"} else None, now, last_audio=now)
        self._ports.open += 1
        VOICE_SESSIONS.inc()
        self._aloud = frame.get("speak") is not False
        self._activity = vad.VoiceActivity()
        self._preroll.clear()
        if hold or not self._aloud:  # who presses the button has something to say
            self._cut()
        self._tell(Started(now, hold))

    def audio(self, data: bytes) -> None:
        """A binary frame: 16-bit little-endian mono PCM.

        Raises:
            FrameError: Nobody began to talk, half a sample, too much at once, or more sound than time.
        """
        session = self._session
        if session is None:
            raise FrameError("bad_frame", "a binary frame belongs to a voice message that was begun")
        if len(data) > MAX_BINARY_FRAME_BYTES:
            raise FrameError("too_large", f"a binary frame has at most {MAX_BINARY_FRAME_BYTES} bytes", session.id)
        if len(data) % 2:
            raise FrameError(
                "bad_frame", "16-bit samples are an even number of bytes; this frame was left out", session.id
            )
        now = self._clock()
        session.audio_s += len(data) / 2 / vad.RATE
        session.last_audio = now
        if session.audio_s > now - session.began + AHEAD_S:
            self._end_session("too_fast")
            raise FrameError(
                "rate_limited", "sound comes faster than time goes by; the microphone is off now", session.id
            )
        pcm = session.rest + data
        whole = len(pcm) // (vad.FRAME * 2) * vad.FRAME * 2
        session.rest = pcm[whole:]
        for start in range(0, whole, vad.FRAME * 2):
            self._frame(pcm[start : start + vad.FRAME * 2])

    def end(self, frame: Json) -> None:
        """``voice_end``: what was said until now is recognised, then the microphone is off."""
        session = self._session
        voice_id = id_field(frame)
        if session is None or session.id != voice_id:
            return
        self._tell(Released(self._clock()))

    def played(self, frame: Json) -> None:
        """``played``: how much of a reply was heard."""
        seq, ms = int_field(frame, "seq"), int_field(frame, "ms")
        parts, share = int_field(frame, "parts", default=0), frame.get("share")
        known = share if isinstance(share, int | float) and 0 <= share <= 1 else 0.0
        self._speaker.played(seq, ms, parts, known, done=frame.get("done") is True)

    # ------------------------------------------------------------------ what happens in the conversation

    def spoken(self, frame: Json) -> Json:
        """A ``message`` frame on its way to the customer; spoken too, where they talk."""
        if frame["role"] not in VOICED_ROLES or not self._running:
            return frame
        if not self._aloud:
            self._tell(Answered(self._clock()))
            return frame
        language = language_of(frame["text"], self._locale)
        return {**frame, "audio": True} if self._speaker.say(frame, language) else frame

    def typed(self) -> None:
        """The customer typed or pressed a button: who types reads."""
        if not self._running:
            return
        self._cut()
        self._tell(Answered(self._clock()))
        self._aloud = self._aloud and self._session is not None

    def follow(self, state: Conversation) -> None:
        """The connection follows this conversation from now on."""
        if self._session is not None and state.id != self._conversation:
            self._end_session("closed")
        self._conversation, self._locale = state.id, state.locale
        self.moved(state.mode)

    def moved(self, mode: str) -> None:
        """The conversation's mode is another one."""
        self._core.handle(Moved(self._clock(), cast(Mode, mode)))
        if mode == "closed" and self._session is not None:
            self._end_session("closed")

    async def close(self) -> None:
        """The connection is gone."""
        if self._session is not None:
            self._end_session("gone")
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ------------------------------------------------------------------ inside

    async def _last(self) -> Message | None:
        """The conversation's last message."""
        state = await self._conversations.store.conversation(self._conversation)
        return await self._conversations.store.message(state.id, state.last_seq) if state is not None else None

    def _frame(self, pcm: bytes) -> None:
        samples = np.frombuffer(pcm, "<i2")
        assert self._activity is not None
        self._preroll.append(pcm)
        for recording in self._recordings.values():
            if not recording.over and self._session is not None and recording.session == self._session.id:
                recording.pcm += pcm
        self._tell(Frame(self._clock(), self._activity.probability(samples), vad.level(samples)))

    def _tell(self, event: Event) -> None:
        """Turn-taking's effects: what must be quick at once, the rest in order in a task."""
        for effect in self._core.handle(event):
            match effect:
                case Begin():
                    assert self._session is not None
                    self._recordings[effect.utterance] = _Recording(self._session.id, bytearray().join(self._preroll))
                case Recognise():
                    self._own(self._recognise(effect), "recognise")
                case Divide():
                    self._divide(effect)
                case Pause() | GoOn() | Hold() | Resume():
                    self._speaker.obey(effect)
                case Show():
                    self._show(effect)
                case End():
                    self._recordings.pop(effect.utterance, None)
                    SPEECH_OUTCOMES.labels(outcome=effect.why).inc()
                    self._tell_desk("")
                case _:
                    if isinstance(effect, Close):
                        self._closing = self._session
                    self._effects.put_nowait(effect)
        if self._core.busy:
            self._floor.clear()
        else:
            self._floor.set()

    def _divide(self, effect: Divide) -> None:
        recording = self._recordings[effect.utterance]
        at = len(recording.pcm) - effect.frames * vad.FRAME * 2
        self._recordings[effect.into] = _Recording(recording.session, recording.pcm[at:])
        del recording.pcm[at:]
        recording.over = True

    def _show(self, effect: Show) -> None:
        recording = self._recordings[effect.utterance]
        if effect.final:
            text, stable = effect.text, len(effect.text)
        else:
            recording.partial.add(effect.text)
            text, stable = recording.partial.text, recording.partial.stable
            self._tell_desk(text)
        frame: Json = {
            "type": "transcript",
            "id": recording.session,
            "text": text,
            "stable": stable,
            "final": effect.final,
        }
        if effect.confidence is not None:
            frame["confidence"] = round(effect.confidence, 3)
        self._put(frame)

    def _tell_desk(self, text: str) -> None:
        """Agents read along while a customer speaks."""
        if not self._conversation or not self._conversations.hub.reaches(DESK):
            return
        frame = {"type": "typing", "conversation": self._conversation, "on": bool(text), "role": "customer"}
        self._conversations.hub.publish(DESK, frame | ({"text": text} if text else {}))

    async def _recognise(self, asked: Recognise) -> None:
        recording = self._recordings.get(asked.utterance)
        if recording is None:
            return
        pcm = bytes(recording.pcm)
        given = self._session.language if self._session is not None else None
        language = given or (self._locale if len(pcm) / 2 / vad.RATE < SHORT_S else None)
        final = asked.kind == "final"
        found: Json = {"text": "", "rejected": True}
        try:
            found = await self._ask(recording.session, pcm, language, asked.kind)
        except UpstreamError as error:
            logger.warning("speech was not recognised: %s", error)
            if asked.kind == "quick":  # the final one will tell
                return
            if final:
                self._effects.put_nowait(Say("trouble"))
        if asked.kind == "quick" and found.get("dropped"):
            return
        if final and not found.get("rejected"):
            self._locale = str(found["language"])
        self._core.partial_s = float(found.get("partial_every_s") or 0.0)
        self._tell(
            Heard(
                self._clock(),
                asked.utterance,
                asked.version,
                asked.kind,
                str(found.get("text", "")),
                float(found.get("confidence", 0.0)),
                bool(found.get("rejected", found.get("dropped", False))),
            )
        )

    async def _ask(self, session: str, pcm: bytes, language: str | None, kind: Decoding) -> Json:
        """The recogniser's answer; a final is asked for again where the recogniser had no room for it."""
        for wait in AGAIN_AFTER_S if kind == "final" else ():
            try:
                return await self._ports.upstream.recognise(session, pcm, language, kind)
            except UpstreamError as error:
                logger.warning("speech is asked for again: %s", error)
                await asyncio.sleep(wait)
        return await self._ports.upstream.recognise(session, pcm, language, kind)

    async def _act(self) -> None:
        """Carries out what needs the database, in order."""
        while True:
            effect = await self._effects.get()
            try:
                await self._carry_out(effect)
            except ClosedError:
                if self._session is not None:
                    self._end_session("closed")
            except FrameError as error:
                self._put({"type": "error", "code": error.code, "message": error.detail})
            except Exception:  # one sentence must not end the voice of a connection
                logger.exception("voice: %s failed", type(effect).__name__)
                self._put({"type": "error", "code": "internal", "message": "this could not be done; please try again"})

    async def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Cut():
                BARGE_INS.inc()
                await self._keep_heard()
            case Send():
                await self._send(effect)
            case Say():
                heard = {"text": effect.heard, "confidence": effect.confidence} if effect.heard else None
                await voice_record.bot_asks(self._conversations, self._conversation, effect.key, self._locale, heard)
            case HandOver():
                await voice_record.hand_over(self._conversations, self._conversation, self._locale)
            case Close():
                if self._session is not None and self._session is self._closing:  # not one that began since
                    self._end_session(effect.why)

    async def _send(self, effect: Send) -> None:
        speech = {"confidence": round(effect.confidence, 3), "confirmed": effect.confirmed, "language": self._locale}
        extra: Json = {"voice": True, "_speech": speech} | ({"unclear": True} if effect.unclear else {})
        last = await self._last()
        offered = (last.extra.get("choices") or []) if last is not None and last.role == "bot" else []
        chosen = words.choice([choice["label"] for choice in offered], effect.text)
        text = effect.text
        if chosen is not None and not str(offered[chosen]["value"]).startswith("/voice_"):
            text, extra["_value"] = offered[chosen]["label"], offered[chosen]["value"]
        await self._accept(uuid.uuid4().hex, text, extra)

    def _cut(self) -> None:
        if self._speaker.speaking is not None:
            for effect in self._core.cut():
                self._effects.put_nowait(effect)

    async def _keep_heard(self) -> None:
        for one in self._speaker.cut():
            await voice_record.keep_heard(self._conversations, self._conversation, one.seq, one.text, one.ms)

    def _end_session(self, why: str) -> None:
        assert self._session is not None
        session, self._session = self._session, None
        self._ports.open -= 1
        VOICE_SESSIONS.dec()
        self._put({"type": "voice_end", "id": session.id, "why": why})
        self._tell(Gone(self._clock()))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            session = self._session
            if session is None:
                continue
            now = self._clock()
            if now - session.began > self._ports.speech.session_minutes * 60:
                self._end_session("too_long")
                self._effects.put_nowait(Say("too_long"))
            elif now - session.last_audio > NO_AUDIO_S:
                self._end_session("no_audio")
            else:
                self._tell(Tick(now))

    async def _warm(self) -> None:
        try:
            await asyncio.to_thread(vad.load)
            await self._ports.upstream.warm_speech()
        except UpstreamError as error:
            logger.warning("the speech models are not there: %s", error)

    def _own(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
