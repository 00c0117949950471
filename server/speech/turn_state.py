"""What turn-taking knows: its numbers, the utterance that is being said, the reply that is being spoken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.speech.turn_events import Heard

FRAME_S: Final = 0.032
"""Length of one frame: 512 samples at 16 kHz, what the voice activity detector looks at."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The numbers of turn-taking: probabilities in [0, 1], seconds, decibels. Measured: docs/voice.md."""

    start_probability: float = 0.5
    start_frames: int = 3
    end_probability: float = 0.35
    pause_probability: float = 0.4
    pause_frames: int = 2
    """So many frames of speech in a row pause the bot: one more would be heard as talking over the customer."""
    early_s: float = 0.24
    """So much silence starts the decoding that is the final one if nothing follows."""
    quick_s: float = 0.09
    """So much starts a quick one before, where the bot paused for what may be a listening noise."""
    false_alarms: int = 3
    """So many noises have paused a reply in vain: from then on only words do. Counted over all replies for echoes."""
    longest_pause_s: float = 8.0
    """After so long without a sound the bot goes on, recognised or not."""
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
    accept: float = 0.55
    confirm: float = 0.45
    ask_again: int = 2
    background_db: float = 15.0
    """So much quieter than the customer is somebody else in the room."""
    backchannel_s: float = 1.2
    """Who has spoken for longer makes more than a listening noise."""
    last_part: float = 0.8
    """From this share of a question on, "yeah" answers it."""
    prompt_s: float = 10.0
    close_s: float = 20.0


# ---------------------------------------------------------------------- state


@dataclass(slots=True)
class Utterance:
    """What a customer says, from its first sound until it is decided what becomes of it."""

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
    glanced: bool = False
    """A quick decoding of this version is under way or done."""
    since_least: int = 0
    """Frames since the one that was least like speech, where it may be divided."""
    least: float = 2.0
    goes_on: bool = False
    """It is the rest of a longer one."""
    run: int = 0
    """Frames of speech since the last one without."""

    @property
    def spoken_s(self) -> float:
        """Seconds of speech in it."""
        return self.speech_frames * FRAME_S

    @property
    def level(self) -> float:
        """Its mean level in dBFS."""
        return self.level_sum / max(1, self.speech_frames)


@dataclass(slots=True)
class Bot:
    """The reply that is being spoken."""

    seq: int
    text: str
    asks: bool
    paused: bool = False
    held: bool = False
    """Paused, and for more than a listening noise."""
    sound_at: float = 0.0
    """When speech was last heard while it was paused."""
    alarms: int = 0
    """Noises that were nothing while it was spoken."""
    share: float = 0.0


@dataclass(slots=True)
class Pending:
    """What the bot has asked about: whether it was heard right."""

    text: str
    confidence: float
