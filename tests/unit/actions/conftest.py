"""The real demo back end in this process, a real search index, and customers who talk to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from conversations import ARTICLES, UNRELATED, Clock, Conversation, LocalSearch

from actions.accounts import AccountsClient
from actions.ports import Ports
from kg.retrieval import Index, Question, split_article
from server.accounts.app import create_app
from server.company import Company
from server.nlu.encoders import use_embed
from server.settings import ROOT


@pytest.fixture(scope="session")
def company() -> Company:
    return Company.load(ROOT / "demo")


@pytest.fixture(scope="session")
def index() -> Index:
    """A small index of articles written here, embedded with the small encoder alone: built in about a second."""
    passages, questions = [], []
    for article, texts in ARTICLES.items():
        for language, (title, summary, asked) in texts.items():
            url = f"/help/{article}"
            passages += split_article(article, title=title, summary=summary, markdown="", language=language, url=url)
            questions += [Question(text, language, frozenset({article})) for text in asked]
    questions += [Question(text, language, frozenset()) for language, texts in UNRELATED.items() for text in texts]
    return Index.build(passages, lambda texts, *, query: use_embed(list(texts)), questions)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def back_end(tmp_path: Path, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(tmp_path / "accounts.db", clock=clock, seed_file=ROOT / "demo" / "accounts.json")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://accounts") as http:
        yield http
    app.state.store.close()


@pytest.fixture
def ports(back_end: httpx.AsyncClient, index: Index, company: Company) -> Ports:
    return Ports(AccountsClient(back_end, "http://accounts"), LocalSearch(index), company.intents)


@pytest.fixture
def zh(ports: Ports, clock: Clock, back_end: httpx.AsyncClient) -> Conversation:
    return Conversation(ports, clock, back_end, "zh")


@pytest.fixture
def en(ports: Ports, clock: Clock, back_end: httpx.AsyncClient) -> Conversation:
    return Conversation(ports, clock, back_end, "en")
