"""Who has the floor: a pure state machine. Events go in with their time, effects come out; docs/voice.md draws it.

Two things run side by side. The customer is silent, speaking, or pausing (silence after speech that may yet go on). The
bot is quiet, speaking, paused (silent at the first sound, which may be no more than a listening noise) or held (it is
more, and it is not yet known whether it was meant to interrupt). Nothing is heard of a bot that is paused or held.
Times are seconds of one monotonic clock that the caller passes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
    Gone,
    GoOn,
    HandOver,
    Heard,
    Hold,
    Mode,
    Moved,
    Pause,
    Played,
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
from server.speech.turn_state import FRAME_S, Bot, Pending, Tuning, Utterance


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
    _utterance: Utterance | None = None
    _late: dict[int, Utterance] = field(default_factory=dict)
    """Over, and not recognised yet: said before the microphone was switched on anew, or the earlier part of a long one.

    What is said after it is decided after it.
    """
    _run: int = 0
    _run_level: float = 0.0
    _sounds: int = 0
    """Frames in a row that may be speech."""
    _bot: Bot | None = None
    _pending: Pending | None = None
    _known: set[str] = field(default_factory=set)
    _attempts: int = 0
    _thinking: bool = False
    _asked: bool = False
    _quiet_since: float | None = None
    _prompted: bool = False
    _level: float | None = None
    _echoes: int = 0
    """How often the bot's own voice came back by the loudspeaker."""

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
                self._bot = Bot(event.seq, event.text, event.asks)
                self._thinking, self._asked = False, event.asks
            case Played():
                self._played(event)
            case Answered():
                self._thinking, self._pending = False, None
                self._quiet_since = event.at
            case Released():
                return self._release(event.at)
            case Gone():
                self.released = True
                return self._put_off()
            case Moved():
                self.mode = event.mode
                if event.mode != "bot":
                    self._pending, self._attempts, self._thinking = None, 0, False
                self._quiet_since = event.at
            case Tick():
                return [*self._overdue(event.at), *self._quiet(event.at)]
        return []

    @property
    def busy(self) -> bool:
        """Whether an utterance is being spoken or recognised."""
        return self._utterance is not None

    @property
    def speaking(self) -> bool:
        """Whether the bot speaks, or pauses for a moment."""
        return self._bot is not None and not self._bot.held

    def expect(self, text: str, confidence: float) -> None:
        """The bot has just asked whether ``text`` is what was said (also in a connection before this one)."""
        self._pending = Pending(text, confidence)

    def _start(self, event: Started) -> list[Effect]:
        effects = self._put_off()
        self.hold, self.released = event.hold, False
        self._quiet_since, self._prompted = event.at, False
        return effects

    def _put_off(self) -> list[Effect]:
        """What was being said is over; it is decided when it is recognised."""
        self._run, self._run_level, self._sounds = 0, 0.0, 0
        current, self._utterance = self._utterance, None
        if current is None:
            return self._go_on()
        self._late[current.number] = current
        if current.result is not None:
            return self._decide_late()
        if current.asked:
            return []
        current.asked = True
        return [Recognise(current.number, current.version, "final")]

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
                current.pausing, current.asked, current.glanced, current.result = False, False, False, None
            current.silence = 0.0
            current.run += 1
            current.speech_frames += 1
            current.level_sum += event.level
            effects += self._pause_for(current, event.at)
        else:
            current.run = 0
            current.silence += FRAME_S
            effects += self._glance(current)
            current.pausing = current.pausing or current.silence >= self.tuning.early_s
        if current.silence >= self.tuning.early_s and not current.asked and not self.hold:
            current.asked = True
            effects.append(Recognise(current.number, current.version, "final"))
        elif not current.pausing and not current.partial_open and event.at - current.partial_at >= self._partial_every:
            current.partial_open, current.partial_at = True, event.at
            effects.append(Recognise(current.number, current.version, "partial"))
        effects += [*self._stop_for(current), *self._divide(current, event), *self._settle(event.at)]
        return [*effects, *self._overdue(event.at)]

    def _glance(self, current: Utterance) -> list[Effect]:
        """A first look at what the bot paused for, as soon as it may be over."""
        short = self._pauses_for(current) and current.spoken_s <= self.tuning.backchannel_s
        if not short or self.hold or current.glanced or current.silence < self.tuning.quick_s:
            return []
        current.pausing = current.glanced = True
        return [Recognise(current.number, current.version, "quick")]

    def _pauses_for(self, current: Utterance) -> bool:
        """Whether the bot pauses, or is held, because of this utterance."""
        return self._bot is not None and self._bot.paused and self._bot.seq == current.over_bot

    def _pause_for(self, current: Utterance, at: float) -> list[Effect]:
        """The bot pauses again where it had gone on and the customer goes on too."""
        bot = self._bot
        if bot is None or bot.seq != current.over_bot or self._is_background(current.level):
            return []
        return self._pause(at) if current.run >= self.tuning.pause_frames else []

    def _pause(self, at: float) -> list[Effect]:
        bot = self._bot
        if bot is None:
            return []
        bot.sound_at = at
        if bot.paused or self._is_wary(bot):
            return []
        bot.paused = True
        return [Pause(bot.seq)]

    def _is_wary(self, bot: Bot) -> bool:
        """Whether noises have paused the bot in vain too often."""
        return max(bot.alarms, self._echoes) >= self.tuning.false_alarms

    def _overdue(self, at: float) -> list[Effect]:
        """No pause lasts for ever, whatever became of the one that it was for."""
        bot = self._bot
        if bot is None or not bot.paused or at - bot.sound_at < self.tuning.longest_pause_s:
            return []
        return self._unpause(bot)

    def _stop_for(self, current: Utterance) -> list[Effect]:
        """The bot stops where somebody has spoken for longer than those do who listen."""
        long = current.spoken_s > self.tuning.backchannel_s
        return self._hold(current) if long and self._pauses_for(current) else []

    def _hold(self, current: Utterance) -> list[Effect]:
        bot = self._bot
        if bot is None or bot.seq != current.over_bot or bot.held:
            return []
        if not bot.paused and (not self._is_wary(bot) or self._is_background(current.level)):
            return []
        bot.paused = bot.held = True
        return [Hold(bot.seq)]

    def _divide(self, current: Utterance, event: Frame) -> list[Effect]:
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
        rest = Utterance(self._numbers, event.at - frames * FRAME_S, current.over_bot, partial_at=event.at)
        rest.speech_frames, rest.level_sum = frames, frames * current.level
        rest.silence = min(current.silence, frames * FRAME_S)
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
        self._sounds = self._sounds + 1 if event.probability > self.tuning.pause_probability else 0
        sure = self._sounds >= self.tuning.pause_frames and not self._is_background(event.level)
        effects = self._pause(event.at) if sure else []
        if event.probability <= self.tuning.start_probability:
            self._run, self._run_level = 0, 0.0
            quiet = self._go_on() if event.probability < self.tuning.end_probability else []
            return [*effects, *quiet, *self._overdue(event.at), *self._quiet(event.at)]
        self._run += 1
        self._run_level += event.level
        if self._run < self.tuning.start_frames:
            return effects
        self._numbers += 1
        over = self._bot.seq if self._bot is not None and not self._bot.held else None
        soon = self.tuning.first_partial_s if over is None else self.tuning.over_bot_partial_s
        first = event.at - (self._partial_every - soon)
        self._utterance = Utterance(self._numbers, event.at, over, partial_at=min(event.at, first))
        self._utterance.speech_frames, self._utterance.level_sum = self._run, self._run_level
        self._utterance.run = self._run
        self._run, self._run_level, self._sounds = 0, 0.0, 0
        return [*effects, Begin(self._numbers)]

    def _is_background(self, level: float) -> bool:
        return not self.hold and self._level is not None and level < self._level - self.tuning.background_db

    # ------------------------------------------------------------------ recognised

    def _heard(self, event: Heard) -> list[Effect]:
        late = self._late.get(event.utterance)
        if late is not None:
            if event.kind != "final" or event.version != late.version:
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
        if event.version != current.version:
            return []
        if event.kind == "quick":
            return self._understood(current, event) if current.result is None else []
        if not current.asked:
            return []
        current.result = event
        settled = self._settle(event.at)
        return settled or self._understood(current, event)

    def _understood(self, current: Utterance, event: Heard) -> list[Effect]:
        """The bot stops as soon as what was understood is an interruption, and goes on as soon as it was none."""
        if self._bot is None:
            return []
        if event.kind != "partial" and self._pauses_for(current):
            nothing = self._is_nothing(current, event)
            # What a quick decoding is not sure of, the final one may understand.
            if nothing and not (nothing == "unclear" and event.kind == "quick"):
                return self._unpause(self._bot)
        if event.rejected or event.confidence < self.tuning.confirm or words.is_backchannel(event.text):
            return []
        return [] if words.is_echo(event.text, self._bot.text) else self._hold(current)

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

    def _decide(self, current: Utterance, result: Heard) -> list[Effect]:
        """What becomes of a finished utterance; a bot that paused goes on or is cut."""
        if why := self._is_nothing(current, result):
            self._count_alarm(current, why)
            again = self._poor() if self.hold and result.rejected and not current.goes_on else []
            return [End(current.number, why), *self._go_on(), *again]
        text = _written(result.text)
        shown = Show(current.number, text, final=True, confidence=result.confidence)
        effects: list[Effect] = [shown, *self._interrupt(), *self._take(current.number, text, result.confidence)]
        taken = any(isinstance(effect, Send) for effect in effects)
        if taken and result.confidence >= self.tuning.accept:
            self._level = current.level if self._level is None else 0.7 * self._level + 0.3 * current.level
        return [*effects, End(current.number, "sent" if taken else "asked")]

    def _count_alarm(self, current: Utterance, why: str) -> None:
        if self._bot is None or self._bot.seq != current.over_bot:
            return
        self._echoes += why == "echo"
        self._bot.alarms += why in {"rejected", "unclear"}

    def _is_nothing(self, current: Utterance, result: Heard) -> str | None:
        """Why an utterance is no message: noise, somebody else, the bot's own voice, a listening noise."""
        if result.rejected:
            return "rejected"
        if self._is_background(current.level) and not self._pending:
            return "background"
        if current.over_bot is not None and self._bot is not None and self._bot.seq == current.over_bot:
            return self._not_an_interruption(current, result)
        return "backchannel" if self._is_listening(current, result.text) else None

    def _not_an_interruption(self, current: Utterance, result: Heard) -> str | None:
        assert self._bot is not None
        if words.is_echo(result.text, self._bot.text):
            return "echo"
        if current.spoken_s > self.tuning.backchannel_s:
            return None
        answers = self._bot.asks and self._bot.share >= self.tuning.last_part
        if words.is_backchannel(result.text) and not answers:
            return "backchannel"
        # Below: a cough, or a noise that was read as a word.
        return "unclear" if result.confidence < self.tuning.confirm else None

    def _is_listening(self, current: Utterance, text: str) -> bool:
        """A small noise while nothing was asked: the customer follows, and says nothing."""
        if self.hold or self._asked or self._pending or self.mode != "bot":
            return False
        return words.is_backchannel(text) and current.spoken_s <= self.tuning.backchannel_s

    def _go_on(self) -> list[Effect]:
        """The bot goes on, unless it pauses for something else too."""
        bot = self._bot
        open_now = [*self._late.values(), *([self._utterance] if self._utterance is not None else [])]
        if bot is None or not bot.paused or any(one.over_bot == bot.seq for one in open_now):
            return []
        return self._unpause(bot)

    def _unpause(self, bot: Bot) -> list[Effect]:
        held, bot.held, bot.paused = bot.held, False, False
        return [Resume(bot.seq) if held else GoOn(bot.seq)]

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
            self._pending = Pending(text, confidence)
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
            self._run, self._run_level, self._sounds = 0, 0.0, 0
            return [*self._go_on(), *([Say("nothing_heard")] if self.hold else []), Close("released")]
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
