"""Answers from the company's own words: fixed texts and help articles, which are cited."""

from __future__ import annotations

from collections.abc import Sequence

from actions import messages as m
from actions.context import Context
from actions.messages import Choice, Message
from actions.retrieval import Found, Passage, RetrievalDownError
from actions.state import Expect
from server.company import Definition

PASSAGES = 3
"""How many passages are fetched; the best is shown, the others are kept for the agent."""

SHORTEST_QUERY = 4
"""Characters: what is shorter matches some article by chance."""

OOS_SURE = 0.8
"""From this probability of being out of scope no article is offered: it would only look like an answer."""


def say(c: Context, definition: Definition) -> None:
    """Send a company's text; variants take turns."""
    texts: dict[str, str] = {
        language: variants[c.turn.number % len(variants)] for language, variants in definition.text.items()
    }
    c.messages.append(m.company_text(texts))


async def answer(c: Context, definition: Definition) -> None:
    """Answer a help question from the articles, or say that it is not known."""
    asked = query(c, definition)
    found = await search(c, asked, definition)
    if found is None or not found.passages or not (found.confident or definition.articles):
        unknown(c)
        return
    c.messages.append(await worded(c, asked, found.passages))


async def worded(c: Context, asked: str, passages: Sequence[Passage]) -> Message:
    """An answer in a language model's words where one is set up and rests on the passages; else the best passage."""
    if c.ports.writing is None:
        return cited("answer.found", passages[0])
    written = await c.ports.writing.answer(asked, c.turn.locale, [one.passage for one in passages], c.ports.manner)
    message = cited("answer.found", *([passages[at] for at in written.sources] or passages[:1]))
    if written.text:
        message["params"]["passage"] = written.text
    return {**message, "written": written.note}


async def offer_article(c: Context) -> bool:
    """For a message that was not understood: an article that surely fits, if there is one."""
    text = c.turn.text.strip()
    if len(text) < SHORTEST_QUERY or c.turn.chosen or c.turn.oos >= OOS_SURE:
        return False
    found = await search(c, text, None)
    if found is None or not found.confident or not found.passages:
        return False
    c.messages.append(cited("answer.may_help", found.passages[0], choices=[c.person()]))
    return True


async def search(c: Context, text: str, definition: Definition | None) -> Found | None:
    """Search the articles; ``None`` when the search is down. What was found is kept for the agent."""
    try:
        found = await c.ports.retrieval.search(
            text, c.turn.locale, PASSAGES, definition.articles if definition is not None else ()
        )
    except RetrievalDownError:
        return None
    c.passages = list(found.passages)
    return found


def query(c: Context, definition: Definition) -> str:
    """What to search for: the customer's words, or the label where a button was pressed."""
    if c.turn.chosen or not c.turn.text.strip():
        return definition.label.get(c.turn.locale) or next(iter(definition.label.values()))  # type: ignore[call-overload]
    return c.turn.text


def unknown(c: Context) -> None:
    """Say that this is not known, and offer a person."""
    c.say("answer.unknown", choices=[c.person()])
    c.offered = Expect("person", data={"reason": "low_confidence"})


def cited(key: str, *passages: Passage, choices: Sequence[Choice] = ()) -> Message:
    """The first of the passages as a message that names the articles of all."""
    first = passages[0]
    message = m.message(key, choices=choices, title=first.title, passage=first.passage)
    message["citations"] = [{"title": one.title, "url": one.url, "passage": one.passage} for one in passages]
    return message
