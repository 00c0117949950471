"""What goes into turn-taking and what comes out: events with their time, and effects. `turn_taking` decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["bot", "waiting", "human", "closed"]
Decoding = Literal["partial", "quick", "final"]
"""``quick``: of all that was said, but no second time where that is doubtful, which takes ten times as long."""

# ---------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Started:
    """The microphone is on. ``hold``: press-and-talk, where only letting go ends what is said."""

    at: float
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """32 ms of audio: probability of speech, and level in dBFS (0 is the loudest)."""

    at: float
    probability: float
    level: float = -30.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What the recogniser made of an utterance as it was at ``version``; ``rejected``: noise, silence, nothing said."""

    at: float
    utterance: int
    version: int
    kind: Decoding
    text: str
    confidence: float = 0.0
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Speaking:
    """The bot began to speak the message ``seq``; ``asks``: it ends in a question."""

    at: float
    seq: int
    text: str
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """Of ``seq`` the share ``share`` was heard; ``done``: to its end."""

    at: float
    seq: int
    share: float
    done: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply is there that is not spoken, or the customer typed: nobody waits for the bot, no question is open."""

    at: float


@dataclass(frozen=True, slots=True)
class Released:
    """The customer let go of the button, or switched the microphone off."""

    at: float


@dataclass(frozen=True, slots=True)
class Gone:
    """No sound comes any more though nobody switched the microphone off."""

    at: float


@dataclass(frozen=True, slots=True)
class Moved:
    """The conversation's mode is another one."""

    at: float
    mode: Mode


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes, whether or not audio comes."""

    at: float


Event = Started | Frame | Heard | Speaking | Played | Answered | Released | Gone | Moved | Tick


# ---------------------------------------------------------------------- effects


@dataclass(frozen=True, slots=True)
class Begin:
    """An utterance began: keep its audio, from the pre-roll on."""

    utterance: int


@dataclass(frozen=True, slots=True)
class Recognise:
    """Decode the utterance as it is now."""

    utterance: int
    version: int
    kind: Decoding


@dataclass(frozen=True, slots=True)
class Show:
    """The live transcript; ``final``: nothing of it will change."""

    utterance: int
    text: str
    final: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The utterance is over: its audio can go. ``why`` tells what became of it."""

    utterance: int
    why: str


@dataclass(frozen=True, slots=True)
class Divide:
    """The last ``frames`` frames of the utterance are the beginning of another, ``into``."""

    utterance: int
    into: int
    frames: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Be silent in the middle of ``seq`` and keep the place: somebody makes a sound."""

    seq: int


@dataclass(frozen=True, slots=True)
class GoOn:
    """It was nothing: speak ``seq`` on where it paused."""

    seq: int


@dataclass(frozen=True, slots=True)
class Hold:
    """It is more: what is left of ``seq`` need not be kept ready, though it may yet be spoken."""

    seq: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on speaking ``seq`` where it was held."""

    seq: int


@dataclass(frozen=True, slots=True)
class Cut:
    """``seq`` stays unspoken from where it was stopped: keep what was heard."""

    seq: int


@dataclass(frozen=True, slots=True)
class Send:
    """The customer's message."""

    utterance: int
    text: str
    confidence: float
    confirmed: bool = False
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """The bot says a text of the catalogue, ``voice.KEY``; ``heard`` is what it asks about."""

    key: str
    heard: str = ""
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class HandOver:
    """A person, because speech could not be understood."""


@dataclass(frozen=True, slots=True)
class Close:
    """Switch the microphone off: ``silence`` or ``released``."""

    why: str


Effect = Begin | Recognise | Show | End | Divide | Pause | GoOn | Hold | Resume | Cut | Send | Say | HandOver | Close
