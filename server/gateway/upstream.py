"""The services behind a turn: model services understand, Rasa workers decide. Every call has a deadline.

Of each kind there may be several; they are asked in turn, and where one fails, another one once.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import orjson

from server import logs, traces
from server.addresses import Addresses
from server.authorities import authorities
from server.gateway.metrics import SERVICE_FAILURES, SERVICES, SERVICES_RESTING
from server.gateway.repeated import Repeated
from server.speech.turn_events import Decoding

Json = dict[str, Any]
logger = logging.getLogger(__name__)
PARSE_DEADLINE_S = 3.0
PICTURE_DEADLINE_S = 30.0
EMBED_DEADLINE_S = 30.0
TRANSLATION_DEADLINE_S = 12.0
"""More than the model service gives its language model, less than the desk's page waits."""
FINAL_DEADLINE_S, PARTIAL_DEADLINE_S, SOUND_DEADLINE_S, WARM_DEADLINE_S = 32.0, 4.0, 16.0, 60.0
CONNECT_DEADLINE_S = 1.0
TEACH_TRIES = 3
LOOK_S = 1.0
"""How often services are asked whether they are well, where there are several of a kind."""
SLOW_TWICE_S = 5.0
"""A call with a longer deadline that was not answered in time is not made again: the customer would wait too long."""
GRAPH_DEADLINE_S = 10.0
"""What the action server may take to compile a graph of thousands of nodes."""
SUMMARY_DEADLINE_S = 22.0
"""A little more than the model service gives a summary."""
PROPOSAL_DEADLINE_S = 65.0
"""A little more than the model service gives a piece of a manual."""
ARTICLES_DEADLINE_S = 60.0
"""What the model service may take to embed a thousand new articles beside its customers' messages."""
MAX_LINE_BYTES = 1024 * 1024


class UpstreamError(Exception):
    """A service is away, slow or answers nonsense; ``service`` and ``code`` go into the decision record."""

    def __init__(self, service: str, code: str, detail: str = "") -> None:
        SERVICE_FAILURES.labels(service=service, code=code).inc()
        super().__init__(f"{service}: {code} {detail}".strip())
        self.service = service
        self.code = code


@dataclass(eq=False)
class Generation:
    """Model service, Rasa and action server of one release; ``release`` is empty where nobody vouches for it."""

    models: Addresses
    rasa: Addresses
    actions: Addresses
    release: str = ""
    users: int = 0
    """Turns that are running on it."""
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its last turn ends."""

    async def wait_free(self, deadline_s: float) -> None:
        """Waits until no turn runs on it, or for the deadline: a turn has one of its own and ends by itself."""
        if self.users:
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline_s):
                    await self.free.wait()


_PINNED: ContextVar[Generation | None] = ContextVar("generation", default=None)


@contextmanager
def _worth_asking(kind: Addresses, service: str) -> Iterator[None]:
    """Around a call that a customer waits for: refused at once while the service hangs, so that people are asked."""
    if not kind.may_be_asked():
        raise UpstreamError(service, "hangs")
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        kind.gave_up()
        raise


class Upstream:
    """Calls the model service and Rasa over one pool of connections."""

    def __init__(
        self,
        *,
        models: Sequence[str],
        rasa: Sequence[str],
        actions: Sequence[str],
        turn_deadline_s: float,
        parse_deadline_s: float = PARSE_DEADLINE_S,
        risk_bound: Callable[[], float | None] = lambda: None,
    ) -> None:
        """Each kind of service is given by its addresses.

        ``risk_bound`` is asked at every message: thresholds are those of the bound that is in force then.
        """
        self._serving = Generation(Addresses(models), Addresses(rasa), Addresses(actions))
        self._looking = Repeated("health of the services", LOOK_S, self._look)
        self._deadline = turn_deadline_s
        self._parse_deadline = parse_deadline_s
        self.risk_bound = risk_bound
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
        self._client = httpx.AsyncClient(
            limits=limits,
            verify=authorities(),
            trust_env=False,
            event_hooks={"request": [traces.carry, logs.carry]},
        )
        for kind, service in ((self._models, "models"), (self._rasa, "rasa")):
            SERVICES.labels(service=service).set(len(kind.all))
            SERVICES_RESTING.labels(service=service).set_function(partial(_resting, kind))

    async def start(self) -> None:
        """Begins to look which addresses answer, where there is a choice."""
        if self._models.several or self._rasa.several:
            self._looking.start()

    async def close(self) -> None:
        """Closes the connections."""
        await self._looking.close()
        await self._client.aclose()

    @property
    def serving(self) -> Generation:
        """The services that new turns are run by."""
        return self._serving

    def switch(self, to: Generation) -> Generation:
        """New turns are run by other services from now on; returns the ones before, which finish what they began."""
        before, self._serving = self._serving, to
        return before

    @contextmanager
    def one_generation(self, given: Generation | None = None) -> Iterator[Generation]:
        """Everything asked inside is asked of the same services, whatever is switched meanwhile.

        They are those in service now, or the `given` ones.
        """
        generation = given or self._serving
        generation.users += 1
        generation.free.clear()
        token = _PINNED.set(generation)
        try:
            yield generation
        finally:
            _PINNED.reset(token)
            generation.users -= 1
            if not generation.users:
                generation.free.set()

    @property
    def _now(self) -> Generation:
        pinned = _PINNED.get()
        # A task that was begun inside a turn and outlives it goes on with what is in service.
        return pinned if pinned is not None and pinned.users else self._serving

    @property
    def _models(self) -> Addresses:
        return self._now.models

    @property
    def _rasa(self) -> Addresses:
        return self._now.rasa

    @property
    def _actions(self) -> Addresses:
        return self._now.actions

    async def parse(self, text: str, locale: str, *, new: Json | None = None) -> Json:
        """The parse of a message, as docs/architecture.md describes it.

        ``new``: the body of the model service's ``PUT /intents`` for the new intents that are defined now; a service
        that knows others, such as one that was started again, is told first.

        Raises:
            UpstreamError: ``unreachable``, ``slow``, ``hangs`` (not asked: it was slow again and again), ``refused``,
                ``nonsense`` or ``other_release``.
        """
        asked = {"text": text, "locale": locale, "risk_bound": self.risk_bound()}
        if new is not None:
            asked["new"] = new["digest"]
        with _worth_asking(self._models, "models"):
            response, address = await self._ask_one("POST", "/parse", asked, self._parse_deadline)
        # An address may stand for several services, of which each has to be told.
        for _ in range(TEACH_TRIES):
            if response.status_code != httpx.codes.CONFLICT or new is None:
                break
            await self._ask_at(address, "PUT", "/intents", new, self._parse_deadline)
            response = await self._ask_at(address, "POST", "/parse", asked, self._parse_deadline)
        parse = _read(response)
        if not isinstance(parse, dict) or "intent" not in parse:
            raise UpstreamError("models", "nonsense")
        if self._now.release and parse.get("release") != self._now.release:
            # Rasa beside it knows the release that it was started with: the two must not be mixed.
            raise UpstreamError("models", "other_release", str(parse.get("release")))
        return parse

    async def thresholds(self, bounds: Sequence[float]) -> Json:
        """What each risk bound leaves, by language: ``{"release", "languages": {zh: [threshold]}}``.

        Raises:
            UpstreamError: The model service is away, slow or refuses.
        """
        found = await self._models_answer("/thresholds", {"bounds": list(bounds)}, PARSE_DEADLINE_S)
        if not isinstance(found, dict) or not isinstance(found.get("languages"), dict):
            raise UpstreamError("models", "nonsense")
        return found

    async def search(self, query: str, language: str, k: int, *, digest: str, library: Json, **more: Any) -> Json:
        """Passages of the help articles, as docs/architecture.md describes them.

        ``library``: the articles to search in, by id, and their ``digest``; a service that lacks them is told first.

        Raises:
            UpstreamError: The model service is away, slow or refuses.
        """
        asked = {"query": query, "language": language, "k": k, "library": digest, **more}
        response, address = await self._ask_one("POST", "/search", asked, PARSE_DEADLINE_S)
        if response.status_code == httpx.codes.CONFLICT:
            told = {"digest": digest, "articles": library}
            _read(await self._ask_at(address, "PUT", "/articles", told, ARTICLES_DEADLINE_S))
            response = await self._ask_at(address, "POST", "/search", asked, PARSE_DEADLINE_S)
        return _read(response)

    async def teach_articles(self, digest: str, library: Json) -> None:
        """Tells the model services a version of the help articles, and waits until they can search in it.

        Raises:
            UpstreamError: One of them is away, slow or refuses.
        """
        told = {"digest": digest, "articles": library}
        asked = [self._ask_at(one, "PUT", "/articles", told, ARTICLES_DEADLINE_S) for one in self._models.all]
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
            _read(outcome)

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """A vector of length 1 for each text; texts are alike by the cosine of their vectors.

        Raises:
            UpstreamError: The model service is away, slow or refuses.
        """
        found = await self._models_answer("/embed", {"texts": texts}, EMBED_DEADLINE_S)
        vectors = found.get("vectors") if isinstance(found, dict) else None
        if not isinstance(vectors, list) or len(vectors) != len(texts):
            raise UpstreamError("models", "nonsense")
        return vectors

    async def translate(self, text: str, source: str, target: str) -> Json:
        """``text``: the translation, or ``refused``: why what the language model wrote cannot be taken.

        Raises:
            UpstreamError: The model service or its language model is away, slow or refuses.
        """
        body = {"text": text, "source": source, "target": target}
        found = await self._models_answer("/translate", body, TRANSLATION_DEADLINE_S)
        if not isinstance(found, dict) or not isinstance(found.get("text", found.get("refused")), str):
            raise UpstreamError("models", "nonsense")
        return found

    async def summarise(self, lines: list[str], language: str) -> Json:
        """``sentences`` with what they rest on, or ``refused``: why the language model's words cannot be taken.

        Raises:
            UpstreamError: The model service or its language model is away, slow or refuses.
        """
        found = await self._models_answer("/summary", {"lines": lines, "language": language}, SUMMARY_DEADLINE_S)
        if not isinstance(found, dict) or not isinstance(found.get("sentences", found.get("refused")), list | str):
            raise UpstreamError("models", "nonsense")
        return found

    async def propose(self, text: str) -> Json:
        """``faults``: what the language model reads in a piece of a manual, unchecked, or ``refused``: why nothing.

        Raises:
            UpstreamError: The model service or its language model is away, slow or refuses.
        """
        found = await self._models_answer("/propose", {"text": text}, PROPOSAL_DEADLINE_S)
        if not isinstance(found, dict) or not isinstance(found.get("faults", found.get("refused")), list | str):
            raise UpstreamError("models", "nonsense")
        return found

    async def recognise(self, session: str, pcm: bytes, language: str | None, kind: Decoding) -> Json:
        """What a recording says, as docs/architecture.md describes it; a partial that is not worth it is ``dropped``.

        Raises:
            UpstreamError: ``unreachable``, ``slow``, ``refused`` or ``nonsense``; a final is worth asking for again.
        """
        asked = {"session": session, "kind": kind} | ({"language": language} if language else {})
        deadline_s = FINAL_DEADLINE_S if kind == "final" else PARTIAL_DEADLINE_S
        # The same address for a session, which knows what a newer partial replaces.
        found = _read(
            await self._ask_models("POST", "/speech/text", None, deadline_s, key=session, params=asked, content=pcm)
        )
        if not isinstance(found, dict) or not ("text" in found or "dropped" in found):
            raise UpstreamError("models", "nonsense")
        return found

    async def sound(self, text: str, language: str) -> tuple[bytes, int]:
        """A sentence as 16-bit PCM, and its samples a second.

        Raises:
            UpstreamError: There is no voice for it, or the model service is away or slow.
        """
        asked = {"text": text, "language": language}
        response = await self._ask_models("POST", "/speech/sound", asked, SOUND_DEADLINE_S)
        if not response.is_success:
            raise UpstreamError("models", "refused", str(response.status_code))
        return response.content, int(response.headers.get("x-sample-rate", "0"))

    async def warm_speech(self) -> None:
        """Has the speech models loaded, so that the first sentence need not wait for it.

        Raises:
            UpstreamError: The model service is away, or a model cannot be loaded.
        """
        await self._models_answer("/speech/warm", {}, WARM_DEADLINE_S)

    async def read_picture(self, picture: bytes) -> Json:
        """``lines`` of text in a picture with confidences, ``telling``: what of it a turn is told, and the ``reader``.

        Raises:
            UpstreamError: The model service is away, slow or refuses.
        """
        found = _read(await self._ask_models("POST", "/pictures/text", None, PICTURE_DEADLINE_S, content=picture))
        if not isinstance(found, dict) or not isinstance(found.get("telling"), str):
            raise UpstreamError("models", "nonsense")
        return found

    async def _models_answer(self, path: str, body: Json, deadline_s: float) -> Json:
        return _read(await self._ask_models("POST", path, body, deadline_s))

    async def _ask_models(
        self, method: str, path: str, body: Json | None, deadline_s: float, key: str | None = None, **more: Any
    ) -> httpx.Response:
        return (await self._ask_one(method, path, body, deadline_s, key, **more))[0]

    async def _ask_one(
        self, method: str, path: str, body: Json | None, deadline_s: float, key: str | None = None, **more: Any
    ) -> tuple[httpx.Response, str]:
        """The answer of one model service, and its address. Where one fails another is asked: no call changes any."""
        first, *others = self._models.order(key)
        try:
            response = await self._ask_at(first, method, path, body, deadline_s, **more)
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or not others:
                return response, first
        except UpstreamError as error:
            if not others or (error.code == "slow" and deadline_s > SLOW_TWICE_S):
                raise
        return await self._ask_at(others[0], method, path, body, deadline_s, **more), others[0]

    async def _ask_at(
        self, address: str, method: str, path: str, body: Json | None, deadline_s: float, **more: Any
    ) -> httpx.Response:
        deadline = httpx.Timeout(deadline_s, connect=CONNECT_DEADLINE_S)
        try:
            response = await self._client.request(method, f"{address}{path}", json=body, timeout=deadline, **more)
        except httpx.TimeoutException as error:
            self._models.hung(address)
            raise UpstreamError("models", "slow") from error
        except httpx.HTTPError as error:
            self._models.failed(address)
            raise UpstreamError("models", "unreachable", type(error).__name__) from error
        self._models.answers(address)
        return response

    async def teach_graph(self, digest: str, nodes: list[Json]) -> None:
        """Tells the action servers a version of the fault-tree graph, and waits until they can use it.

        Raises:
            UpstreamError: One of them is away, slow or refuses.
        """
        body = orjson.dumps({"digest": digest, "nodes": nodes})
        told = [self._teach_one(address, body) for address in self._actions.all]
        for outcome in await asyncio.gather(*told, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _teach_one(self, address: str, body: bytes) -> None:
        deadline = httpx.Timeout(GRAPH_DEADLINE_S, connect=CONNECT_DEADLINE_S)
        headers = {"Content-Type": "application/json"}
        try:
            told = await self._client.put(f"{address}/graphs", content=body, timeout=deadline, headers=headers)
        except httpx.TimeoutException as error:
            raise UpstreamError("actions", "slow") from error
        except httpx.HTTPError as error:
            raise UpstreamError("actions", "unreachable", type(error).__name__) from error
        if not told.is_success:
            raise UpstreamError("actions", "refused", str(told.status_code))

    async def run_turn(self, turn: Json) -> AsyncIterator[Json]:
        """Rasa's lines for a turn, as they come; the last one is of type ``end``.

        Where a worker fails before the bot has said anything, another one runs the turn: it can, and whatever the first
        did for the customer's account is not done twice.

        Raises:
            UpstreamError: Rasa or its action server failed, or the turn outlasted its deadline.
        """
        with _worth_asking(self._rasa, "rasa"):
            async for line in self._run_somewhere(turn):
                yield line

    async def _run_somewhere(self, turn: Json) -> AsyncIterator[Json]:
        first, *others = self._rasa.order()
        before: list[Json] = []
        try:
            async for line in self._run_at(first, turn, self._deadline / 2 if others else self._deadline):
                if others and line["type"] not in {"bot", "end"}:
                    before.append(line)
                    continue
                others = []
                for kept in before:
                    yield kept
                before.clear()
                yield line
            return
        except UpstreamError as error:
            if not others:
                raise
            logger.warning("turn %s/%s: %s; another worker runs it", turn["conversation"], turn["turn"], error)
        async for line in self._run_at(others[0], turn, self._deadline / 2):
            yield line

    async def _run_at(self, address: str, turn: Json, deadline_s: float) -> AsyncIterator[Json]:
        try:
            async with asyncio.timeout(deadline_s):
                async with self._client.stream(
                    "POST",
                    f"{address}/webhooks/kefu/turn",
                    # A generation's Rasa runs turns of its own release only.
                    content=orjson.dumps({**turn, "release": self._now.release}),
                    headers={"Content-Type": "application/json"},
                    timeout=httpx.Timeout(deadline_s, connect=CONNECT_DEADLINE_S),
                ) as response:
                    if response.status_code != httpx.codes.OK:
                        raise UpstreamError("rasa", "refused", str(response.status_code))
                    async for line in self._lines(response):
                        if line["type"] == "end":
                            self._rasa.answers(address)
                            yield line
                            return
                        yield line
        except (TimeoutError, httpx.TimeoutException) as error:
            self._rasa.hung(address)
            raise UpstreamError("rasa", "slow") from error
        except httpx.HTTPError as error:
            self._rasa.failed(address)
            raise UpstreamError("rasa", "unreachable", type(error).__name__) from error
        raise UpstreamError("rasa", "cut_off")

    async def _lines(self, response: httpx.Response) -> AsyncIterator[Json]:
        async for text in response.aiter_lines():
            if not text.strip():
                continue
            if len(text) > MAX_LINE_BYTES:
                raise UpstreamError("rasa", "nonsense")
            try:
                line = json.loads(text)
            except json.JSONDecodeError as error:
                raise UpstreamError("rasa", "nonsense") from error
            if line["type"] == "error":
                raise UpstreamError("rasa", str(line["code"]), str(line.get("message", "")))
            yield line

    async def models_ready(self) -> bool:
        """Whether every model service has loaded everything."""
        return all(await asyncio.gather(*(self._answers(f"{address}/health") for address in self._models.all)))

    async def release(self) -> str:
        """The release that the model service is of.

        Raises:
            UpstreamError: It is away, or not ready yet.
        """
        found = _read(await self._ask_models("GET", "/health", None, CONNECT_DEADLINE_S))
        return str(found.get("release", ""))

    async def rasa_release(self) -> str:
        """The release that Rasa runs; empty for a model of no release.

        Raises:
            UpstreamError: It is away, or not ready yet.
        """
        address = self._rasa.order()[0]
        try:
            response = await self._client.get(f"{address}/webhooks/kefu/health", timeout=CONNECT_DEADLINE_S)
        except httpx.HTTPError as error:
            raise UpstreamError("rasa", "unreachable", type(error).__name__) from error
        if not response.is_success:
            raise UpstreamError("rasa", "refused", str(response.status_code))
        return str(response.json().get("release", ""))

    async def teach_new_intents(self, new: Json) -> None:
        """Tells the model service the new intents, before a message needs them.

        Raises:
            UpstreamError: It is away or slow.
        """
        await self._ask_models("PUT", "/intents", new, self._parse_deadline)

    async def healthy(self) -> dict[str, bool]:
        """Which services answer, at one of their addresses."""
        kinds = (*self._kinds(), (self._actions, "/health"))
        models, rasa, actions = await asyncio.gather(*(self._well(kind, path) for kind, path in kinds))
        return {"models": models, "rasa": rasa, "actions": actions}

    async def _look(self) -> None:
        for kind, path in self._kinds():
            if kind.several:
                await self._well(kind, path)

    def _kinds(self) -> tuple[tuple[Addresses, str], ...]:
        return (self._models, "/health"), (self._rasa, "/webhooks/kefu/health")

    async def _well(self, kind: Addresses, path: str) -> bool:
        found = await asyncio.gather(*(self._answers(f"{address}{path}") for address in kind.all))
        for address, well in zip(kind.all, found, strict=True):
            kind.answers(address) if well else kind.failed(address)
        return any(found)

    async def _answers(self, address: str) -> bool:
        try:
            return (await self._client.get(address, timeout=CONNECT_DEADLINE_S)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def _resting(kind: Addresses) -> float:
    return len(kind.resting())


def _read(response: httpx.Response) -> Json:
    """The JSON of the model service's answer."""
    if not response.is_success:
        raise UpstreamError("models", "refused", str(response.status_code))
    try:
        found: Json = orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise UpstreamError("models", "nonsense") from error
    return found
