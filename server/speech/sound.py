"""What a voice makes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sound:
    """16-bit little-endian mono PCM at ``rate`` samples a second."""

    pcm: bytes
    rate: int
