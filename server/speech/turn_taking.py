"""Who has the floor: a pure state machine. Events go in with their time, effects come out; docs/voice.md draws it.

Two things run side by side. The customer is silent, speaking, or pausing (silence after speech that may yet go on). The
bot is quiet, speaking, lowered (somebody speaks, and that may be no more than a listening noise) or held (it stopped,
and it is not yet known whether that was meant to interrupt). Times are seconds of one monotonic clock that the caller
passes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from server.speech import names, spoken, words
from server.speech.turn_events import (
    Answered,
    Begin,
    Close,
    Cut,
    Divide,
    Effect,
    End,
    Event,
    Frame,
    HandOver,
    Heard,
    Hold,
    Lower,
    Mode,
    Moved,
    Played,
    Raise,
    Recognise,
    Released,
    Resume,
    Say,
    Send,
    Show,
    Speaking,
    Started,
    Tick,
)

FRAME_S: Final = 0.032
"""Length of one frame: 512 samples at 16 kHz, what the voice activity detector looks at."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The numbers of turn-taking: probabilities in [0, 1], seconds, decibels. Measured: docs/voice.md."""

    start_probability: float = 0.5
    start_frames: int = 3
    end_probability: float = 0.35
    early_s: float = 0.24
    """So much silence starts the decoding that is the final one if nothing follows."""
    end_s: float = 0.48
    """So much silence ends what was said."""
    hesitation_s: float = 1.4
    """The same where the words sound unfinished."""
    partial_s: float = 0.75
    first_partial_s: float = 0.5
    over_bot_partial_s: float = 0.25
    """Sooner where the bot speaks: what tells an interruption from a listening noise is the words."""
    longest_s: float = 28.0
    """Longest single utterance: the recogniser hears 30 seconds at a time."""
    divide_s: float = 20.0
    """From here on a longer one is divided at the next short pause, or else where it was least like speech."""
    breath_s: float = 0.16
    """So short a pause is between words."""
    hold_s: float = 0.6
    """Who has spoken for so long over the bot makes more than a listening noise."""
    accept: float = 0.55
    confirm: float = 0.45
    ask_again: int = 2
    background_db: float = 15.0
    """So much quieter than the customer is somebody else in the room."""
    backchannel_s: float = 1.2
    last_part: float = 0.8
    """From this share of a question on, "yeah" answers it."""
    prompt_s: float = 10.0
    close_s: float = 20.0


# ---------------------------------------------------------------------- state


@dataclass(slots=True)
class _Utterance:
    number: int
    began: float
    over_bot: int | None
    """The message that the bot was speaking when it began."""
    version: int = 0
    speech_frames: int = 0
    level_sum: float = 0.0
    silence: float = 0.0
    pausing: bool = False
    asked: bool = False
    """A final decoding of this version is under way or done."""
    result: Heard | None = None
    partial_open: bool = False
    partial_at: float = 0.0
    listening: bool = False
    """What was understood of it so far is a listening noise."""
    since_least: int = 0
    """Frames since the one that was least like speech, where it may be divided."""
    least: float = 2.0
    goes_on: bool = False
    """It is the rest of a longer one."""

    @property
    def spoken_s(self) -> float:
        return self.speech_frames * FRAME_S

    @property
    def level(self) -> float:
        return self.level_sum / max(1, self.speech_frames)


@dataclass(slots=True)
class _Bot:
    seq: int
    text: str
    asks: bool
    lowered: bool = False
    held: bool = False
    share: float = 0.0


@dataclass(slots=True)
class _Pending:
    text: str
    confidence: float


@dataclass(slots=True)
class TurnTaking:
    """One customer's turn-taking, over all the times that they switch the microphone on."""

    tuning: Tuning = field(default_factory=Tuning)
    hold: bool = False
    mode: Mode = "bot"
    released: bool = False
    partial_s: float = 0.0
    """Seconds between partial results; the recogniser raises it when it is busy."""
    _numbers: int = 0
    _utterance: _Utterance | None = None
    _late: dict[int, _Utterance] = field(default_factory=dict)
    """Over, and not recognised yet: said before the microphone was switched on anew, or the earlier part of a long one.

    What is said after it is decided after it.
    """
    _run: int = 0
    _run_level: float = 0.0
    _bot: _Bot | None = None
    _pending: _Pending | None = None
    _known: set[str] = field(default_factory=set)
    _attempts: int = 0
    _thinking: bool = False
    _asked: bool = False
    _quiet_since: float | None = None
    _prompted: bool = False
    _level: float | None = None

    def handle(self, event: Event) -> list[Effect]:
        """The effects of one event, in the order in which they have to happen."""
        match event:
            case Started():
                return self._start(event)
            case Frame():
                return self._frame(event)
            case Heard():
                return self._heard(event)
            case Speaking():
                self._bot = _Bot(event.seq, event.text, event.asks)
                self._thinking, self._asked = False, event.asks
            case Played():
                self._played(event)
            case Answered():
                self._thinking, self._pending = False, None
                self._quiet_since = event.at
            case Released():
                return self._release(event.at)
            case Moved():
                self.mode = event.mode
                if event.mode != "bot":
                    self._pending, self._attempts, self._thinking = None, 0, False
                self._quiet_since = event.at
            case Tick():
                return self._quiet(event.at)
        return []

    @property
    def busy(self) -> bool:
        """Whether an utterance is being spoken or recognised."""
        return self._utterance is not None

    @property
    def speaking(self) -> bool:
        """Whether the bot speaks."""
        return self._bot is not None and not self._bot.held

    def expect(self, text: str, confidence: float) -> None:
        """The bot has just asked whether ``text`` is what was said (also in a connection before this one)."""
        self._pending = _Pending(text, confidence)

    def _start(self, event: Started) -> list[Effect]:
        effects: list[Effect] = []
        if (before := self._utterance) is not None:
            self._late[before.number] = before
            if not before.asked:
                before.asked = True
                effects.append(Recognise(before.number, before.version, "final"))
        self.hold, self.released = event.hold, False
        self._utterance, self._run, self._run_level = None, 0, 0.0
        self._quiet_since, self._prompted = event.at, False
        return effects

    # ------------------------------------------------------------------ frames

    def _frame(self, event: Frame) -> list[Effect]:
        if self.released:
            return []
        current = self._utterance
        if current is None:
            return self._waiting_for_speech(event)
        effects: list[Effect] = []
        if event.probability > self.tuning.start_probability or (
            not current.pausing and event.probability >= self.tuning.end_probability
        ):
            if current.pausing:
                # What was decoded in the pause is of an older version now.
                current.version += 1
                current.pausing, current.asked, current.result = False, False, None
            current.silence = 0.0
            current.speech_frames += 1
            current.level_sum += event.level
        else:
            current.silence += FRAME_S
            current.pausing = current.pausing or current.silence >= self.tuning.early_s
        if current.pausing and not current.asked and not self.hold:
            current.asked = True
            effects.append(Recognise(current.number, current.version, "final"))
        elif not current.pausing and not current.partial_open and event.at - current.partial_at >= self._partial_every:
            current.partial_open, current.partial_at = True, event.at
            effects.append(Recognise(current.number, current.version, "partial"))
        return [*effects, *self._stop_for(current), *self._divide(current, event), *self._settle(event.at)]

    def _stop_for(self, current: _Utterance) -> list[Effect]:
        """The bot stops where somebody has spoken for longer than those do who listen."""
        long = self.tuning.backchannel_s if current.listening else self.tuning.hold_s
        return self._hold(current) if current.spoken_s >= long else []

    def _hold(self, current: _Utterance) -> list[Effect]:
        bot = self._bot
        if bot is None or bot.seq != current.over_bot or not bot.lowered or bot.held:
            return []
        bot.held = True
        return [Hold(bot.seq)]

    def _divide(self, current: _Utterance, event: Frame) -> list[Effect]:
        """An utterance that gets too long for the recogniser: what is over is decoded, the rest is one of its own."""
        length = event.at - current.began
        if length < self.tuning.divide_s or current.asked:
            return []
        current.since_least += 1
        if event.probability <= current.least:
            current.least, current.since_least = event.probability, 0
        if current.silence >= self.tuning.breath_s:
            frames = round(current.silence / FRAME_S) // 2
        elif length >= self.tuning.longest_s:
            frames = current.since_least
        else:
            return []
        self._numbers += 1
        rest = _Utterance(self._numbers, event.at - frames * FRAME_S, current.over_bot, partial_at=event.at)
        rest.speech_frames, rest.level_sum, rest.silence = frames, frames * current.level, current.silence
        rest.goes_on = True
        current.asked = True
        self._late[current.number] = current
        self._utterance = rest
        return [
            Divide(current.number, rest.number, frames),
            Recognise(current.number, current.version, "final"),
        ]

    @property
    def _partial_every(self) -> float:
        return max(self.partial_s, self.tuning.partial_s)

    def _waiting_for_speech(self, event: Frame) -> list[Effect]:
        if event.probability <= self.tuning.start_probability:
            self._run, self._run_level = 0, 0.0
            return self._quiet(event.at)
        self._run += 1
        self._run_level += event.level
        if self._run < self.tuning.start_frames:
            return []
        level = self._run_level / self._run
        effects: list[Effect] = []
        self._numbers += 1
        over = self._bot.seq if self._bot is not None and not self._bot.held else None
        soon = self.tuning.first_partial_s if over is None else self.tuning.over_bot_partial_s
        first = event.at - (self._partial_every - soon)
        self._utterance = _Utterance(self._numbers, event.at, over, partial_at=min(event.at, first))
        self._utterance.speech_frames, self._utterance.level_sum = self._run, self._run_level
        self._run, self._run_level = 0, 0.0
        effects.append(Begin(self._numbers))
        if self._bot is not None and over is not None and not self._is_background(level):
            self._bot.lowered = True
            effects.append(Lower(over))
        return effects

    def _is_background(self, level: float) -> bool:
        return not self.hold and self._level is not None and level < self._level - self.tuning.background_db

    # ------------------------------------------------------------------ recognised

    def _heard(self, event: Heard) -> list[Effect]:
        late = self._late.get(event.utterance)
        if late is not None:
            if event.kind == "partial" or event.version != late.version:
                return []
            late.result = event
            return [*self._decide_late(), *self._settle(event.at)]
        current = self._utterance
        if current is None or event.utterance != current.number:
            return []
        if event.kind == "partial":
            current.partial_open = False
            if event.rejected or current.result is not None or event.version != current.version:
                return []
            return [Show(current.number, event.text), *self._understood(current, event)]
        if event.version != current.version or not current.asked:
            return []
        current.result = event
        return [*self._understood(current, event), *self._settle(event.at)]

    def _understood(self, current: _Utterance, event: Heard) -> list[Effect]:
        """The bot stops as soon as what was understood is an interruption."""
        if self._bot is None or event.rejected or event.confidence < self.tuning.confirm:
            return []
        current.listening = words.is_backchannel(event.text)
        return [] if current.listening or words.is_echo(event.text, self._bot.text) else self._hold(current)

    def _decide_late(self) -> list[Effect]:
        """What is recognised of what is over, in the order in which it was said."""
        effects: list[Effect] = []
        while self._late:
            first = next(iter(self._late.values()))
            if first.result is None:
                break
            del self._late[first.number]
            effects += self._decide(first, first.result)
        return effects

    def _settle(self, at: float) -> list[Effect]:
        """Ends the utterance where enough silence followed for what its words sound like."""
        current = self._utterance
        if current is None or current.result is None or self._late:
            return []
        result = current.result
        unfinished = not result.rejected and words.is_unfinished(result.text)
        enough = self.tuning.hesitation_s if unfinished else self.tuning.end_s
        if current.silence < enough and not self.released:
            return []
        self._utterance = None
        self._quiet_since = at
        self._prompted = False
        effects = self._decide(current, result)
        if self.released:
            effects.append(Close("released"))
        return effects

    def _decide(self, current: _Utterance, result: Heard) -> list[Effect]:
        """What becomes of a finished utterance; a bot that was lowered or held goes on or is cut."""
        background = self._is_background(current.level)
        if result.rejected or (background and not self._pending):
            why = "rejected" if result.rejected else "background"
            again = self._poor() if self.hold and result.rejected and not current.goes_on else []
            return [End(current.number, why), *self._go_on(), *again]
        if current.over_bot is not None and self._bot is not None and self._bot.seq == current.over_bot:
            other = self._not_an_interruption(current, result)
            if other:
                return [End(current.number, other), *self._go_on()]
        elif self._is_listening(current, result.text):
            return [End(current.number, "backchannel"), *self._go_on()]
        text = _written(result.text)
        shown = Show(current.number, text, final=True, confidence=result.confidence)
        effects: list[Effect] = [shown, *self._interrupt(), *self._take(current.number, text, result.confidence)]
        taken = any(isinstance(effect, Send) for effect in effects)
        if taken and result.confidence >= self.tuning.accept:
            self._level = current.level if self._level is None else 0.7 * self._level + 0.3 * current.level
        return [*effects, End(current.number, "sent" if taken else "asked")]

    def _not_an_interruption(self, current: _Utterance, result: Heard) -> str | None:
        assert self._bot is not None
        if words.is_echo(result.text, self._bot.text):
            return "echo"
        if current.spoken_s > self.tuning.backchannel_s:
            return None
        if result.confidence < self.tuning.confirm:  # a cough, or a noise that was read as a word
            return "unclear"
        answers = self._bot.asks and self._bot.share >= self.tuning.last_part
        return "backchannel" if words.is_backchannel(result.text) and not answers else None

    def _is_listening(self, current: _Utterance, text: str) -> bool:
        """A small noise while nothing was asked: the customer follows, and says nothing."""
        if self.hold or self._asked or self._pending or self.mode != "bot":
            return False
        return words.is_backchannel(text) and current.spoken_s <= self.tuning.backchannel_s

    def _go_on(self) -> list[Effect]:
        bot, current = self._bot, self._utterance
        if bot is None or not bot.lowered or (current is not None and current.over_bot == bot.seq):
            return []
        held, bot.held, bot.lowered = bot.held, False, False
        return [Resume(bot.seq) if held else Raise(bot.seq)]

    def _interrupt(self) -> list[Effect]:
        if self._bot is None:
            return []
        seq, self._bot = self._bot.seq, None
        return [Cut(seq)]

    def cut(self) -> list[Effect]:
        """The customer typed, or pressed the button to talk: the bot's speech ends here."""
        return self._interrupt()

    # ------------------------------------------------------------------ how sure

    def _take(self, utterance: int, text: str, confidence: float) -> list[Effect]:
        if self.mode != "bot":
            if confidence < self.tuning.confirm and self.mode == "human":
                return [Send(utterance, text, confidence, unclear=True)]
            return [Send(utterance, text, confidence, unclear=confidence < self.tuning.accept)]
        pending, self._pending = self._pending, None
        if pending is not None:
            said = words.answer(text)
            if said is not None and said.kind == "yes" and not said.rest:
                return self._sure(utterance, pending.text, pending.confidence, confirmed=True)
            if said is not None and said.kind == "no" and not said.rest:
                return self._poor()
            if said is not None and said.rest and confidence >= self.tuning.confirm:
                text = _written(said.rest) if said.kind == "no" else text
            if confidence >= self.tuning.confirm and words.similar(text, pending.text):
                return self._sure(utterance, text, max(confidence, pending.confidence), confirmed=True)
        if confidence < self.tuning.confirm:
            return self._poor()
        told = _told(text)
        if confidence < self.tuning.accept or not set(told) <= self._known:
            self._pending = _Pending(text, confidence)
            key = "read_back" if told and confidence >= self.tuning.accept else "confirm"
            return [Say(key, text.rstrip(" .。!！"), confidence)]
        return self._sure(utterance, text, confidence)

    def _sure(self, utterance: int, text: str, confidence: float, *, confirmed: bool = False) -> list[Effect]:
        self._attempts = 0
        self._known |= set(_told(text))
        self._thinking = True
        return [Send(utterance, text, confidence, confirmed=confirmed)]

    def _poor(self) -> list[Effect]:
        self._attempts += 1
        if self.mode == "bot" and self._attempts > self.tuning.ask_again:
            self._attempts = 0
            return [HandOver()]
        return [Say("again")]

    # ------------------------------------------------------------------ silence, playing, the end

    def _quiet(self, at: float) -> list[Effect]:
        if self._quiet_since is None:
            self._quiet_since = at
        busy = self._utterance is not None or self._bot is not None or self._thinking
        if self.hold or self.released or busy or self.mode != "bot":
            self._quiet_since = max(self._quiet_since, at) if busy else self._quiet_since
            return []
        quiet = at - self._quiet_since
        if not self._prompted and quiet >= self.tuning.prompt_s:
            self._prompted, self._quiet_since = True, at
            return [Say("still_there")]
        if self._prompted and quiet >= self.tuning.close_s:
            self.released = True
            return [Say("closing"), Close("silence")]
        return []

    def _played(self, event: Played) -> None:
        if self._bot is None or self._bot.seq != event.seq:
            return
        self._bot.share = max(self._bot.share, event.share)
        if event.done and not self._bot.held:
            self._bot = None
            self._quiet_since = event.at

    def _release(self, at: float) -> list[Effect]:
        if self.released:
            return []
        self.released = True
        current = self._utterance
        if current is None:
            return [*([Say("nothing_heard")] if self.hold else []), Close("released")]
        current.pausing = True
        if not current.asked:
            current.asked = True
            return [Recognise(current.number, current.version, "final")]
        return self._settle(at)


def _written(text: str) -> str:
    """What was said, with numbers, codes and names as they are printed."""
    return names.written(spoken.normalise(text))


def _told(text: str) -> tuple[str, ...]:
    """What of a text is worth reading back."""
    return (*spoken.identifiers(text), *names.told(text))
