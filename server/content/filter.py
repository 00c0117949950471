"""Phrases by class, with the phrases around them that mean no harm.

A phrase is plain text: no pattern language, so that nobody edits a list into something that matches everything or
never ends. ``*`` stands for up to eight characters in Chinese, up to three words in English.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

CLASSES: Final = ("self_harm", "threat", "illegal", "abuse", "forbidden")
"""In the order in which they are looked for. ``forbidden`` is for the bot's replies, the others for customers."""
CUSTOMER_CLASSES: Final = CLASSES[:-1]
MAX_PHRASES = 2000
MAX_PHRASE_CHARACTERS = 100
_FILE = Path(__file__).with_name("lists.toml")
_HAN = "\u3400-\u9fff"
_LEAST_HAN, _LEAST_WORDS = 6, 2
"""As much beside an insult is a request that deserves an answer."""


class ListsError(ValueError):
    """Lists that cannot be used; the message names the class and the phrase."""


@dataclass(frozen=True, slots=True)
class Lists:
    """``phrases`` and ``harmless`` (what a phrase is part of without meaning it) by class."""

    phrases: Mapping[str, tuple[str, ...]]
    harmless: Mapping[str, tuple[str, ...]]

    def to_json(self) -> dict[str, dict[str, list[str]]]:
        """As in the file and over REST."""
        return {name: {"phrases": list(self.phrases[name]), "harmless": list(self.harmless[name])} for name in CLASSES}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: the class and the phrase of the list; ``alone`` where the message says nothing else."""

    kind: str
    phrase: str
    alone: bool


class ContentFilter:
    """Lists, ready to be matched."""

    def __init__(self, lists: Lists) -> None:
        self.lists = lists
        self._wanted = {name: _pattern(lists.phrases[name]) for name in CLASSES}
        self._harmless = {name: _pattern(lists.harmless[name]) for name in CLASSES}

    def of_customer(self, text: str) -> Verdict | None:
        """The gravest class of a customer's message."""
        plain = _plain(text)
        return next((found for name in CUSTOMER_CLASSES if (found := self._look(name, plain))), None)

    def of_reply(self, text: str) -> Verdict | None:
        """Why the bot must not say this: something forbidden, an insult or a threat; None where it may."""
        plain = _plain(text)
        return next((found for name in ("forbidden", "abuse", "threat") if (found := self._look(name, plain))), None)

    def _look(self, name: str, plain: str) -> Verdict | None:
        wanted, harmless = self._wanted[name], self._harmless[name]
        if wanted is None:
            return None
        if harmless is not None:
            plain = harmless.sub(" · ", plain)
        match = wanted.search(plain)
        if match is None:
            return None
        rest = wanted.sub(" ", plain)
        alone = len(re.findall(f"[{_HAN}]", rest)) < _LEAST_HAN and len(re.findall(r"[a-z]{2,}", rest)) < _LEAST_WORDS
        return Verdict(name, match[0].strip(), alone)


def parse(given: Any) -> Lists:
    """Checked lists.

    Raises:
        ListsError: A class is unknown, or a phrase too short, too long or no text.
    """
    if not isinstance(given, Mapping):
        raise ListsError("the lists are a table of classes")
    unknown = sorted(set(given) - set(CLASSES))
    if unknown:
        raise ListsError(f"class '{unknown[0]}' does not exist: use {', '.join(CLASSES)}")
    found: dict[str, dict[str, tuple[str, ...]]] = {"phrases": {}, "harmless": {}}
    for name in CLASSES:
        table = given.get(name, {})
        if not isinstance(table, Mapping) or set(table) - set(found):
            raise ListsError(f"class '{name}' has the lists phrases and harmless and nothing else")
        for part, collected in found.items():
            collected[name] = _phrases(name, table.get(part, []))
    return Lists(found["phrases"], found["harmless"])


def load(path: Path) -> Lists:
    """The lists of a file.

    Raises:
        ListsError: The file cannot be read or used.
    """
    try:
        return parse(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ListsError) as error:
        raise ListsError(f"{path}: {error}") from error


@cache
def builtin() -> Lists:
    """The lists that come with the product."""
    return load(_FILE)


def _phrases(name: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or len(given) > MAX_PHRASES:
        raise ListsError(f"class '{name}': a list has at most {MAX_PHRASES} phrases")
    for phrase in given:
        if not isinstance(phrase, str) or not len(_plain(phrase, keep_star=True).replace("*", "").strip()) >= 2:
            raise ListsError(f"class '{name}': phrase {phrase!r} needs two characters or more besides *")
        if len(phrase) > MAX_PHRASE_CHARACTERS:
            raise ListsError(
                f"class '{name}': phrase {phrase[:20]!r}… has more than {MAX_PHRASE_CHARACTERS} characters"
            )
    return tuple(dict.fromkeys(given))


def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str] | None:
    if not phrases:
        return None
    return re.compile(
        "|".join(_expression(_plain(phrase, keep_star=True)) for phrase in sorted(phrases, key=len, reverse=True))
    )


def _expression(phrase: str) -> str:
    chinese = re.search(f"[{_HAN}]", phrase) is not None
    gap = f"[{_HAN}a-z0-9]{{0,8}}?" if chinese else r"(?:[a-z']+ ){0,3}?"
    parts = [re.escape(part.strip() if chinese else part.lstrip()) for part in phrase.split("*")]
    if chinese:
        return gap.join(parts)
    return rf"(?<![a-z]){gap.join(parts)}(?![a-z])"


def _plain(text: str, *, keep_star: bool = False) -> str:
    """Folded, without what is put between characters to hide them; spaces between Chinese characters go."""
    folded = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    visible = "".join(one for one in folded if unicodedata.category(one) != "Cf")
    hidden = r"[\s·._\-~]" if keep_star else r"[\s*·._\-~]"
    joined = re.sub(rf"(?<=[{_HAN}]){hidden}+(?=[{_HAN}])", "", visible)
    return re.sub(r"\s+", " ", joined)
