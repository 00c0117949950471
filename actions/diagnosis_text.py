"""A customer's words made comparable: normalised, cut into statements, and what each says about on, off, yes and no."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from actions import diagnosis_words as w
from server.nlu.text import align

_LONGEST = 1_500
_ASCII = re.compile(r"[a-z0-9]")
_CJK = re.compile(r"[\u3400-\u9fff]")
_TOPIC_OF = {term: topic for topic, terms in w.TOPICS.items() for term in terms}


def _term(term: str) -> str:
    """A term as a pattern: whole words in English, anywhere in Chinese."""
    body = re.escape(term).replace(r"\ ", r"\s*")
    left = r"(?<![a-z0-9])" if _ASCII.match(term[0]) else ""
    right = r"(?:s|'s|ed|ing)?(?![a-z0-9])" if _ASCII.match(term[-1]) else ""
    return f"{left}{body}{right}"


_TOPIC = re.compile("|".join(f"({_term(term)})" for term in sorted(_TOPIC_OF, key=len, reverse=True)))
_TOPICS_IN_ORDER = [_TOPIC_OF[term] for term in sorted(_TOPIC_OF, key=len, reverse=True)]


@dataclass(frozen=True, slots=True)
class Clause:
    """One statement. `joined`: it goes on what the one before began ("storage and SMS are allowed")."""

    text: str
    topics: frozenset[str]
    joined: bool = False


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Lower case, simplified, without symbols and repeated spaces; what follows a limit is cut."""
    text = text[:_LONGEST]
    for symbol, words in w.SYMBOLS.items():
        text = text.replace(symbol, words)
    return "\n".join(line for line in map(_plain_line, text.splitlines()) if line)


def _plain_line(line: str) -> str:
    normal = align(line).text.casefold().replace("’", "'").replace("著", "着")
    return re.sub(r"\s+", " ", normal).strip()


@lru_cache(maxsize=8192)
def topics(text: str) -> frozenset[str]:
    """What a normalised text speaks of; "data saver" is not also "data"."""
    found = set()
    for match in _TOPIC.finditer(text):
        found.add(_TOPICS_IN_ORDER[(match.lastindex or 1) - 1])
    return frozenset(found)


def clauses(text: str) -> list[Clause]:
    """The statements of a normalised text, in order."""
    found: list[Clause] = []
    start, joined = 0, False
    for match in [*w.SEPARATORS.finditer(text), None]:
        end = match.start() if match else len(text)
        piece = text[start:end].strip(" .:：-—\"'“”()（）\t")
        if piece:
            found.append(Clause(piece, topics(piece), joined))
        if match:
            joined = bool(w.JOINING.fullmatch(match.group()))
            start = match.end()
    return found


def polarity(text: str) -> int:
    """+1 where a statement says on, yes or there; -1 for off, no or absent; 0 where it says neither."""
    return value_polarity(text) or _polarity(text)


def value_polarity(text: str) -> int:
    """The polarity of what stands after the colon of a copied line, "Mobile data enabled: No"; 0 without one."""
    head, _, tail = text.partition(":")
    return _polarity(tail) if head and tail.strip() and not tail.startswith("//") else 0


@lru_cache(maxsize=8192)
def _polarity(text: str) -> int:
    text = w.MASKED.sub(" ", text)
    marks = sorted(
        [(match.start(), match.end(), kind) for kind, pattern in (("on", w.ON), ("off", w.OFF), ("not", w.NEGATION))
         for match in pattern.finditer(text)],
        key=lambda mark: (mark[0], -mark[1]),
    )  # fmt: skip
    negated, seen, reached = 0, 0, -1
    value = 0
    there = False
    for start, end, kind in marks:
        if start < reached:
            continue
        reached = end
        if kind == "not":
            if value > 0 and there and negated == seen:
                return -1  # "there is nothing", "it shows no": what is there is that it is not
            negated += 1
        elif not value:
            value = 1 if kind == "on" else -1
            there = bool(w.THERE.fullmatch(text[start:end]))
            seen = negated
        elif kind == "off" and value > 0:
            # "I see airplane mode is off": the later, narrower word decides.
            value, seen = -1, negated
    if value:
        return value * (-1 if seen % 2 else 1)
    return -1 if negated else 0


@lru_cache(maxsize=8192)
def explicit(text: str) -> bool:
    """Whether a statement says on or off by itself: "enabled", "greyed out", not only "there is" or "not"."""
    text = w.MASKED.sub(" ", text)
    return bool(w.OFF.search(text) or w.ON.search(w.THERE.sub(" ", text)))


def hedged(text: str) -> bool:
    """Whether a statement says that its speaker does not know, or cannot do what was asked."""
    return bool(w.UNSURE.search(text) or w.REFUSED.search(text))


def service_lost(text: str) -> bool:
    """Whether somebody lost their signal or service; who lost the phone itself says something else."""
    return bool(w.SERVICE_LOST.search(plain(text)))


def did(text: str) -> bool:
    """Whether somebody says what they did, and of no trouble."""
    said = plain(text)
    return bool(w.DID.search(said)) and not (w.BROKEN.search(said) or w.STILL.search(said) or w.NOT_FINE.search(said))


def says_yes(text: str) -> bool:
    """Whether an answer begins with yes or is one."""
    return bool(w.YES.search(text))


def says_no(text: str) -> bool:
    """Whether an answer begins with no or is one."""
    return bool(w.NO.search(text))


def is_fine(text: str) -> bool:
    """Whether a statement says that things are as they should be."""
    return bool(w.FINE.search(text)) and not w.NOT_FINE.search(text)


def is_wrong(text: str) -> bool:
    """Whether a statement says that something is not as it should be."""
    return bool(w.NOT_FINE.search(text))


def without_topics(text: str) -> str:
    """A normalised text without the things that it speaks of."""
    return _TOPIC.sub(" ", text)


def words(text: str) -> int:
    """Length as a reader feels it: Chinese characters count one, English words one."""
    return len(_CJK.findall(text)) + len(re.findall(r"[a-z0-9']+", text))
