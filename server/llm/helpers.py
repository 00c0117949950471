"""Small jobs for a language model where one is configured: grounded answers, summaries, translation.

Nothing a model says is taken on trust. An answer or a sentence of a summary counts only with a quotation that really
stands in what was given, and with no number that does not; a translation must keep numbers and placeholders and be in
the language asked for. What fails is refused with a reason, and the caller goes on without it. Texts are given as JSON
data; personal data leaves as placeholders (`server.llm.masking`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from server.llm.masking import Finder, line_by_line, masked, nothing
from server.llm.protocol import Chat, Message, Request
from server.nlu.language import Language, detect
from server.nlu.text import align

MAX_PASSAGES: Final = 5
MAX_LINES: Final = 60
LEAST_QUOTE: Final = 4  # characters that a quotation must have, without spaces
_ANSWER_TOKENS: Final = 400
_TRANSLATION_TOKENS: Final = 600
_LONGEST_TRANSLATION: Final = 6  # times the characters of the original, and some
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_PLACEHOLDER: Final = re.compile(r"\[[A-Z_]+_\d+\]")
Reason = Literal["unknown", "no_quote", "quote_not_found", "number_not_found", "wrong_language", "empty", "too_long"]

_ASK: Final[Mapping[str, str]] = {
    "en": "Answer the question only from the passages. Quote the words that the answer rests on exactly, each with the "
    "number of its passage. Where the passages do not say, set known to false. Answer in English, in JSON.",
    "zh": "只根据给出的段落回答问题。照原文引用答案依据的文字，并注明段落编号。"
    "段落里没有说明时，known 为 false。用中文、JSON 回答。",
}
_SUM_UP: Final[Mapping[str, str]] = {
    "en": "Sum up this support conversation for the next agent in at most four short sentences. For each, give the "
    "number of the line it rests on and quote words of that line exactly. Write in English, in JSON.",
    "zh": "为接手的客服概括这段对话，最多四个短句。每句注明依据的行号，并照原文引用该行的文字。用中文、JSON 回答。",
}
_TRANSLATE: Final[Mapping[str, str]] = {
    "en": "Translate the text into English. Keep numbers and words in square brackets as they are. Answer in JSON.",
    "zh": "把文字翻译成简体中文。数字和方括号里的词保持原样。用 JSON 回答。",
}


@dataclass(frozen=True)
class Citation:
    """Where a quotation stands: the passage's or line's number, counted from 0, and code points in it."""

    source: int
    start: int
    end: int


@dataclass(frozen=True)
class Grounded:
    """Words with what they rest on."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class Refused:
    """The model's words did not pass the checks."""

    reason: Reason


async def answer(
    chat: Chat,
    question: str,
    passages: Sequence[str],
    language: Language,
    *,
    deadline_s: float,
    find_personal: Finder = nothing,
) -> Grounded | Refused:
    """Answer from passages (the first `MAX_PASSAGES` count), or refuse. Raises `LlmError`."""
    given = list(passages[:MAX_PASSAGES])
    if not given:
        return Refused("unknown")
    private = masked(question, find_personal)
    quotation = _object({"passage": _whole(len(given)), "quote": {"type": "string"}})
    schema = _object(
        {
            "known": {"type": "boolean"},
            "answer": {"type": "string"},
            "support": {"type": "array", "items": quotation, "maxItems": 4},
        }
    )
    data = {"question": private.text, "passages": [{"passage": i + 1, "text": p} for i, p in enumerate(given)]}
    said = await _ask(chat, _ASK[language], data, schema, deadline_s)
    if not said["known"]:
        return Refused("unknown")
    text = private.restore(str(said["answer"]).strip())
    quotes = [(int(s["passage"]) - 1, str(s["quote"])) for s in said["support"]]
    return check(text, quotes, given, language)


async def summary(
    chat: Chat,
    lines: Sequence[str],
    language: Language,
    *,
    deadline_s: float,
    find_personal: Finder = nothing,
) -> Grounded | Refused:
    """Sum up a conversation (its last `MAX_LINES` lines); sentences that rest on nothing are left out, the others stay.

    Refused where no sentence stays. Raises `LlmError`.
    """
    skipped = max(0, len(lines) - MAX_LINES)
    given = [" ".join(line.split()) for line in lines[skipped:]]
    if not given:
        return Refused("empty")
    # As one text, so that a placeholder stands for one thing throughout.
    private = masked("\n".join(given), line_by_line(find_personal))
    sentence = _object({"text": {"type": "string"}, "line": _whole(len(given)), "quote": {"type": "string"}})
    schema = _object({"sentences": {"type": "array", "items": sentence, "maxItems": 4}})
    data = {"lines": [{"line": i + 1, "text": text} for i, text in enumerate(private.text.split("\n"))]}
    said = await _ask(chat, _SUM_UP[language], data, schema, deadline_s)
    kept: list[str] = []
    citations: list[Citation] = []
    reason: Reason = "empty"
    for one in said["sentences"]:
        row = int(one["line"]) - 1
        text, quote = (private.restore(str(one[part]).strip()) for part in ("text", "quote"))
        found = check(text, [(row, quote)], lines[skipped:], language)
        if isinstance(found, Refused):
            reason = found.reason
            continue
        kept.append(found.text)
        citations += [Citation(c.source + skipped, c.start, c.end) for c in found.citations]
    separator = "" if language == "zh" else " "
    return Grounded(separator.join(kept), tuple(citations)) if kept else Refused(reason)


async def translate(
    chat: Chat, text: str, to: Language, *, deadline_s: float, find_personal: Finder = nothing
) -> str | Refused:
    """The text in the other language, or refused. Raises `LlmError`."""
    private = masked(text, find_personal)
    schema = _object({"translation": {"type": "string"}})
    said = await _ask(chat, _TRANSLATE[to], {"text": private.text}, schema, deadline_s, tokens=_TRANSLATION_TOKENS)
    found = str(said["translation"]).strip()
    refused = check_translation(private.text, found, to)
    return private.restore(found) if refused is None else refused


def check(
    text: str, quotes: Sequence[tuple[int, str]], sources: Sequence[str], language: Language
) -> Grounded | Refused:
    """Whether words rest on their sources: every (source, quotation) is found, every number stands in a quoted source.

    Width, script, case and white space do not matter.
    """
    if not text:
        return Refused("empty")
    if not quotes:
        return Refused("no_quote")
    citations: list[Citation] = []
    for source, quote in quotes:
        place = locate(quote, sources[source]) if 0 <= source < len(sources) else None
        if place is None:
            return Refused("quote_not_found")
        citations.append(Citation(source, *place))
    known = {n for c in citations for n in _numbers(sources[c.source])}
    if any(n not in known for n in _numbers(text)):
        return Refused("number_not_found")
    if not _in(text, language):
        return Refused("wrong_language")
    return Grounded(text, tuple(citations))


def check_translation(original: str, translation: str, to: Language) -> Refused | None:
    """What is wrong with a translation, if anything can be told."""
    if not translation:
        return Refused("empty")
    if len(translation) > _LONGEST_TRANSLATION * len(original) + 100:
        return Refused("too_long")
    for pattern in (_PLACEHOLDER, _NUMBER):
        if sorted(pattern.findall(align(original).text)) != sorted(pattern.findall(align(translation).text)):
            return Refused("number_not_found")
    return None if _in(translation, to) else Refused("wrong_language")


def locate(quote: str, source: str) -> tuple[int, int] | None:
    """Code points of a quotation in a text; None where it is not there or too short to say anything."""
    wanted = re.sub(r"\s+", "", align(quote).text.lower())
    if len(wanted) < LEAST_QUOTE:
        return None
    aligned = align(source)
    # Letter for letter with its place; lower-casing one letter may give two.
    letters = [(low, i) for i, char in enumerate(aligned.text) if not char.isspace() for low in char.lower()]
    at = "".join(low for low, _ in letters).find(wanted)
    if at < 0:
        return None
    return aligned.span(letters[at][1], letters[at + len(wanted) - 1][1] + 1)


def _numbers(text: str) -> list[str]:
    return [n.replace(",", "") for n in _NUMBER.findall(align(text).text)]


def _in(text: str, language: Language) -> bool:
    """Whether a text is in a language, as far as it shows one: a name or a number is in every language."""
    words = _PLACEHOLDER.sub("", text)
    if sum(char.isalpha() for char in words) < LEAST_QUOTE:
        return True
    return detect(words, language) == language


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


def _whole(count: int) -> dict[str, Any]:
    return {"type": "integer", "enum": list(range(1, max(count, 1) + 1))}


async def _ask(
    chat: Chat,
    instruction: str,
    data: Mapping[str, Any],
    schema: Mapping[str, Any],
    deadline_s: float,
    *,
    tokens: int = _ANSWER_TOKENS,
) -> dict[str, Any]:
    messages = [Message("system", instruction), Message("user", json.dumps(data, ensure_ascii=False))]
    completion = await chat.complete(Request(messages, tokens, schema=schema), deadline_s)
    value: dict[str, Any] = completion.value(schema)
    return value
