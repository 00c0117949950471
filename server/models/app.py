"""The model service's HTTP interface. docs/architecture.md has the contract of `/parse` and `/search`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kg.retrieval import Index, Result
from server import logs, traces
from server.llm import setup
from server.llm.engine import LlmEngine, replaced
from server.llm.helpers import Refused
from server.llm.proposals import MAX_TEXT as MAX_PROPOSED
from server.llm.protocol import LlmError
from server.llm.setup import Chosen
from server.llm.writer import Writer
from server.models import forks
from server.models.answers import unavailable
from server.models.batching import Batcher, OverloadedError, Places
from server.models.library import Libraries
from server.models.pictures import PictureReader, add_pictures
from server.models.speech import SpeechModels, add_speech
from server.models.writing import add_writing
from server.nlu.artefact import ArtefactError
from server.nlu.calibrate import Threshold
from server.nlu.engine import Engine, Parse
from server.nlu.fewshot import NewIntent
from server.nlu.index import embed, load_index
from server.nlu.language import LANGUAGES
from server.settings_pictures import Pictures
from server.settings_speech import Speech
from server.settings_understanding import Understanding

log = logging.getLogger(__name__)
NLU: Final = "nlu"
INDEX: Final = "index"
MAX_TEXT: Final = 10_000  # characters of one request's text
MAX_ITEMS: Final = 256  # texts of one batch request
MAX_BOUNDS: Final = 64
MAX_EXAMPLES: Final = 200  # of one new intent
MAX_NEW_INTENTS: Final = 100
MAX_ARTICLES: Final = 5_000
MAX_ARTICLE: Final = 60_000  # characters of one help article
PARSE_BATCH: Final = 16
QUEUE: Final = 256
NO_NEW_INTENTS: Final = ""
DEADLINE_S: Final = 5.0
BATCH_DEADLINE_S: Final = 30.0
TRANSLATION_DEADLINE_S: Final = 10.0
PROPOSAL_DEADLINE_S: Final = 60.0  # of one piece of a manual: nobody waits for it
MAX_TRANSLATED: Final = 1500  # characters: about what fits the tokens that a translation may have
TRANSLATIONS: Final = 16  # at once, those that wait for their turn included

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Bound = Annotated[float, Field(gt=0, lt=1)]
Item = tuple[str, str | None, float | None]
"""Text, locale and risk bound."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ParseRequest(_Strict):
    """One text to understand."""

    text: Text
    locale: Annotated[str, Field(max_length=35)] | None = None
    new: Annotated[str, Field(max_length=64)] | None = None
    """Digest of the new intents that the parse has to know; 409 where this service knows others."""
    risk_bound: Bound | None = None
    """For which thresholds are given; without it, those of the training."""


class ThresholdsRequest(_Strict):
    """Risk bounds of which thresholds are wanted."""

    bounds: Annotated[list[Bound], Field(min_length=1, max_length=MAX_BOUNDS)]


class ProposalRequest(_Strict):
    """A piece of a manual or of a ticket."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_PROPOSED)]


class NewIntentRequest(_Strict):
    """An intent that training has not seen: what it is called, how customers say it, what it means."""

    name: Annotated[str, Field(max_length=64)]
    examples: Annotated[list[Text], Field(min_length=1, max_length=MAX_EXAMPLES)]
    description: Annotated[list[Text], Field(max_length=4)] = []


class NewIntentsRequest(_Strict):
    """All new intents, and the digest that stands for them."""

    digest: Annotated[str, Field(max_length=64)]
    intents: Annotated[list[NewIntentRequest], Field(max_length=MAX_NEW_INTENTS)]


class BatchRequest(_Strict):
    """Several texts to understand."""

    items: Annotated[list[ParseRequest], Field(max_length=MAX_ITEMS)]


class SearchRequest(_Strict):
    """A question to the help articles."""

    query: Text
    language: Annotated[str, Field(max_length=35)] = "zh"
    k: Annotated[int, Field(ge=1, le=20)] = 3
    articles: Annotated[list[str], Field(max_length=1000)] | None = None
    library: Annotated[str, Field(max_length=64)] | None = None
    """Digest of the help articles to search in; 409 where they are not known here. Without it, those of the release."""


class ArticleText(_Strict):
    """A help article in one language."""

    title: Text
    category: Text = ""
    summary: Text = ""
    markdown: Annotated[str, Field(max_length=MAX_ARTICLE)]


class PublishedArticle(_Strict):
    """A help article."""

    texts: dict[Annotated[str, Field(max_length=35)], ArticleText]
    intents: list[Text] = []


class ArticlesRequest(_Strict):
    """All help articles in service, and the digest that stands for them."""

    digest: Annotated[str, Field(min_length=1, max_length=64)]
    articles: Annotated[dict[Annotated[str, Field(max_length=64)], PublishedArticle], Field(max_length=MAX_ARTICLES)]


class EmbedRequest(_Strict):
    """Texts to turn into vectors; `query` says whether they are questions or passages."""

    texts: Annotated[list[Text], Field(max_length=MAX_ITEMS)]
    query: bool = True


class TranslateRequest(_Strict):
    """A text to put into the other language."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    source: Literal["zh", "en"]
    target: Literal["zh", "en"]

    @model_validator(mode="after")
    def _two_languages(self) -> Self:
        if self.source == self.target:
            raise ValueError("source and target are the same language")
        return self


class _Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "kefu_model_requests", "Requests by path and status", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "kefu_model_request_seconds",
            "Time to answer",
            ["path"],
            buckets=(0.005, 0.01, 0.02, 0.04, 0.06, 0.12, 0.25, 0.5, 1, 2.5, 5),
            registry=self.registry,
        )
        self.batch = Histogram(
            "kefu_model_batch_size", "Texts computed together", buckets=(1, 2, 4, 8, 16), registry=self.registry
        )
        self.unopened = Counter(
            "kefu_llm_unopened",
            "Messages understood by the embedded engine because the chosen one is not open",
            ["engine"],
            registry=self.registry,
        )
        self.queue = Gauge("kefu_model_queue_depth", "Texts waiting", registry=self.registry)


class Models:
    """Everything loaded, and the one thread that computes."""

    def __init__(self, release_dir: Path, understanding: Understanding, engine_dir: Path | None) -> None:
        self.release_dir = release_dir
        self.understanding = understanding
        self.engine_dir = engine_dir
        self.chosen: Chosen | None = None
        self.writer: Writer | None = None
        self._settled = understanding.engine == "embedded"
        self._translating = Places(TRANSLATIONS)
        self._proposing = Places(1)
        self.deadline_s = max(DEADLINE_S, understanding.deadline_s + DEADLINE_S)
        self.release = release_dir.resolve().name
        self.engine: Engine | None = None
        self.index: Index | None = None
        self.failure: str | None = None
        self.new_intents = NO_NEW_INTENTS
        self.metrics = _Metrics()
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="models")
        self.parses: Batcher[Item, Parse] = Batcher(self._parse, self.executor, batch=PARSE_BATCH, queue=QUEUE)
        self.libraries = Libraries(embed, self.executor)
        self.searches: Batcher[SearchRequest, Result | None] = Batcher(
            self._search, self.executor, batch=1, queue=QUEUE
        )

    @property
    def ready(self) -> bool:
        """Whether everything is loaded."""
        return self.engine is not None and self.index is not None and self._settled

    def load(self) -> None:
        """Load release and models and compute once, so that the first customer does not wait for it."""
        forks.after()
        engine = Engine(self.release_dir / NLU, release=self.release)
        engine.parse_batch([("你好", "zh"), ("hello", "en")])
        index = load_index(self.release_dir / INDEX)
        index.search("hello", "en", 1)
        self.libraries.load(self.release_dir / INDEX, index)
        self.engine, self.index = engine, index

    def learn(self, digest: str, new: Sequence[NewIntent]) -> None:
        """Understand new intents besides the trained ones; what has been trained meanwhile needs no help."""
        assert self.engine is not None
        trained = set(self.engine.intents)
        self.engine.learn([intent for intent in new if intent.name not in trained])
        self.new_intents = digest

    async def open_engine(self) -> None:
        """Open the chosen engine, once the embedded one is there, and the model that writes."""
        chosen = self.understanding
        try:
            await self._open_chosen(chosen)
        finally:
            self.writer = setup.open_writer(chosen, self.chosen, self.metrics.registry)

    async def _open_chosen(self, chosen: Understanding) -> None:
        if chosen.engine == "embedded":
            return
        try:
            if self.engine_dir is None:
                raise ArtefactError(f"{chosen.engine}: no folder of a prepared engine was given")
            loop = asyncio.get_running_loop()
            folder, registry = self.engine_dir, self.metrics.registry
            self.chosen = await loop.run_in_executor(
                None,
                lambda: setup.opened(
                    chosen, folder, self._embedded, executor=self.executor, release=self.release, registry=registry
                ),
            )
        except (*setup.FAILURES, ValueError, OSError) as error:
            log.error("the engine %s cannot be opened, the embedded one answers: %s", chosen.engine, error)
        finally:
            self._settled = True
        if self.chosen is not None and chosen.engine != "openai":
            await self.chosen.warm()

    async def understand(self, items: Sequence[Item], deadline_s: float) -> list[Parse]:
        """Parse by the chosen engine, each message within its own deadline and all within `deadline_s`."""
        if self.chosen is not None:
            async with asyncio.timeout(deadline_s):
                pairs = [(text, locale) for text, locale, _ in items]
                parses = await self.chosen.parse_all(pairs, self.understanding.deadline_s)
            return [self._bounded(p, bound) for p, (_, _, bound) in zip(parses, items, strict=True)]
        found = await _all([self.parses.ask(item, deadline_s) for item in items])
        if self.understanding.engine == "embedded":
            return found
        self.metrics.unopened.labels(self.understanding.engine).inc(len(found))
        why = {"engine": self.understanding.engine, "cause": "unopened"}
        return [replaced(p, fallback=why) for p in found]

    async def translate(self, asked: TranslateRequest) -> str | Refused:
        """The text in the other language, or why there is none that can be taken.

        Raises `LlmError` where the model fails, `OverloadedError` where too many wait.
        """
        if len(asked.text) > MAX_TRANSLATED:
            return Refused("too_long")
        if not isinstance(self.chosen, LlmEngine):
            raise LlmError("unreachable", "the engine is not open")
        with self._translating.one():
            return await self.chosen.translate(asked.text, asked.target, TRANSLATION_DEADLINE_S)

    async def propose(self, asked: ProposalRequest) -> list[dict[str, str]]:
        """Faults that a piece of text names. Raises `LlmError`, or `OverloadedError` where one is at work already."""
        if not isinstance(self.chosen, LlmEngine):
            raise LlmError("unreachable", "the engine is not open")
        with self._proposing.one():
            return await self.chosen.propose(asked.text, PROPOSAL_DEADLINE_S)

    def thresholds(self, bounds: Sequence[float]) -> dict[str, list[Threshold]]:
        """By language, what each bound leaves to the engine that answers."""
        assert self.engine is not None
        engine = self.chosen or self.engine
        return {language: [engine.threshold(language, bound) for bound in bounds] for language in LANGUAGES}

    def _bounded(self, parse: Parse, bound: float | None) -> Parse:
        """The parse with the threshold of whoever made it, at another risk bound."""
        if bound is None or not parse.intent.confidence:
            return parse
        assert self.engine is not None
        maker = self.chosen if self.chosen is not None and parse.engine == self.chosen.name else self.engine
        found = maker.threshold(parse.language, bound)
        return replaced(parse, threshold=round(found.confidence, 4), ambiguity=round(found.ambiguity, 4))

    async def _embedded(self, items: Sequence[tuple[str, str | None]]) -> Sequence[Parse]:
        return await _all([self.parses.ask((*item, None), BATCH_DEADLINE_S) for item in items])

    def _parse(self, items: Sequence[Item]) -> Sequence[Parse]:
        assert self.engine is not None
        self.metrics.batch.observe(len(items))
        found: dict[int, Parse] = {}
        # One bound in all of them, but for the moment at which a company changes its own.
        for bound in {bound for _, _, bound in items}:
            at = [i for i, item in enumerate(items) if item[2] == bound]
            found |= zip(at, self.engine.parse_batch([items[i][:2] for i in at], bound), strict=True)
        return [found[i] for i in range(len(items))]

    def _search(self, items: Sequence[SearchRequest]) -> Sequence[Result | None]:
        assert self.index is not None
        return [self._found(i) for i in items]

    def _found(self, asked: SearchRequest) -> Result | None:
        given = (asked.query, asked.language.split("-")[0].lower(), asked.k, asked.articles)
        assert self.index is not None
        return self.libraries.search(asked.library, *given) if asked.library else self.index.search(*given)


def create_app(
    release_dir: Path,
    *,
    understanding: Understanding | None = None,
    engine_dir: Path | None = None,
    speech: Speech | None = None,
    pictures: Pictures | None = None,
    own_words: Callable[[], Iterable[str]] = tuple,
    failed: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The service for one release folder, which holds `nlu/` and `index/`; its name is the release's id.

    `understanding`: another engine than the embedded one, prepared in `engine_dir`; where that cannot be opened, the
    embedded engine answers and every parse says so. `own_words`: the company's Chinese texts, for voice. Loading
    happens in the background: `/health` answers 503 until it is done, and says why where it failed; `failed` is called.
    """
    models = Models(release_dir, understanding or Understanding(), engine_dir)
    voice = SpeechModels(speech or Speech(), models.metrics.registry, own_words=own_words)
    picture_reader = PictureReader(pictures or Pictures(), models.metrics.registry)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(_load(models, failed), name="load models")
        models.parses.start()
        models.searches.start()
        try:
            yield
        finally:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
            if models.writer is not None:
                await models.writer.close()
            if models.chosen is not None:
                await models.chosen.close()
            await voice.close()
            await models.parses.stop()
            await models.searches.stop()
            models.executor.shutdown(wait=True, cancel_futures=True)

    app = FastAPI(title="Kefu model service", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.models = models

    @app.middleware("http")
    async def measured(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        with (
            logs.about_request(request.headers),
            traces.span(f"models {request.url.path}", parent=traces.given(request.headers)),
        ):
            response = await call_next(request)
        route = request.scope.get("route")
        path = route.path if route is not None else "other"
        models.metrics.requests.labels(path, response.status_code).inc()
        models.metrics.seconds.labels(path).observe(time.perf_counter() - began)
        return response

    @app.exception_handler(OverloadedError)
    async def overloaded(_request: Request, _error: OverloadedError) -> Response:
        return unavailable("the queue is full")

    @app.exception_handler(TimeoutError)
    async def late(_request: Request, _error: TimeoutError) -> Response:
        return JSONResponse({"error": "the deadline passed"}, 504)

    @app.get("/health")
    async def health() -> Response:
        if models.ready:
            return JSONResponse({"status": "ready", "release": models.release})
        return JSONResponse({"status": "failed" if models.failure else "loading", "error": models.failure}, 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        models.metrics.queue.set(models.parses.depth)
        return Response(generate_latest(models.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    _add_understanding(app, models)
    _add_search(app, models)

    @app.post("/embed")
    async def vectors(body: EmbedRequest) -> Response:
        if not models.ready:
            return _loading(models)
        if not body.texts:
            return JSONResponse({"vectors": []})
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(BATCH_DEADLINE_S):
            rows = await loop.run_in_executor(models.executor, lambda: embed(body.texts, query=body.query))
        return JSONResponse({"vectors": [[round(float(x), 6) for x in row] for row in rows]})

    _add_language_model(app, models)
    add_speech(app, voice)
    add_pictures(app, picture_reader)
    return app


def _add_search(app: FastAPI, models: Models) -> None:
    @app.post("/search")
    async def search(body: SearchRequest) -> Response:
        if not models.ready:
            return _loading(models)
        found = await models.searches.ask(body, DEADLINE_S)
        if found is None:
            return JSONResponse({"error": "these help articles are not known here"}, 409)
        return JSONResponse({"passages": [h.to_json() for h in found.passages], "confident": found.confident})

    @app.put("/articles")
    async def take_articles(body: ArticlesRequest) -> Response:
        if not models.ready:
            return _loading(models)
        articles = {name: one.model_dump() for name, one in body.articles.items()}
        return JSONResponse({"known": body.digest, "embedded": await models.libraries.add(body.digest, articles)})


def _add_language_model(app: FastAPI, models: Models) -> None:
    _add_translation(app, models)
    _add_proposals(app, models)
    add_writing(app, models.understanding, lambda: models.writer)


def _add_translation(app: FastAPI, models: Models) -> None:
    @app.post("/translate")
    async def translate(body: TranslateRequest) -> Response:
        if not models.understanding.translates:
            return JSONResponse({"error": "not_configured"}, 404)
        if not models.ready:
            return _loading(models)
        try:
            found = await models.translate(body)
        except LlmError as error:
            if error.cause in {"nonsense", "too_long"}:  # it answered, or cannot take this text: no failure
                return JSONResponse({"refused": error.cause})
            log.warning("no translation: %s", error.cause)
            return unavailable(error.cause)
        return JSONResponse({"refused": found.reason} if isinstance(found, Refused) else {"text": found})


def _add_proposals(app: FastAPI, models: Models) -> None:
    @app.post("/propose")
    async def propose(body: ProposalRequest) -> Response:
        if not models.understanding.translates:
            return JSONResponse({"error": "not_configured"}, 404)
        if not models.ready:
            return _loading(models)
        try:
            return JSONResponse({"faults": await models.propose(body)})
        except LlmError as error:
            if error.cause in {"nonsense", "too_long"}:
                return JSONResponse({"refused": error.cause})
            log.warning("no proposals: %s", error.cause)
            return unavailable(error.cause)


def _add_understanding(app: FastAPI, models: Models) -> None:
    @app.post("/parse")
    async def parse(body: ParseRequest) -> Response:
        if not models.ready:
            return _loading(models)
        if body.new is not None and body.new != models.new_intents:
            return JSONResponse({"error": "other new intents are known here", "known": models.new_intents}, 409)
        (found,) = await models.understand([(body.text, body.locale, body.risk_bound)], models.deadline_s)
        return JSONResponse(found.to_json())

    @app.post("/thresholds")
    async def thresholds(body: ThresholdsRequest) -> Response:
        if not models.ready:
            return _loading(models)
        # Not in the models' thread: it takes some milliseconds a bound, and messages need not wait for it.
        found = await asyncio.to_thread(models.thresholds, body.bounds)
        languages = {name: [asdict(one) for one in each] for name, each in found.items()}
        return JSONResponse({"release": models.release, "languages": languages})

    @app.put("/intents")
    async def learn(body: NewIntentsRequest) -> Response:
        if not models.ready:
            return _loading(models)
        new = [NewIntent(i.name, tuple(i.examples), tuple(i.description)) for i in body.intents]
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(BATCH_DEADLINE_S):
                await loop.run_in_executor(models.executor, models.learn, body.digest, new)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"known": models.new_intents})

    @app.post("/parse_batch")
    async def parse_batch(body: BatchRequest) -> Response:
        if not models.ready:
            return _loading(models)
        if models.parses.depth + len(body.items) > QUEUE:
            raise OverloadedError
        found = await models.understand([(i.text, i.locale, i.risk_bound) for i in body.items], BATCH_DEADLINE_S)
        return JSONResponse({"parses": [p.to_json() for p in found]})


async def _all(questions: Sequence[Coroutine[Any, Any, Parse]]) -> list[Parse]:
    """Every answer in order; the first failure cancels the rest and is raised as it is (a task group would wrap it)."""
    tasks = [asyncio.create_task(q) for q in questions]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _load(models: Models, failed: Callable[[], None]) -> None:
    began = time.perf_counter()
    try:
        await asyncio.get_running_loop().run_in_executor(models.executor, models.load)
        await models.open_engine()
    except Exception as error:
        models.failure = f"{type(error).__name__}: {error}"
        log.exception("release %s cannot be loaded", models.release_dir)
        failed()
        return
    log.info("release %s ready after %.1f s", models.release, time.perf_counter() - began)


def _loading(models: Models) -> Response:
    return unavailable(models.failure or "the models are still loading")
