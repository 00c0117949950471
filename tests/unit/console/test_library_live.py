"""The articles in service: followed by every gateway, named in turns, sent along where a search lacks them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.company import Company
from server.gateway.library_live import LiveLibrary
from server.gateway.library_store import LibraryStore
from server.gateway.upstream import UpstreamError
from server.library import of_company
from server.settings import ROOT
from server.storage.audit import Audit
from tests.support.floor import Bench, OneGeneration, bench, intent, turn_runner

Json = dict[str, Any]
PETS = {"texts": {"en": {"title": "Pets", "category": "", "summary": "", "markdown": "Dogs."}}, "intents": []}


class Services(OneGeneration):
    """The services behind a turn; the model service knows some libraries, as the real one does."""

    def __init__(self, *, away: bool = False, stubborn: bool = False) -> None:
        self.known: dict[str, Json] = {}
        self.away, self.stubborn = away, stubborn
        self.turns: list[Json] = []

    async def healthy(self):
        return {"models": True, "rasa": True}

    async def models_ready(self):
        return not self.away

    async def parse(self, text, locale, *, new=None):
        return intent("esim")["parse"]

    async def teach_articles(self, digest, articles):
        if self.away:
            raise UpstreamError("models", "unreachable")
        self.known[digest] = articles

    async def search(self, query, language, k, *, digest, library):
        self.known.setdefault(digest, library)
        return {"passages": [], "confident": False}

    async def run_turn(self, turn):
        self.turns.append(turn)
        wanted, sent = turn["parse"].get("articles"), turn["parse"].get("library", {})
        if wanted not in self.known and (self.stubborn or wanted not in sent):
            yield {"type": "bot", "need": {"articles": [wanted]}}
        else:
            cited = [{"title": "eSIM", "url": "/help/esim-setup", "passage": "It is built in."}]
            yield {"type": "bot", "text": {"en": "It is built in.", "zh": "内置的。"}, "citations": cited}
        yield {"type": "end", "slots": {}, "paused": False, "ms": 1}


@pytest.fixture
async def desk(tmp_path):
    async with bench(tmp_path) as running:
        yield running


async def live(desk: Bench, services: Any) -> LiveLibrary:
    made = LiveLibrary(LibraryStore(desk.store, Audit(desk.store, b"key")), services, desk.service.company)
    await made.start()
    return made


async def publish(desk: Bench, name: str = "pets") -> str:
    store = LibraryStore(desk.store, Audit(desk.store, b"key"))
    draft = await store.put_draft(name, 0, (await store.revision(name))[0], PETS, "boss")
    return (await store.publish({name: draft.revision}, "Pets", "boss")).digest


async def turn(desk: Bench, services: Services, library: LiveLibrary, text: str = "what is an eSIM") -> Json:
    runner = turn_runner(desk, services, library=library)
    await runner.start()
    state = await desk.service.open("en", None)
    seq = (await desk.service.accept(state.id, "m1", text)).seq
    runner.wake(state.id)
    await runner.idle(state.id)
    await runner.close()
    record = (await desk.store.turn_records(state.id))[-1].record
    return {**record, "conversation": state.id, "seq": seq}


async def test_turns_name_the_articles_that_the_files_became(desk):
    services = Services()
    library = await live(desk, services)
    await library.refresh()
    record = await turn(desk, services, library)
    assert services.turns[0]["parse"]["articles"] == library.digest == record["articles"]
    assert services.known[library.digest] == of_company(desk.service.company.articles)
    assert len(services.turns) == 1
    await library.close()


async def test_articles_that_the_search_lacks_come_with_the_second_attempt(desk):
    services = Services(away=True)
    library = await live(desk, services)
    record = await turn(desk, services, library)
    assert len(services.turns) == 2
    assert services.turns[1]["parse"]["library"] == {library.digest: dict(library.now.library)}
    assert "library" not in record["parse"]
    await library.close()


async def test_a_search_that_never_takes_them_ends_in_a_person(desk):
    services = Services(away=True, stubborn=True)
    library = await live(desk, services)
    record = await turn(desk, services, library)
    assert record["failure"] == {"service": "actions", "code": "articles_refused"}
    assert len(services.turns) == 2
    await library.close()


@pytest.mark.parametrize("away", [False, True])
async def test_another_gateways_publish_is_followed_and_told_first(desk, away):
    services = Services(away=away)
    library = await live(desk, services)
    digest = await publish(desk)
    assert library.article("pets", "zh") is None
    await library.refresh()
    assert library.digest == digest
    assert library.article("pets", "zh").title == "Pets"
    assert (digest in services.known) is not away
    services.away = False
    await library.refresh()
    assert digest in services.known
    await library.close()


async def test_a_model_service_that_was_started_anew_is_told_when_it_is_asked(desk):
    services = Services()
    library = await live(desk, services)
    services.known.clear()
    assert (await library.search("eSIM", "en", 3))["confident"] is False
    assert library.digest in services.known
    assert await library.body(library.digest) == dict(library.now.library)
    assert await library.body("0" * 16) is None
    await library.close()


async def test_two_publishes_at_once_are_two_versions(desk):
    library = await live(desk, Services())
    await asyncio.gather(publish(desk, "pets"), publish(desk, "esim-setup"), publish(desk, "store-hours"))
    store = LibraryStore(desk.store, Audit(desk.store, b"key"))
    assert (await store.newest()).version == 4
    now = await store.library(4)
    assert now["pets"] == now["esim-setup"] == now["store-hours"] == PETS
    await library.close()


async def test_what_an_article_answered_and_where_it_was_wrong(desk):
    services = Services()
    library = await live(desk, services)
    good = await turn(desk, services, library)
    disliked = await turn(desk, services, library, "call me on 13812345678 about the eSIM")
    marked = await turn(desk, services, library)
    answer = (await desk.store.messages(disliked["conversation"]))[-1]
    await desk.service.feedback(disliked["conversation"], "f1", seq=answer.seq, score=-1)
    await desk.service.feedback(
        good["conversation"], "f2", seq=(await desk.store.messages(good["conversation"]))[-1].seq, score=1
    )
    lin = await desk.hire("lin", "supervisor")
    answer = (await desk.store.messages(marked["conversation"]))[-1]
    await desk.cases.mark(marked["conversation"], "w1", lin, seq=answer.seq, intent=None, comment="Not this")
    assert (await library.uses.counts(desk.clock()))["esim-setup"] == (3, 2)
    items = await library.uses.questions("esim-setup", wrong_only=False, limit=9, before=None)
    assert [(one["disliked"], one["marked"]) for one in items] == [(False, True), (True, False), (False, False)]
    assert items[1]["text"] == "call me on <PHONE> about the eSIM"
    wrong = await library.uses.questions("esim-setup", wrong_only=True, limit=9, before=items[0]["id"])
    assert [one["conversation"] for one in wrong] == [disliked["conversation"]]
    # A turn that is run again counts once.
    await library.uses.note(good["conversation"], good["seq"], [{"url": "/help/esim-setup"}, {"url": "https://a.b"}])
    assert (await library.uses.counts(desk.clock()))["esim-setup"] == (3, 2)
    await library.close()


async def test_gateways_that_start_together_make_one_first_version(desk):
    company = Company.load(ROOT / "demo")
    together = [LibraryStore(desk.store, Audit(desk.store, b"key")) for _ in range(3)]
    await asyncio.gather(*(articles.seed(company) for articles in together))
    newest = await together[0].newest()
    assert (newest.version, newest.origin) == (1, "seed")
