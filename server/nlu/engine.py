"""From a text to a `Parse`: the one interface of understanding, whatever engine is behind it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from server.nlu import clauses, fewshot, intents
from server.nlu.artefact import Artefact
from server.nlu.calibrate import Calibrations, OosModel, Threshold, carried
from server.nlu.cues import Cues
from server.nlu.data import load_entities
from server.nlu.entities import MEANT, EntityModel, Tagged, read
from server.nlu.fewshot import NewIntent
from server.nlu.intents import Encoded, IntentModel
from server.nlu.language import detect
from server.nlu.normalise import Normaliser
from server.nlu.text import align
from server.nlu.tuned import Tuned

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
class Wish:
    """Another thing that the same message asks for, and where it says so (code points, end exclusive)."""

    intent: Intent
    start: int
    end: int


@dataclass(frozen=True)
class Parse:
    """What a message means, as docs/architecture.md has it. `oos` is P(out of scope); `ms` the time it took.

    `also`: further wishes in the same message; `dynamic`: the intent's name where training has not seen it yet.
    """

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
    also: tuple[Wish, ...] = ()
    dynamic: str | None = None

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

    def __init__(
        self,
        folder: Path,
        *,
        release: str = "",
        risk_bound: float | None = None,
        clock: Callable[[], dt.datetime] = _today,
    ) -> None:
        """Load the artefact in `folder`; `release` is what parses carry (default: the artefact's id).

        `risk_bound`: for which thresholds are given unless a batch names another (default: that of the training).

        Raises `ArtefactError` where the folder is no artefact of this version.
        """
        self.artefact = Artefact.load(folder)
        self.release = release or self.artefact.id
        self._clock = clock
        self._risk_bound = risk_bound
        with np.load(folder / "intents.npz") as arrays:
            self._intents = IntentModel.from_arrays(dict(arrays))
        for language, weight in self.artefact.manifest["tuned"].items():
            self._intents.add(language, Tuned(folder / f"tuned-{language}.onnx"), weight)
        self._entities = EntityModel.load(folder / "entities")
        self._cues = Cues(self._entities.gazetteer, self._entities.patterns)
        self._calibration = Calibrations.from_json(self.artefact.manifest["calibration"])
        entities_file = folder / "entities.yml"
        kinds = load_entities(entities_file if entities_file.is_file() else None)
        self._normaliser = Normaliser(kinds, self.artefact.manifest["synonyms"])
        self._new_names: tuple[str, ...] = ()
        self._shots: list[NDArray[Any]] = []

    @property
    def intents(self) -> list[str]:
        """The intents that can be predicted."""
        return list(self._intents.intents)

    def threshold(self, language: str, bound: float | None = None) -> Threshold:
        """When to act on a message of a language at a risk bound, with the guarantee of the training."""
        return self._calibration.threshold(language, self._risk_bound if bound is None else bound)

    def parse(self, text: str, locale: str | None = None) -> Parse:
        """Parse one text; `locale` (such as "zh-CN") decides the language only where the text does not say it."""
        return self.parse_batch([(text, locale)])[0]

    def parse_batch(self, items: Sequence[tuple[str, str | None]], bound: float | None = None) -> list[Parse]:
        """Parse (text, locale) pairs in one go, with the thresholds of a risk bound; `ms` of each is its share."""
        if not items:
            return []
        began = time.perf_counter()
        # The parts of a message that may hold several wishes are read in the same pass.
        cuts = [clauses.parts(text[:MAX_CHARACTERS]) for text, _ in items]
        inner = [
            (text[part.start : part.end], locale)
            for (text, locale), cut in zip(items, cuts, strict=True)
            for part in cut
        ]
        aligned = [align(text[:MAX_CHARACTERS]) for text, _ in [*items, *inner]]
        locales = [locale for _, locale in [*items, *inner]]
        languages = [detect(a.text, locale) for a, locale in zip(aligned, locales, strict=True)]
        encoded = intents.encode([a.text for a in aligned], languages)
        encoded.vectors["cues"] = self._cues.of(aligned)
        rankings, oos = self._rank(encoded, [bool(a.tokens()) for a in aligned])
        readings = read(aligned[: len(items)], encoded.e5_states[: len(items)])
        now = self._clock()
        at = len(items)
        thresholds = {language: self.threshold(language, bound) for language in set(languages)}
        found = []
        for i, (text, _) in enumerate(items):
            threshold = thresholds[languages[i]]
            whole = _Ranked(rankings[i], threshold)
            also: tuple[Wish, ...] = ()
            if cuts[i]:
                own = [
                    (part, _Ranked(rankings[at + k], thresholds[languages[at + k]])) for k, part in enumerate(cuts[i])
                ]
                at += len(own)
                whole, also = _wishes(whole, own)
            meant = {r.name: r.confidence for r in rankings[i][:MEANT]}
            tagged = self._entities.tag(replace(readings[i], meant=meant))
            entities = tuple(self._entity(t, text, now) for t in tagged)
            found.append((text, languages[i], whole, also, entities, round(float(oos[i]), 4), threshold))
        ms = round((time.perf_counter() - began) * 1000 / len(items), 2)
        return [
            Parse(
                text,
                language,
                whole.ranking[0],
                whole.ranking,
                entities,
                outside,
                round(threshold.confidence, 4),
                round(threshold.ambiguity, 4),
                self.release,
                self.name,
                ms,
                also,
                whole.ranking[0].name if whole.ranking[0].name in self._new_names else None,
            )
            for text, language, whole, also, entities, outside, threshold in found
        ]

    def learn(self, new: Sequence[NewIntent]) -> None:
        """Understand these intents besides the trained ones, from now on; replaces those given before.

        Raises `ValueError` for a name that is trained already or comes twice, or an intent without examples.
        """
        names = [intent.name for intent in new]
        for intent in new:
            if intent.name in self.intents or names.count(intent.name) > 1:
                raise ValueError(f'intent "{intent.name}" exists already; choose another name')
            if not intent.examples:
                raise ValueError(f'intent "{intent.name}" has no examples; give at least {fewshot.SHOTS}')
        shots = []
        for intent in new:
            texts = [align(t).text for t in intent.texts]
            shots.append(intents.meaning(intents.encode(texts, [detect(t) for t in texts])))
        self._new_names, self._shots = tuple(names), shots

    def _rank(self, encoded: Encoded, spoken: Sequence[bool]) -> tuple[list[tuple[Intent, ...]], NDArray[Any]]:
        """Calibrated rankings, and P(out of scope); `spoken[i]` is False for a text without a word."""
        logits, nearest = self._intents.logits(encoded), self._intents.nearness(encoded)
        hidden = self._intents.hidden
        oos: NDArray[Any] = np.zeros(len(spoken))
        if self._calibration.oos is not None:
            oos = self._calibration.oos.probability(OosModel.features(logits, nearest, hidden))
        visible = self._intents.ranked(encoded, logits)[:, : len(self._intents.intents)]
        new: NDArray[Any] = np.zeros(len(spoken))
        shares: NDArray[Any] = np.zeros((len(spoken), 0))
        if self._shots:
            near = intents.compare(encoded, logits, nearest, hidden, self._shots)
            new, shares = self._calibration.judge.probability(near)
        names = [*self._intents.intents, *self._new_names]
        rankings = []
        for i, language in enumerate(encoded.languages):
            p = self._calibration.languages[language].probabilities(visible[i : i + 1], oos[i : i + 1])[0]
            p = np.concatenate([p * (1 - new[i]), shares[i] * new[i]])
            oos[i] *= 1 - new[i]
            if not spoken[i]:
                p, oos[i] = np.zeros_like(p), 1.0
            order = np.argsort(-p, kind="stable")[:_RANKED]
            rankings.append(tuple(Intent(names[k], float(carried(p[k]))) for k in order))
        return rankings, oos

    def _entity(self, tagged: Tagged, text: str, now: dt.datetime) -> Entity:
        raw = text[tagged.start : tagged.end]
        value = self._normaliser.value(tagged.entity, raw, now)
        return Entity(tagged.start, tagged.end, tagged.entity, value, raw, round(tagged.confidence, 4))


@dataclass(frozen=True)
class _Ranked:
    ranking: tuple[Intent, ...]
    threshold: Threshold

    def reading(self) -> clauses.Reading:
        top = self.ranking[0]
        second = self.ranking[1].confidence if len(self.ranking) > 1 else 0.0
        sure = top.confidence >= self.threshold.confidence and top.confidence - second >= self.threshold.ambiguity
        return clauses.Reading(top.name, top.confidence, sure, {r.name: r.confidence for r in self.ranking})


def _wishes(whole: _Ranked, own: Sequence[tuple[clauses.Part, _Ranked]]) -> tuple[_Ranked, tuple[Wish, ...]]:
    """What the message mainly asks for, and what else.

    The reading of the whole stays where it is sure; else the first part that is sure of itself takes its place.
    """
    reading = whole.reading()
    found = clauses.wishes(reading, [(part, ranked.reading()) for part, ranked in own])
    if not found:
        return whole, ()
    if not reading.sure or reading.intent not in {r.intent for _, r in found}:
        first = found[0][0]
        whole = next(ranked for part, ranked in own if part == first)
    main = whole.ranking[0].name
    return whole, tuple(
        Wish(Intent(r.intent, r.confidence), part.start, part.end) for part, r in found if r.intent != main
    )
