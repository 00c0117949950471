"""Answers in a language model's words: with the articles they rest on, and the passage itself where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import httpx
from conversations import Conversation

from actions.writing import WritingClient, Written


class Says:
    """Who writes answers; keeps what it was given."""

    def __init__(self, written: Written) -> None:
        self.written = written
        self.asked: list[tuple[str, str, list[str]]] = []

    async def answer(self, question: str, language: str, passages: Sequence[str], manner: str = "") -> Written:
        self.asked.append((question, language, list(passages)))
        self.manner = manner
        return self.written


def answering(talk: Conversation, writing: Says) -> None:
    """From now on help questions are answered by ``writing``, from the articles of these tests."""
    invoice = talk.ports.intents["invoice"].model_copy(update={"articles": ("invoice",)})
    talk.ports = replace(talk.ports, writing=writing, intents={**talk.ports.intents, "invoice": invoice})


async def test_the_answer_is_in_the_models_words_and_names_what_it_rests_on(en: Conversation) -> None:
    writing = Says(Written("Download it from the bill.", (0,), {"model": "m", "dropped": 1}))
    answering(en, writing)
    question = "how do I get an invoice"
    assert await en.say(question, "invoice") == ["Download it from the bill."]
    (asked,) = writing.asked
    assert asked[:2] == (question, "en")
    assert asked[2][0].startswith("An invoice can be downloaded")
    assert en.outcome is not None
    (message,) = en.outcome.messages
    assert [one["url"] for one in message["citations"]] == ["/help/invoice"]
    assert message["written"] == {"model": "m", "dropped": 1}
    assert writing.manner == ""
    en.ports = replace(en.ports, manner="Use one sentence.")
    await en.say(question, "invoice")
    assert writing.manner == "Use one sentence.", "the turn says how this customer's answers are written"


async def test_where_nothing_can_be_relied_on_the_passage_is_the_answer(zh: Conversation) -> None:
    for note in ({"failed": "deadline"}, {"model": "m", "refused": "number_not_found"}):
        answering(zh, Says(Written(note=note)))
        assert await zh.say("怎么开电子发票", "invoice") == ["付款后可以在账单页下载电子发票。"]
        assert zh.outcome is not None
        (message,) = zh.outcome.messages
        assert message["written"] == note
        assert message["citations"][0]["url"] == "/help/invoice"


async def test_a_question_without_an_answer_costs_the_model_nothing(en: Conversation) -> None:
    writing = Says(Written("I made this up.", (0,)))
    answering(en, writing)
    await en.say("what is the capital of Mongolia", "oos", confidence=0.1)
    assert writing.asked == []


async def test_a_model_service_that_is_away_is_no_failure_of_the_turn() -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        writing = WritingClient(http, "http://127.0.0.1:1", deadline_s=1)
        assert await writing.answer("how?", "en", ["Like this."]) == Written(note={"failed": "unreachable"})
