"""What a language model is asked about a message, and what its answer says. Pure.

Candidates have one-letter codes: each is one token for nearly every model, so that the likeliest tokens in that place
are a distribution over the intents. The examples are shown as earlier turns of the chat, in the form of the answer.
"""

from __future__ import annotations

import json
import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.llm.masking import Masked
from server.llm.protocol import Completion, Message, Token
from server.nlu.data import OUT_OF_SCOPE
from server.nlu.text import align

CODES: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits
MAX_CANDIDATES: Final = len(CODES) - 1  # one code says: none of these
MAX_ENTITIES: Final = 8
MAX_ENTITY_TEXT: Final = 80
_SURE: Final = math.log(0.9)  # of a choice that came without log-probabilities
_LEAST: Final = 1e-6  # probability that is left for what was not among the likeliest tokens
_CHOICE: Final = re.compile(r'"intent"\s*:\s*"')
_DETAIL: Final = re.compile(r'"kind"\s*:\s*"([^"]*)"\s*,\s*"text"\s*:\s*"((?:[^"\\]|\\.)*)"')

INSTRUCTIONS: Final[Mapping[str, str]] = {
    "en": "Customers write to a company. Say which one of these intents the last message has, by its letter."
    "{details}\nAnswer in JSON.\n\nIntents:\n{intents}{kinds}",
    "zh": "客户给公司写消息。判断最后一条消息属于下面哪一个意图，用字母回答。"
    "{details}\n用 JSON 回答。\n\n意图：\n{intents}{kinds}",
}
DETAILS: Final[Mapping[str, str]] = {
    "en": " Also copy the details that it holds, exactly as they are written; the list is empty where it holds none.",
    "zh": "同时照原文抄出其中的细节；没有细节时列表为空。",
}
KINDS: Final[Mapping[str, str]] = {"en": "\n\nKinds of details:\n{kinds}", "zh": "\n\n细节的种类：\n{kinds}"}
NONE_OF_THESE: Final[Mapping[str, str]] = {"en": "none of these", "zh": "都不是"}


@dataclass(frozen=True)
class Shown:
    """An example as the prompt shows it: what was written, its intent, and its details (kind, text)."""

    text: str
    intent: str
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Question:
    """One message, ready to be asked about."""

    messages: tuple[Message, ...]
    schema: dict[str, Any]
    candidates: tuple[str, ...]
    """Intents in the order of `CODES`; out of scope is the code after them."""


def question(
    text: str,
    language: str,
    *,
    candidates: Mapping[str, str],
    kinds: Mapping[str, str],
    examples: Sequence[Shown],
) -> Question:
    """Ask which of `candidates` (name → description) a text has, and which details of `kinds` (name → description).

    Without kinds, only the intent is asked for. Examples whose intent is no candidate are left out.
    """
    names = tuple(candidates)
    assert len(names) <= MAX_CANDIDATES
    code = {name: CODES[i] for i, name in enumerate(names)} | {OUT_OF_SCOPE: CODES[len(names)]}
    described = [f"{code[name]}: {about}" for name, about in candidates.items()]
    described.append(f"{code[OUT_OF_SCOPE]}: {NONE_OF_THESE[language]}")
    system = INSTRUCTIONS[language].format(
        details=DETAILS[language] if kinds else "",
        intents="\n".join(described),
        kinds=KINDS[language].format(kinds="\n".join(f"{n}: {about}" for n, about in kinds.items())) if kinds else "",
    )
    messages = [Message("system", system)]
    for shown in examples:
        if shown.intent not in code:
            continue
        answer: dict[str, Any] = {"intent": code[shown.intent]}
        if kinds:
            answer["entities"] = [{"kind": k, "text": t} for k, t in shown.details if k in kinds]
        messages += [Message("user", shown.text), Message("assistant", json.dumps(answer, ensure_ascii=False))]
    messages.append(Message("user", text))
    return Question(tuple(messages), _schema(list(code.values()), list(kinds)), names)


def _schema(codes: list[str], kinds: list[str]) -> dict[str, Any]:
    properties: dict[str, Any] = {"intent": {"type": "string", "enum": codes}}
    if kinds:
        detail = {
            "type": "object",
            "properties": {"kind": {"type": "string", "enum": kinds}, "text": {"type": "string"}},
            "required": ["kind", "text"],
            "additionalProperties": False,
        }
        properties["entities"] = {"type": "array", "items": detail, "maxItems": MAX_ENTITIES}
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


# ---------------------------------------------------------------- reading the answer


def choice_logits(completion: Completion, asked: Question) -> NDArray[np.float64]:
    """Log-probability of each candidate and, last, of none of them: (candidates + 1,).

    From the likeliest tokens in the place of the code. What was not among them shares what they leave. Without
    log-probabilities the chosen code gets 0.9 and the others share the rest.
    """
    codes = CODES[: len(asked.candidates) + 1]
    match = _CHOICE.search(completion.text)
    if match is None or completion.text[match.end() : match.end() + 1] not in codes:
        raise ValueError("no code in the answer")
    chosen = codes.index(completion.text[match.end()])
    seen: dict[int, float] = {}
    at = 0
    place = len(completion.text[: match.end()].encode())
    for token in completion.tokens:
        size = token.size or len(token.text.encode())
        if at <= place < at + size:
            seen = _by_code(token, place - at, codes)
            break
        at += size
    if chosen not in seen:
        seen = {chosen: _SURE}
    total = sum(math.exp(p) for p in seen.values())
    left = max(1.0 - total, _LEAST) / max(1, len(codes) - len(seen))
    floor = min(math.log(max(left, _LEAST)), *seen.values())
    logits = np.full(len(codes), floor)
    for index, logprob in seen.items():
        logits[index] = logprob
    return logits


def _by_code(token: Token, offset: int, codes: str) -> dict[int, float]:
    """Log-probability of each code among the alternatives of the token that holds it."""
    before = token.text[:offset]
    mass: dict[int, float] = {}
    for text, logprob in token.top or ((token.text, token.logprob),):
        if not text.startswith(before):
            continue
        rest = text[len(before) :]
        # A longer word that happens to begin with a code's letter is another answer.
        if not rest or rest[0] not in codes or (len(rest) > 1 and rest[1] != '"'):
            continue
        index = codes.index(rest[0])
        mass[index] = float(np.logaddexp(mass[index], logprob)) if index in mass else logprob
    return mass


@dataclass(frozen=True)
class Detail:
    """An entity as a model named it, found in the text: code points of the original, and how likely its tokens were."""

    start: int
    end: int
    kind: str
    probability: float


def details(completion: Completion, asked_text: Masked) -> tuple[list[Detail], int]:
    """The details that are really in the text, and how many were not.

    Each is searched exactly, then without regard to width, script and case; a second mention of the same words is
    their next occurrence. What overlaps an earlier one counts as not found.
    """
    entities = json.loads(completion.text).get("entities", [])
    weights = _detail_logprobs(completion, len(entities))
    found: list[Detail] = []
    for entity, logprob in zip(entities, weights, strict=True):
        span = _place(entity["text"], asked_text, found)
        if span is not None:
            found.append(Detail(*span, entity["kind"], math.exp(min(logprob, 0.0))))
    return sorted(found, key=lambda d: d.start), len(entities) - len(found)


def _place(words: str, text: Masked, taken: Sequence[Detail]) -> tuple[int, int] | None:
    wanted = words.strip()
    if not wanted:
        return None
    aligned = align(text.text)
    plain, low = aligned.text.lower(), align(wanted).text.lower()
    spans = [(m.start(), m.end()) for m in re.finditer(re.escape(wanted), text.text)]
    if low and len(plain) == len(aligned.text):
        spans += [aligned.span(m.start(), m.end()) for m in re.finditer(re.escape(low), plain)]
    for start, end in spans:
        original = text.span(start, end)
        if all(original[1] <= t.start or t.end <= original[0] for t in taken):
            return original
    return None


def _detail_logprobs(completion: Completion, count: int) -> list[float]:
    """Summed log-probability of each detail's kind and words; 0 where there is nothing to sum."""
    matches = list(_DETAIL.finditer(completion.text))
    if len(matches) != count:
        return [0.0] * count
    sums = [0.0] * count
    at = 0
    ranges = [(len(completion.text[: m.start(1)].encode()), len(completion.text[: m.end(2)].encode())) for m in matches]
    for token in completion.tokens:
        size = token.size or len(token.text.encode())
        for i, (start, end) in enumerate(ranges):
            if at < end and start < at + size:
                sums[i] += token.logprob
        at += size
    return sums
