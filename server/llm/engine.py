"""Understanding by a language model: the same `Parse` as the embedded engine's, and that engine's where this one fails.

`Asker` puts a message to the model with its nearest examples and reads the answer; `LlmEngine` turns what it read into
calibrated numbers. Whatever goes wrong (a deadline, an error, nonsense, an open breaker) is answered by the embedded
engine, counted by cause, and written into the parse.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Histogram
from scipy.special import expit, logit

from server.llm import helpers, prompts, proposals
from server.llm.examples import Embed, Knowledge, Vectors
from server.llm.helpers import Refused
from server.llm.masking import Finder, masked, nothing
from server.llm.prompts import Detail, Shown
from server.llm.protocol import MAX_TOP, Chat, LlmError, Request
from server.llm.room import Room
from server.llm.schema import SchemaError
from server.nlu.calibrate import OosModel, Threshold, carried
from server.nlu.data import OUT_OF_SCOPE
from server.nlu.engine import MAX_CHARACTERS, Entity, Intent, Parse
from server.nlu.language import Language, detect
from server.nlu.normalise import Normaliser
from server.nlu.text import align

log = logging.getLogger(__name__)
Item = tuple[str, str | None]
Fallback = Callable[[Sequence[Item]], Awaitable[Sequence[Parse]]]
_RANKED: Final = 10
_TOKENS_INTENT: Final = 16
_TOKENS_DETAILS: Final = 200
_LOOKED_AT: Final = 100  # nearest examples that candidates are drawn from
_TINY: Final = 1e-6
_WARMING: Final = ("你好", "hello")
_WARMING_S: Final = 120.0


@dataclass(frozen=True)
class Understood(Parse):
    """A `Parse` that also says which model made it, and why another engine than the chosen one did, if so."""

    model: str = ""
    fallback: dict[str, str] | None = None
    """{"engine": the engine that should have answered, "cause": why it did not}."""


@dataclass(frozen=True)
class Options:
    """How a model is asked. `candidates`: 0 shows every intent, else so many, those of the nearest examples."""

    neighbours: int = 8
    candidates: int = 0
    also_entities: bool = True
    deadline_s: float = 2.0
    concurrency: int = 8


@dataclass(frozen=True)
class Heard:
    """What the model said of one message, uncalibrated. `logits`: each intent and, last, out of scope."""

    language: Language
    logits: NDArray[np.float64]
    nearness: float
    details: list[Detail]
    lost: int
    model: str


class Metrics:
    """Counters of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "kefu_llm_parses",
            "Messages put to the language model, by outcome",
            ["engine", "outcome"],
            registry=registry,
        )
        self.fallbacks = Counter(
            "kefu_llm_fallbacks",
            "Messages that the embedded engine understood instead, by cause",
            ["engine", "cause"],
            registry=registry,
        )
        self.lost = Counter(
            "kefu_llm_details_lost", "Details that the model named and the message does not hold", registry=registry
        )
        self.translations = Counter(
            "kefu_llm_translations",
            "Texts that the language model was to translate, by outcome",
            ["engine", "outcome"],
            registry=registry,
        )
        self.seconds = Histogram(
            "kefu_llm_parse_seconds",
            "Time of one message at the language model",
            buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 16),
            registry=registry,
        )


class Asker:
    """Puts messages to a model."""

    def __init__(
        self,
        chat: Chat,
        knowledge: Knowledge,
        options: Options,
        *,
        embed: Embed,
        executor: ThreadPoolExecutor,
        find_personal: Finder = nothing,
    ) -> None:
        """`embed` is run in `executor`: the encoders belong to one thread. `find_personal`: what must not leave."""
        self.chat = chat
        self.knowledge = knowledge
        self.options = options
        self._embed = embed
        self._executor = executor
        self._find = find_personal
        self._places = {name: i for i, name in enumerate(knowledge.names)}

    async def vectors(self, texts: Sequence[str]) -> Vectors:
        """What the nearest examples are searched by, (texts, width)."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: self._embed(list(texts)))

    async def ask(
        self,
        text: str,
        locale: str | None,
        vector: Vectors,
        *,
        deadline_s: float | None = None,
        unseen: frozenset[int] = frozenset(),
        hidden: frozenset[str] = frozenset(),
    ) -> Heard:
        """One message. `unseen` examples and `hidden` intents are treated as if there were none of them.

        Raises `LlmError`.
        """
        known = self.knowledge
        language = detect(align(text).text, locale)
        near = [
            (row, score)
            for row, score in known.nearest(vector, _LOOKED_AT + len(unseen))
            if row not in unseen and known.examples[row].intent not in hidden
        ]
        candidates = self._candidates(near, hidden)
        private = masked(text, self._find)
        asked = prompts.question(
            private.text,
            language,
            candidates={name: known.about(name, language) for name in candidates},
            kinds={k: known.kind_about(k, language) for k in known.kind_names} if self.options.also_entities else {},
            # The likest last: what stands next to the question counts most.
            examples=[self._private(known.shown(row)) for row, _ in reversed(self._shown(near, candidates))],
        )
        tokens = _TOKENS_DETAILS if self.options.also_entities else _TOKENS_INTENT
        completion = await self.chat.complete(
            Request(asked.messages, tokens, schema=asked.schema, top_logprobs=MAX_TOP),
            self.options.deadline_s if deadline_s is None else deadline_s,
        )
        completion.value(asked.schema)
        try:
            choice = prompts.choice_logits(completion, asked)
            details, lost = prompts.details(completion, private)
        except ValueError as error:
            raise LlmError("nonsense", str(error)) from None
        logits = np.full(len(self._places) + 1, choice.min() - 1.0)
        for name, value in zip((*asked.candidates, OUT_OF_SCOPE), choice, strict=True):
            logits[self._places.get(name, -1)] = value
        return Heard(language, logits, near[0][1] if near else 0.0, details, lost, completion.model)

    async def translate(self, text: str, to: Language, deadline_s: float) -> str | Refused:
        """The text in the other language, or why what the model wrote is not taken. Raises `LlmError`."""
        return await helpers.translate(self.chat, text, to, deadline_s=deadline_s, find_personal=self._find)

    async def propose(self, text: str, deadline_s: float) -> list[dict[str, str]]:
        """Faults that a text names, with checks and fixes, unchecked. Raises `LlmError`."""
        return await proposals.propose(self.chat, text, deadline_s=deadline_s, find_personal=self._find)

    def _private(self, shown: Shown) -> Shown:
        private = masked(shown.text, self._find)
        return Shown(private.text, shown.intent, tuple((kind, private.hide(text)) for kind, text in shown.details))

    def _candidates(self, near: Sequence[tuple[int, float]], hidden: frozenset[str]) -> list[str]:
        names = [n for n in self.knowledge.names if n not in hidden]
        room = min(self.options.candidates or prompts.MAX_CANDIDATES, prompts.MAX_CANDIDATES)
        if len(names) <= room:
            return names
        likely = dict.fromkeys(self.knowledge.examples[row].intent for row, _ in near)
        likely.pop(OUT_OF_SCOPE, None)
        # In the order of the file: where they stand must not tell the model which is nearest.
        chosen = set(list(likely)[:room])
        return [n for n in names if n in chosen]

    def _shown(self, near: Sequence[tuple[int, float]], candidates: Sequence[str]) -> list[tuple[int, float]]:
        allowed = {*candidates, OUT_OF_SCOPE}
        return [n for n in near if self.knowledge.examples[n[0]].intent in allowed][: self.options.neighbours]


def _now() -> dt.datetime:
    return dt.datetime.now().astimezone()


class LlmEngine:
    """The engine: asks, calibrates, falls back. Its coroutines belong to one event loop."""

    def __init__(
        self,
        asker: Asker,
        fallback: Fallback | None,
        *,
        name: str,
        release: str = "",
        metrics: Metrics | None = None,
        clock: Callable[[], dt.datetime] = _now,
    ) -> None:
        """`fallback` parses by the embedded engine; without one, what fails is a parse that knows nothing.

        Raises `ValueError` where the knowledge has no calibration.
        """
        if asker.knowledge.calibration is None:
            raise ValueError("the engine was not calibrated")
        self.name = name
        self._asker = asker
        self._fallback = fallback
        self._calibration = asker.knowledge.calibration
        self._release = release or str(asker.knowledge.manifest.get("id", ""))
        self._metrics = metrics or Metrics(CollectorRegistry())
        self._clock = clock
        self._normaliser = Normaliser(asker.knowledge.kinds, asker.knowledge.synonyms)
        self._room = Room(asker.options.concurrency)

    @property
    def chat(self) -> Chat:
        """The model, for what else it is asked."""
        return self._asker.chat

    @property
    def room(self) -> Room:
        """Where turns at it are had."""
        return self._room

    def threshold(self, language: str, bound: float | None = None) -> Threshold:
        """When to act on a parse of this engine, at a risk bound or at that of its preparation."""
        return self._calibration.threshold(language, bound)

    async def parse_all(self, items: Sequence[Item], within_s: float | None = None) -> list[Parse]:
        """Parse (text, locale) pairs, some at once; results in order.

        `within_s`: a deadline for each that includes waiting for its turn; without it, only asking has one.
        """
        if not items:
            return []
        read = [(text[:MAX_CHARACTERS], locale) for text, locale in items]
        others: dict[int, Parse] = {}
        if not self._asker.options.also_entities:
            others = dict(enumerate(await self._others(items)))
        vectors = await self._asker.vectors([text for text, _ in read])
        parses = await _all(
            [self._one(item, cut, v, within_s) for item, cut, v in zip(items, read, vectors, strict=True)]
        )
        if self._asker.options.also_entities:
            missing = [i for i, p in enumerate(parses) if isinstance(p, str)]
            others = dict(zip(missing, await self._others([items[i] for i in missing]), strict=True))
        found: list[Parse] = []
        for i, one in enumerate(parses):
            if isinstance(one, str):
                found.append(self._instead(others[i], one))
            elif i in others:
                found.append(replaced(one, entities=others[i].entities))
            else:
                found.append(one)
        return found

    async def _one(self, item: Item, read: Item, vector: Vectors, within_s: float | None) -> Understood | str:
        """The parse, or the cause why there is none."""
        began = time.perf_counter()
        try:
            if not align(read[0]).tokens():
                return "empty"
            heard = await self._in_turn(read, vector, within_s)
        except LlmError as error:
            log.warning("%s: the language model gave no parse: %s", self.name, error)
            self._metrics.requests.labels(self.name, error.cause).inc()
            return error.cause
        except SchemaError as error:
            log.error("%s: %s", self.name, error)
            self._metrics.requests.labels(self.name, "schema").inc()
            return "schema"
        seconds = time.perf_counter() - began
        self._metrics.requests.labels(self.name, "parsed").inc()
        self._metrics.seconds.observe(seconds)
        self._metrics.lost.inc(heard.lost)
        return self._parse(item[0], heard, seconds * 1000)

    async def translate(self, text: str, to: Language, within_s: float) -> str | Refused:
        """The text in the other language; `within_s` includes waiting for its turn among the messages.

        Raises `LlmError`.
        """
        try:
            async with self._room.turn(within_s) as left:
                found = await self._asker.translate(text, to, left)
        except LlmError as error:
            self._metrics.translations.labels(self.name, error.cause).inc()
            raise
        outcome = found.reason if isinstance(found, Refused) else "translated"
        self._metrics.translations.labels(self.name, outcome).inc()
        return found

    async def propose(self, text: str, within_s: float) -> list[dict[str, str]]:
        """Faults that a text names, unchecked; `within_s` includes waiting for its turn. Raises `LlmError`."""
        async with self._room.turn(within_s) as left:
            return await self._asker.propose(text, left)

    async def _in_turn(self, read: Item, vector: Vectors, within_s: float | None) -> Heard:
        async with self._room.turn(within_s) as left:
            return await self._asker.ask(*read, vector, deadline_s=None if within_s is None else left)

    def _parse(self, text: str, heard: Heard, ms: float) -> Understood:
        logits = heard.logits[None, :]
        names = self._asker.knowledge.names
        oos: NDArray[Any] = expit(logits[:, -1] - logits[:, :-1].max(axis=1))
        if self._calibration.oos is not None:
            features = OosModel.features(logits, np.array([heard.nearness]), len(names))
            oos = self._calibration.oos.probability(features)
        p = self._calibration.languages[heard.language].probabilities(logits[:, :-1], oos)[0]
        order = np.argsort(-p, kind="stable")[:_RANKED]
        ranking = tuple(Intent(names[k], float(carried(p[k]))) for k in order)
        threshold = self.threshold(heard.language)
        now = self._clock()
        return Understood(
            text=text,
            language=heard.language,
            intent=ranking[0],
            intent_ranking=ranking,
            entities=tuple(self._entity(d, text, now) for d in heard.details),
            oos=round(float(oos[0]), 4),
            threshold=round(threshold.confidence, 4),
            ambiguity=round(threshold.ambiguity, 4),
            release=self._release,
            engine=self.name,
            ms=round(ms, 2),
            model=heard.model,
        )

    def _entity(self, detail: Detail, text: str, now: dt.datetime) -> Entity:
        raw = text[detail.start : detail.end]
        known = self._asker.knowledge
        x = logit(np.clip(detail.probability, _TINY, 1 - _TINY))
        confidence = float(expit(known.entity_slope * x + known.entity_shift))
        value = self._normaliser.value(detail.kind, raw, now)
        return Entity(detail.start, detail.end, detail.kind, value, raw, round(confidence, 4))

    async def _others(self, items: Sequence[Item]) -> Sequence[Parse]:
        if not items:
            return []
        if self._fallback is not None:
            return await self._fallback(items)
        return [self._ignorant(text, locale) for text, locale in items]

    def _ignorant(self, text: str, locale: str | None) -> Parse:
        language = detect(align(text[:MAX_CHARACTERS]).text, locale)
        first = Intent(self._asker.knowledge.names[0], 0.0)
        return Parse(text, language, first, (first,), (), 1.0, 1.0, 0.0, self._release, self.name, 0.0)

    def _instead(self, parse: Parse, cause: str) -> Understood:
        if cause == "empty":  # nothing to understand, for nobody: no failure
            return replaced(parse)
        self._metrics.fallbacks.labels(self.name, cause).inc()
        return replaced(parse, fallback={"engine": self.name, "cause": cause})

    async def warm(self) -> None:
        """Let the model read what prompts begin with, in each language, so that no customer waits for it."""
        for text in _WARMING:
            try:
                (vector,) = await self._asker.vectors([text])
                async with self._room.turn(None):
                    await self._asker.ask(text, None, vector, deadline_s=_WARMING_S)
            except LlmError as error:
                log.warning("%s: the language model is not ready: %s", self.name, error)

    async def close(self) -> None:
        """Free the model."""
        await self._asker.chat.close()


def replaced(parse: Parse, **more: Any) -> Understood:
    """The parse with other fields in it."""
    own = {f.name: getattr(parse, f.name) for f in fields(parse)}
    return Understood(**(own | more))


async def _all(work: Sequence[Coroutine[Any, Any, Understood | str]]) -> list[Understood | str]:
    tasks = [asyncio.create_task(w) for w in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
