"""The gateway's services on a real database, without sockets: conversations, casework and the dispatcher, one clock."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from server.addresses import Addresses
from server.company import Company
from server.gateway.casework import Answer, Casework
from server.gateway.content import Content
from server.gateway.conversations import Conversations
from server.gateway.dispatch import Dispatcher
from server.gateway.graph_live import LiveGraph
from server.gateway.graph_versions import Versions
from server.gateway.hub import Hub, Subscription
from server.gateway.library_live import LiveLibrary
from server.gateway.library_store import LibraryStore
from server.gateway.new_intents import NewIntents
from server.gateway.outages import Outages
from server.gateway.pictures import PictureReadings
from server.gateway.presence import Presence
from server.gateway.turns import TurnRunner
from server.gateway.upstream import Generation
from server.settings import ROOT
from server.storage.audit import Audit
from server.storage.database import create_engine, migrate
from server.storage.store import Conversation, Escalation, Staff, Store

Json = dict[str, Any]
START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # a Monday noon in Shanghai


class Clock:
    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Bench:
    """Everything that acts on one database."""

    clock: Clock
    service: Conversations
    cases: Casework
    dispatcher: Dispatcher
    folder: Path = Path()
    _ids: int = 0

    @property
    def store(self) -> Store:
        return self.service.store

    def id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    async def hire(self, name: str, role: str = "agent", *, here: bool = True, **place: Any) -> Staff:
        """Makes an account called ``Name`` and, unless told otherwise, opens a desk."""
        async with self.store.write() as tx:
            await tx.add_staff(name, name.title(), role, "-")
            await tx.place_staff(name, place)
        if here:
            self.service.presence.arrive(name)
        return await self.account(name)

    async def account(self, name: str) -> Staff:
        found = await self.store.staff(name)
        assert found is not None
        return found

    async def waiting(self, locale: str = "en", customer: str | None = None) -> Conversation:
        """A conversation whose customer asked for a person."""
        state = await self.service.open(locale, customer)
        await self.service.ask_for_person(state.id, self.id())
        return await self.state(state.id)

    async def held(self, by: Staff, locale: str = "en") -> Conversation:
        """A conversation that ``by`` has taken."""
        state = await self.waiting(locale)
        await self.cases.take(state.id, self.id(), by)
        return await self.state(state.id)

    async def says(self, conversation: str, text: str = "hello") -> int:
        """The customer writes; returns the message's ``seq``."""
        return (await self.service.accept(conversation, self.id(), text)).seq

    async def answers(self, conversation: str, who: Staff, text: str = "hello", window: int = 1, **more: Any) -> int:
        """The agent writes; returns the message's ``seq``."""
        _, seq = await self.cases.say(conversation, self.id(), who, Answer(text, **more), window)
        return seq

    async def turn(self, conversation: str, text: str, *, slots: Json | None = None, **record: Any) -> int:
        """A turn of the bot, finished: what the customer wrote and how it was read."""
        seq = await self.says(conversation, text)
        escalate = record.pop("escalate", None)
        await self.service.finish_turn(
            conversation,
            seq,
            record={"parse": {}, "decisions": [], **record},
            slots={"awaiting": False} if slots is None else slots,
            locale=(await self.state(conversation)).locale,
            escalate=escalate,
        )
        return seq

    async def state(self, conversation: str) -> Conversation:
        found = await self.store.conversation(conversation)
        assert found is not None
        return found

    async def escalation(self, conversation: str) -> Escalation:
        found = await self.store.last_escalation(conversation)
        assert found is not None
        return found

    async def events(self, kind: str | None = None) -> list[Json]:
        return [one for one in await self.store.desk_events(after=0) if kind is None or one["type"] == kind]

    def follow(self, conversation: str) -> Subscription:
        """A customer's connection; it is never closed, the test's end drops it."""
        queue = Subscription()
        self.service.hub._topics[f"c:{conversation}"].add(queue)
        return queue


class OneGeneration:
    """What scripted services behind a turn share with the real ones: nothing is switched under a turn."""

    @contextmanager
    def one_generation(self) -> Iterator[Generation]:
        nowhere = Addresses(("http://127.0.0.1:1",))
        yield Generation(nowhere, nowhere, nowhere)


@asynccontextmanager
async def bench(folder: Path, clock: Clock | None = None, url: str = "") -> AsyncIterator[Bench]:
    """The services over the database ``url``, or a new one in ``folder``."""
    engine = create_engine(url or f"sqlite+aiosqlite:///{folder / 'kefu.db'}")
    await migrate(engine)
    time = clock or Clock()
    store = Store(engine, time)
    service = Conversations(
        store=store, hub=Hub(), company=Company.load(ROOT / "demo"), presence=Presence(time), clock=time
    )
    cases = Casework(service)
    yield Bench(time, service, cases, Dispatcher(cases), folder)
    await store.close()


def intent(name: str, confidence: float = 0.9) -> Json:
    """A parse with an intent."""
    return {"parse": {"intent": {"name": name, "confidence": confidence}}}


def turn_runner(
    desk: Bench,
    services: Any,
    pictures: PictureReadings | None = None,
    graph: LiveGraph | None = None,
    library: LiveLibrary | None = None,
) -> TurnRunner:
    """What runs turns on a bench; ``services`` is what is behind the gateway; without ``pictures`` none is read."""
    store, company, audit = desk.service.store, desk.service.company, Audit(desk.service.store, b"key")
    return TurnRunner(
        desk.service,
        services,
        content=Content(store, company, audit),
        new_intents=NewIntents(store, company, audit),
        graph=graph or LiveGraph(Versions(store, audit), services),
        library=library or LiveLibrary(LibraryStore(store, audit), services, company),
        pictures=pictures or PictureReadings(store, services, Path(), enabled=False),
        outages=Outages(desk.service, audit, Content(store, company, audit), Versions(store, audit), desk.clock),
    )
