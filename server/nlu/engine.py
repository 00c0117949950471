"""From a text to a `Parse`: the one interface of understanding, whatever engine is behind it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from server.nlu import intents
from server.nlu.artefact import Artefact
from server.nlu.calibrate import Calibrations, OosModel
from server.nlu.cues import Cues
from server.nlu.data import OUT_OF_SCOPE, load_entities
from server.nlu.entities import EntityModel, read
from server.nlu.intents import IntentModel
from server.nlu.language import detect
from server.nlu.normalise import Normaliser
from server.nlu.text import align

MAX_CHARACTERS: Final = 2_000  # of a text that is read; what follows is left unread
_RANKED: Final = 10


@dataclass(frozen=True)
class Intent:
    """An intent and the calibrated probability that it is what the customer means."""

    name: str
    confidence: float


@dataclass(frozen=True)
class Entity:
    """A detail: code points `start` to `end` of the text, its kind, what it means, and P(it is one)."""

    start: int
    end: int
    entity: str
    value: str
    raw: str
    confidence: float


@dataclass(frozen=True)
class Parse:
    """What a message means, as docs/architecture.md has it. `oos` is P(out of scope); `ms` the time it took."""

    text: str
    language: str
    intent: Intent
    intent_ranking: tuple[Intent, ...]
    entities: tuple[Entity, ...]
    oos: float
    threshold: float
    ambiguity: float
    release: str
    engine: str
    ms: float

    def to_json(self) -> dict[str, Any]:
        """Plain data for a JSON answer."""
        return asdict(self)


class Understanding(Protocol):
    """What every engine offers."""

    def parse(self, text: str, locale: str | None = None) -> Parse:
        """Parse one text; `locale` helps where the text does not say its language."""
        ...

    def parse_batch(self, items: Sequence[tuple[str, str | None]]) -> list[Parse]:
        """Parse (text, locale) pairs in one go, results in order."""
        ...


def _today() -> dt.datetime:
    return dt.datetime.now().astimezone()


class Engine:
    """The embedded engine: an artefact, loaded. Not thread-safe: call it from one thread at a time."""

    name: Final = "embedded"

    def __init__(self, folder: Path, *, release: str = "", clock: Callable[[], dt.datetime] = _today) -> None:
        """Load the artefact in `folder`; `release` is what parses carry (default: the artefact's id).

        Raises `ArtefactError` where the folder is no artefact of this version.
        """
        self.artefact = Artefact.load(folder)
        self.release = release or self.artefact.id
        self._clock = clock
        with np.load(folder / "intents.npz") as arrays:
            self._intents = IntentModel.from_arrays(dict(arrays))
        self._entities = EntityModel.load(folder / "entities")
        self._cues = Cues(self._entities.gazetteer, self._entities.patterns)
        self._calibration = Calibrations.from_json(self.artefact.manifest["calibration"])
        entities_file = folder / "entities.yml"
        kinds = load_entities(entities_file if entities_file.is_file() else None)
        self._normaliser = Normaliser(kinds, self.artefact.manifest["synonyms"])
        self._hidden = self._intents.classes.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in self._intents.classes else None

    @property
    def intents(self) -> list[str]:
        """The intents that can be predicted."""
        return list(self._intents.intents)

    def parse(self, text: str, locale: str | None = None) -> Parse:
        """Parse one text; `locale` (such as "zh-CN") decides the language only where the text does not say it."""
        return self.parse_batch([(text, locale)])[0]

    def parse_batch(self, items: Sequence[tuple[str, str | None]]) -> list[Parse]:
        """Parse (text, locale) pairs in one go; `ms` of each is its share of the whole."""
        if not items:
            return []
        began = time.perf_counter()
        aligned = [align(text[:MAX_CHARACTERS]) for text, _ in items]
        languages = [detect(a.text, locale) for a, (_, locale) in zip(aligned, items, strict=True)]
        encoded = intents.encode([a.text for a in aligned], languages)
        encoded.vectors["cues"] = self._cues.of(aligned)
        readings = read(aligned, encoded.e5_states)
        logits = self._intents.logits(encoded)
        oos: NDArray[Any] = np.zeros(len(items))
        if self._calibration.oos is not None:
            features = OosModel.features(logits, self._intents.nearness(encoded), self._hidden)
            oos = self._calibration.oos.probability(features)
        visible = logits if self._hidden is None else np.delete(logits, self._hidden, axis=1)
        now = self._clock()
        results: list[tuple[Any, ...]] = []
        for i, (text, _) in enumerate(items):
            language = languages[i]
            empty = not readings[i].tokens
            p = self._calibration.languages[language].probabilities(visible[i : i + 1], oos[i : i + 1])[0]
            if empty:
                p, oos[i] = np.zeros_like(p), 1.0
            order = np.argsort(-p, kind="stable")[:_RANKED]
            ranking = tuple(Intent(self._intents.intents[k], round(float(p[k]), 4)) for k in order)
            found = tuple(
                Entity(
                    t.start,
                    t.end,
                    t.entity,
                    self._normaliser.value(t.entity, text[t.start : t.end], now),
                    text[t.start : t.end],
                    round(t.confidence, 4),
                )
                for t in self._entities.tag(readings[i])
            )
            results.append((text, language, ranking, found, round(float(oos[i]), 4)))
        ms = round((time.perf_counter() - began) * 1000 / len(items), 2)
        parses = []
        for text, language, ranking, found, outside in results:
            threshold = self._calibration.thresholds[language]
            numbers = (outside, round(threshold.confidence, 4), round(threshold.ambiguity, 4))
            parses.append(Parse(text, language, ranking[0], ranking, found, *numbers, self.release, self.name, ms))
        return parses
