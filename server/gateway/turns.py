"""Runs turns: one at a time in a conversation, several conversations at once, again after a crash, never in silence."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from server import traces
from server.content import Verdict
from server.gateway.content import Content, Response
from server.gateway.conversations import Conversations, topic
from server.gateway.experiments import Experiments
from server.gateway.graph_live import LiveGraph
from server.gateway.library_live import LiveLibrary
from server.gateway.metrics import (
    REPLIES_HELD_BACK,
    TURN_FAILURES,
    TURN_SECONDS,
    TURN_STAGE_SECONDS,
    TURNS_BY_RELEASE,
    TURNS_OPEN,
    TURNS_WAITING,
)
from server.gateway.new_intents import NewIntents
from server.gateway.outages import Outages
from server.gateway.pictures import PictureReadings
from server.gateway.repeated import Repeated
from server.gateway.text import language_of
from server.gateway.upstream import Upstream, UpstreamError
from server.logs import about
from server.storage.store import Conversation, Message, Turn
from server.texts import render_message

Json = dict[str, Any]
logger = logging.getLogger(__name__)

WAITING_PER_SLOT = 3
"""So many conversations may wait for each turn that may run; those who write beyond it are asked to wait a moment."""
LOOK_S = 0.7
"""How often turns are looked for that nobody runs."""
START_GRACE_S = 60.0
START_PROBE_S = 0.25
PICTURE_WAIT_S = 20.0
"""Longer than reading a picture takes on a busy machine; the customer sees that the bot is at work."""


class SilencedError(Exception):
    """People have the conversation now: what the bot would still say is dropped."""


class BlockedReplyError(Exception):
    """The bot was about to say what it must not; ``verdict`` tells what."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.kind)
        self.verdict = verdict


class TurnRunner:
    """Owns a task for each conversation that has turns to run; the task ends when there are none."""

    def __init__(
        self,
        conversations: Conversations,
        upstream: Upstream,
        *,
        content: Content,
        new_intents: NewIntents,
        graph: LiveGraph,
        library: LiveLibrary,
        pictures: PictureReadings,
        outages: Outages,
        experiments: Experiments | None = None,
        runner: str = "",
        at_once: int = 32,
    ) -> None:
        """``runner`` names this gateway among those over the same database; ``at_once``: how many turns it runs."""
        self._experiments = experiments
        self._runner = runner
        self._content = content
        self._graph = graph
        self._library = library
        self._pictures = pictures
        self._outages = outages
        self._conversations = conversations
        self._new_intents = new_intents
        self._store = conversations.store
        self._upstream = upstream
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._woken: set[str] = set()
        self._slots = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._may_wait = WAITING_PER_SLOT * at_once
        self._services_started = asyncio.Event()
        self._start: asyncio.Task[None] | None = None
        self._looking = Repeated("unfinished turns", LOOK_S, self._take_up)

    async def start(self) -> None:
        """Takes up the turns that the last process left unfinished, as soon as the services behind a turn are there.

        Those that a fault or another gateway leaves behind later are taken up too.
        """
        self._start = asyncio.create_task(self._await_services(), name="await services")
        await self._take_up()
        self._looking.start()

    async def _take_up(self) -> None:
        for conversation in await self._store.unfinished(self._runner):
            if conversation not in self._tasks:
                self.wake(conversation)

    async def _await_services(self) -> None:
        # All processes start together and this one is ready first: what waits a moment now need not be handed over.
        try:
            async with asyncio.timeout(START_GRACE_S):
                while not all((await self._upstream.healthy()).values()):  # noqa: ASYNC110 (another process has no event)
                    await asyncio.sleep(START_PROBE_S)
        except TimeoutError:
            logger.warning("model service or Rasa not ready after %.0f s; turns will be handed over", START_GRACE_S)
        self._services_started.set()

    def position_if_full(self) -> int | None:
        """How many turns are before a new one, where too many wait already; else ``None``."""
        return self._waiting + 1 if self._waiting >= self._may_wait else None

    def wake(self, conversation: str) -> None:
        """There may be a turn to run in this conversation."""
        self._woken.add(conversation)
        if conversation not in self._tasks:
            task = asyncio.create_task(self._drain(conversation), name=f"turns {conversation}")
            self._tasks[conversation] = task
            TURNS_OPEN.set(len(self._tasks))
            task.add_done_callback(lambda _: self._ended(conversation))

    async def idle(self, conversation: str) -> None:
        """Returns once no turn of the conversation is running or about to."""
        while conversation in self._tasks:
            await asyncio.wait({self._tasks[conversation]})

    async def close(self) -> None:
        """Stops; what is unfinished is taken up by the next process."""
        await self._looking.close()
        tasks = [*self._tasks.values(), *([self._start] if self._start else [])]
        self._woken.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, conversation: str) -> None:
        self._tasks.pop(conversation, None)
        TURNS_OPEN.set(len(self._tasks))
        if conversation in self._woken:  # woken between the last look and the end
            self.wake(conversation)

    async def _drain(self, conversation: str) -> None:
        while conversation in self._woken:
            self._woken.discard(conversation)
            await self._services_started.wait()
            while (turn := await self._store.next_turn(conversation, self._runner)) is not None:
                if self._slots.locked():  # the customer sees at once that the message is being worked on
                    self._typing(turn.conversation, on=True)
                await self._slot()
                try:
                    await self._run(turn)
                finally:
                    self._slots.release()

    async def _slot(self) -> None:
        self._waiting += 1
        TURNS_WAITING.set(self._waiting)
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
            TURNS_WAITING.set(self._waiting)

    async def _run(self, turn: Turn) -> None:
        conversation, seq = _name(turn)
        with (
            about(conversation=conversation, turn=seq),
            traces.span("turn", conversation=conversation, turn=seq),
        ):
            await self._run_logged(turn)

    async def _run_logged(self, turn: Turn) -> None:
        started = time.perf_counter()
        record: Json = {"decisions": [], "bot": [], "passages": [], "timings": {}}
        self._typing(turn.conversation, on=True)
        try:
            await self._answer_by_one(turn, record)
        except asyncio.CancelledError:
            raise
        except SilencedError:
            await self._conversations.drop_turn(turn.conversation, turn.seq, record)
        except BlockedReplyError as error:
            logger.warning("turn %s/%s: a reply of class %s was held back", *_name(turn), error.verdict.kind)
            await self._hold_back(turn, record, error.verdict)
        except UpstreamError as error:
            logger.warning("turn %s/%s failed: %s", turn.conversation, turn.seq, error)
            await self._fail(turn, record, error.service, error.code)
        except Exception as error:  # a fault of ours must reach the customer as a person, not as silence
            logger.exception("turn %s/%s failed", turn.conversation, turn.seq)
            await self._fail(turn, record, "gateway", type(error).__name__)
        finally:
            self._typing(turn.conversation, on=False)
            TURN_SECONDS.observe(time.perf_counter() - started)
            for name, ms in record["timings"].items():
                TURN_STAGE_SECONDS.labels(stage=name.removesuffix("_ms")).observe(ms / 1000)
            if release := (record.get("parse") or {}).get("release"):
                TURNS_BY_RELEASE.labels(release=release).inc()

    async def _answer_by_one(self, turn: Turn, record: Json) -> None:
        """Answers by the services of one release, which the record names; once more where two were mixed."""
        with self._upstream.one_generation() as generation:
            record["release"] = generation.release
            try:
                await self._answer(turn, record)
                return
            except UpstreamError as error:
                if error.code != "other_release" or record["bot"]:
                    raise
                logger.warning("turn %s/%s: %s; it is tried again", *_name(turn), error)
        with self._upstream.one_generation() as generation:
            record["release"] = generation.release
            await self._answer(turn, record)

    async def _answer(self, turn: Turn, record: Json) -> None:
        started = time.perf_counter()
        state = await self._store.conversation(turn.conversation)
        message = await self._store.message(turn.conversation, turn.seq)
        if state is None or message is None:
            raise LookupError(f"turn {turn.conversation}/{turn.seq} has no message")
        if "_speech" in message.extra:  # how sure the recogniser was belongs to why the bot did what it did
            record["speech"] = message.extra["_speech"]
        seen = await self._look(turn, message, state, record) if message.extra.get("image") else message
        if seen is not None:
            await self._answer_words(turn, seen, state, record, started)

    async def _answer_words(
        self, turn: Turn, message: Message, state: Conversation, record: Json, started: float
    ) -> None:
        locale = language_of(message.text, state.locale) if "_value" not in message.extra else state.locale
        if locale not in self._conversations.company.languages:
            locale = state.locale
        response = self._content.respond(message.text) if "_value" not in message.extra else None
        if response is not None:
            await self._respond(turn, response, locale, state.slots, record)
            return
        manner = ""
        with traces.span("parse"):
            parse = await self._understand(message, locale)
            if self._experiments is not None:
                parse = await self._experiments.parse(turn.conversation, parse, record)
                manner = await self._experiments.manner(turn.conversation, locale, record)
            record["parse"] = parse
        record["timings"]["parse_ms"] = _ms(started)
        versions = {"graph": self._graph.digest, "articles": self._library.digest}
        versions = {name: digest for name, digest in versions.items() if digest}
        record.update(versions)
        known = self._outages.turn()
        more = {name: value for name, value in (("outages", known), ("manner", manner)) if value}
        request: Json = {
            "conversation": turn.conversation,
            "turn": turn.seq,
            "text": message.text,
            "locale": locale,
            "parse": {**parse, **versions, **more},
            "slots": state.slots,
            "history": await self._store.history(turn.conversation, turn.seq),
        }
        escalate: Json | None = None
        slots = state.slots
        with traces.span("rasa"):
            request["parse"] |= {"trace": trace} if (trace := traces.carried().get(traces.HEADER)) else {}
            async for line in self._lines(request):
                if line["type"] == "parse":
                    record["intent"], record["confidence"] = line["intent"], line["confidence"]
                elif line["type"] == "decision":
                    record["decisions"].append({key: line[key] for key in ("action", "policy", "confidence", "ms")})
                elif line["type"] == "bot":
                    record["timings"].setdefault("first_message_ms", _ms(started))
                    said = await self._not_again(turn, line)
                    escalate = said.get("escalate") or escalate
                    await self._say(turn, said, locale, record)
                elif line["type"] == "end":
                    slots = {key: value for key, value in line["slots"].items() if key != "session_started_metadata"}
                    record["timings"]["rasa_ms"] = line["ms"]
        record["slots"] = slots
        record["timings"]["total_ms"] = _ms(started)
        await self._conversations.finish_turn(
            turn.conversation, turn.seq, record=record, slots=slots, locale=locale, escalate=escalate
        )
        try:
            await self._graph.outcomes.note(turn.conversation, state.slots, slots)
            await self._library.uses.note(turn.conversation, turn.seq, record["passages"])
        except Exception:  # the customer has been answered; what the case teaches is not worth a hand-over
            logger.exception("turn %s/%s: what it teaches was not kept", *_name(turn))

    async def _lines(self, request: Json) -> AsyncIterator[Json]:
        """Rasa's lines; a turn for which a version of graph or articles is lacking is sent once more, with it."""
        sent: Json = {}
        while True:
            need: Json = {}
            async for line in self._upstream.run_turn({**request, "parse": {**request["parse"], **sent}}):
                need = need or line.get("need") or {}
                if not need:
                    yield line
            if not need:
                return
            graphs, articles = need.get("graphs") or [], need.get("articles") or []
            if (graphs and "graphs" in sent) or (articles and "library" in sent) or not (graphs or articles):
                raise UpstreamError("actions", "graph_refused" if graphs else "articles_refused", str(need)[:200])
            if graphs:
                sent["graphs"] = await self._graph.bodies(graphs)
            if articles:
                sent["library"] = {one: await self._library.body(str(one)) for one in articles}

    async def _look(self, turn: Turn, message: Message, state: Conversation, record: Json) -> Message | None:
        """The message with what its picture tells; ``None`` where there is nothing to go on with, and that was said."""
        started = time.perf_counter()
        reading = await self._pictures.of(message.extra["image"]["id"], wait_s=PICTURE_WAIT_S)
        record["picture"] = reading or {"failed": True}
        record["timings"]["picture_ms"] = _ms(started)
        telling = str((reading or {}).get("telling", ""))
        if telling:
            line = {"key": "picture.read", "params": {"text": telling}}
            await self._say(turn, line, language_of(message.text or telling, state.locale), record)
        elif not message.text:
            # What was asked stays asked: the customer answers in words.
            seen = ", ".join((reading or {}).get("labels") or [])
            line = {"key": "picture.labels", "params": {"labels": seen}} if seen else {"key": "picture.unread"}
            await self._say(turn, line, state.locale, record)
            await self._conversations.finish_turn(
                turn.conversation, turn.seq, record=record, slots=state.slots, locale=state.locale, escalate=None
            )
            return None
        return replace(message, text="\n".join(part for part in (message.text, telling) if part))

    async def _understand(self, message: Message, locale: str) -> Json:
        value = message.extra.get("_value")
        if value is not None:
            return parse_of_choice(str(value), message.text, locale)
        parse = await self._upstream.parse(message.text, locale, new=self._new_intents.request)
        definition = self._new_intents.definition(parse.get("dynamic"))
        return parse if definition is None else {**parse, "definition": definition}

    async def _say(self, turn: Turn, line: Json, locale: str, record: Json) -> None:
        index = len(record["bot"])
        if self._experiments is not None:
            line = await self._experiments.say(turn.conversation, line, record)
        record["bot"].append({key: value for key, value in line.items() if key != "type"})
        record["passages"].extend(line.get("citations") or [])
        text, extra = render_message(line, locale)
        verdict = self._content.forbids(text)
        if verdict is not None:
            raise BlockedReplyError(verdict)
        if not await self._conversations.bot_says(turn.conversation, (turn.seq, index), text, extra):
            raise SilencedError
        if told := line.get("outages"):
            record.setdefault("outages", []).extend(self._outages.title(int(one["id"])) for one in told)
            await self._outages.told(turn.conversation, told)

    async def _respond(self, turn: Turn, response: Response, locale: str, slots: Json, record: Json) -> None:
        """The fixed reply to what must not be answered otherwise, with a person where one is due."""
        record["content"] = {"class": response.verdict.kind, "phrase": response.verdict.phrase}
        person = self._conversations.company.person
        choices = [{"value": f"/{person.name}", "key": "choice.person"}] if person and not response.reason else []
        text, extra = render_message({"key": response.key, "choices": choices}, locale)
        record["bot"].append({"key": response.key})
        if not await self._conversations.bot_says(turn.conversation, (turn.seq, 0), text, extra):
            raise SilencedError
        escalate = None
        if response.reason:
            suggestion = {"key": f"content.suggest_{response.verdict.kind}"}
            escalate = {"reason": response.reason, "suggestion": render_message(suggestion, locale)[0]}
        await self._conversations.finish_turn(
            turn.conversation, turn.seq, record=record, slots=slots, locale=locale, escalate=escalate
        )

    async def _hold_back(self, turn: Turn, record: Json, verdict: Verdict) -> None:
        """What must not be said becomes a hand-over, never silence."""
        REPLIES_HELD_BACK.labels(kind=verdict.kind).inc()
        record["content"] = {"class": verdict.kind, "phrase": verdict.phrase, "held_back": True}
        state = await self._store.conversation(turn.conversation)
        if state is None:
            return
        text, extra = render_message({"key": "content.held_back"}, state.locale)
        index = len(record["bot"])
        if await self._conversations.bot_says(turn.conversation, (turn.seq, index), text, extra):
            await self._conversations.finish_turn(
                turn.conversation,
                turn.seq,
                record=record,
                slots=state.slots,
                locale=state.locale,
                escalate={"reason": "policy"},
            )
        else:
            await self._conversations.drop_turn(turn.conversation, turn.seq, record)

    async def _not_again(self, turn: Turn, line: Json) -> Json:
        """The line, or an offer in its place where it would hand over again what a person has just given back."""
        asked = line.get("escalate")
        if not asked or not await self._conversations.handed_back_lately(turn.conversation, str(asked["reason"])):
            return line
        person = self._conversations.company.person
        choices = [{"value": f"/{person.name}", "key": "choice.person"}] if person else []
        return {"type": "bot", "key": "handoff.back_again", "choices": choices}

    async def _fail(self, turn: Turn, record: Json, service: str, code: str) -> None:
        TURN_FAILURES.labels(service=service).inc()
        record["failure"] = {"service": service, "code": code}
        await self._conversations.fail_turn(turn.conversation, turn.seq, record=record)

    def _typing(self, conversation: str, *, on: bool) -> None:
        self._conversations.hub.publish(topic(conversation), {"type": "typing", "on": on, "role": "bot"})


def _name(turn: Turn) -> tuple[str, int]:
    return turn.conversation, turn.seq


def parse_of_choice(value: str, text: str, locale: str) -> Json:
    """The parse of a chosen button, ``/intent`` or ``/intent{"entity": "value"}``: certain as it is."""
    intent, brace, rest = value.removeprefix("/").partition("{")
    entities = json.loads(brace + rest) if brace else {}
    return {
        "text": text,
        "language": locale,
        "intent": {"name": intent, "confidence": 1.0},
        "intent_ranking": [{"name": intent, "confidence": 1.0}],
        "entities": [
            {"start": 0, "end": 0, "entity": name, "value": given, "raw": str(given), "confidence": 1.0}
            for name, given in entities.items()
        ],
        "oos": 0.0,
        "threshold": 0.0,
        "ambiguity": 0.0,
        "engine": "choice",
    }


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
