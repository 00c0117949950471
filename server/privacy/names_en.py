"""Names in English: with a title, after a label, or where somebody says who they are."""

import re
from collections.abc import Iterator, Sequence

from server.privacy.spans import Span, is_beside
from server.privacy.words import GIVEN_NAMES, NO_NAME_EN, PINYIN_SURNAMES

_W = r"[A-Za-z][A-Za-z'-]*"
_CAP = r"[A-Z][A-Za-z'-]*"
# Small words inside a name: van der Berg, del Carmen, bin Saleh.
_PARTICLE_WORDS = "van von der den de del della di da dos du la le ter ten bin binti ibn al el"
_PARTICLE = f"(?:{_PARTICLE_WORDS.replace(' ', '|')})"
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_MORE = rf"(?:\s(?:{_PARTICLE}\s){{0,3}}{_CAP}){{0,2}}"
_CAPS = rf"{_CAP}{_MORE}"
_TITLE_EN = re.compile(
    rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Madam|Sir|Mister|Doctor|Captain|mr|mrs|ms|dr|MR|MRS|MS|DR)\b\.?\s+"
    rf"(?P<name>(?:{_PARTICLE}\s){{0,3}}{_CAPS}|[a-z]{{2,}}(?![a-z]))"
)
_NAME_IS = re.compile(
    rf"(?i:\b(?:(?:full |first |last |sur|given |real |legal )?name(?:'s| is|\s?[:=]|\s-)|\bi am called|"
    rf"\bi'm called|they call me|\bnames?(?= [A-Z])(?!\s(?:on|of|in|and|or|for|to)\b))\s*)"
    rf"(?P<name>{_W}(?:\s{_W}){{0,4}})"
)
_NAME_ON = re.compile(
    rf"(?i:\b(?:(?:full|legal|real) name|name (?:on|for|of) (?:(?:the|my|this) )?[a-z]{{2,12}})(?:\s?[:=-]|\sis)?"
    rf"\s+)(?P<name>{_CAPS})"
)
_I_AM = re.compile(rf"(?i:\b(?:i'm|i am|im|this is|it's|it is|here is|i go by)\s+)(?P<name>{_W}{_MORE})")
_HERE = re.compile(
    rf"(?:^|(?<=[.,!?] )|(?i:hi|hello|hey),?\s)(?P<name>{_CAP}(?:\s{_CAP}){{0,2}})\s(?i:here|speaking)\b(?!\s(?i:is|"
    rf"are|was))"
)
_CALL_ME = re.compile(
    rf"(?i:\b(?:call me|address me as|ask for|speak(?:ing)? (?:to|with)|spoke (?:to|with)|talked to)"
    rf"\s+)(?P<name>{_CAPS})"
)
_LABEL_EN = re.compile(
    r"(?i:\b(?:account holder|card ?holder|contact person|contact|recipient|addressee|attn|attention|owner|"
    r"registered (?:to|under|in the name of)|"
    r"under the name(?: of)?|in the name of|account is under|belongs to|customer|subscriber|tenant|landlord|husband|"
    r"wife|son|daughter|mother|father|"
    r"brother|sister|friend|colleague|flatmate|neighbour|boss|dear|on behalf of|payee|sender|receiver|applicant|"
    r"passenger|holder|technician|agent|put (?:it|this|that|everything) under|signed by|addressed to|made out to|"
    r"billed to)"
    rf"\s?(?:name)?(?:\s?[:,=-]|'s name is|\sis(?:\scalled)?|\snamed|\scalled)?\s+)(?P<name>{_CAPS})"
)
_INITIALS = re.compile(
    r"(?:(?i:\b(?:mr|mrs|ms|dr|prof|name(?:'s| is|:)?|i am|i'm|this is|signed by|regards,|contact|recipient|"
    rf"holder|attn)[.:]?)\s+)(?P<name>(?:[A-Z]\.\s?){{1,3}}{_CAP}{_MORE})"
)
_REACHED = re.compile(
    rf"(?i:\b(?:reach|contact|call|ask|tell|email|text|meet|phone|with|for|to|from|by|and)\s)(?P<name>{_CAP})(?="
    rf"\s(?i:at|on|if|directly|about|instead|yesterday|today|again|from)\b)"
)
_GREETED = re.compile(
    rf"(?i:\b(?:hi|hello|hey|thanks|thank you|morning|evening|afternoon),?\s)(?P<name>{_CAP})(?=$|[,.!;])"
)
_SIGNED = re.compile(
    rf"(?i:\b(?:kind regards|best regards|warm regards|regards|thanks|thank you|many thanks|cheers|yours(?: truly|"
    rf" sincerely| faithfully)?|sincerely|best|best wishes)"
    rf"\s?[,!.\n-]+\s?)(?P<name>{_CAP}(?:\s{_CAP}){{0,2}})\s?[.!]?$"
)
_SUFFIX_NO_NAME = re.compile(r"(?:ing|ed|ish|ese|ful|less|ous|able|ible|ly)$")
_MONTHS_AND_VERBS = frozenset(
    [
        "april",
        "may",
        "june",
        "august",
        "will",
        "mark",
        "grace",
        "frank",
        "bill",
        "jade",
        "april",
        "sue",
        "rob",
        "pat",
        "drew",
    ]
)
_WORDS_AS_SURNAMES = frozenset(
    [
        "green",
        "white",
        "black",
        "brown",
        "young",
        "king",
        "long",
        "short",
        "small",
        "rich",
        "gray",
        "grey",
        "west",
        "north",
        "london",
        "paris",
        "day",
        "may",
        "march",
        "french",
        "english",
        "holland",
        "ireland",
        "german",
        "love",
        "best",
        "good",
        "free",
        "savage",
        "law",
        "bishop",
    ]
)
_NOT_A_SURNAME_TOO = frozenset(
    [
        "from",
        "and",
        "or",
        "but",
        "in",
        "at",
        "on",
        "with",
        "my",
        "the",
        "is",
        "i",
        "i'm",
        "calling",
        "here",
        "speaking",
        "mr",
        "mrs",
        "phone",
        "number",
        "email",
        "id",
    ]
)


def find(text: str) -> Iterator[Span]:
    """Names in English text."""
    for match in _TITLE_EN.finditer(text):
        yield from _given(match, loose=True)
    for match in _NAME_IS.finditer(text):
        yield from _given(match, loose=True, lower=True)
    for match in _I_AM.finditer(text):
        yield from _introduced(match)
    for match in _NAME_ON.finditer(text):
        yield from _given(match, loose=True)
    for match in _INITIALS.finditer(text):
        if match["name"].split()[-1].lower() not in NO_NAME_EN:
            yield Span(*match.span("name"), "NAME")
    for pattern in (_HERE, _CALL_ME, _SIGNED):
        for match in pattern.finditer(text):
            yield from _given(match, loose=False)
    for pattern in (_GREETED, _REACHED):
        for match in pattern.finditer(text):
            if match["name"].lower() in GIVEN_NAMES - _MONTHS_AND_VERBS:
                yield Span(*match.span("name"), "NAME")
    for match in _LABEL_EN.finditer(text):
        yield from _given(match, loose=False)


def _introduced(match: re.Match[str]) -> Iterator[Span]:
    """After "I'm": a known given name in any case, or capitalised words that are nothing else."""
    words = match["name"].split()
    first = words[0].lower().removesuffix("'s")
    if first in GIVEN_NAMES and not (first in NO_NAME_EN and not words[0][0].isupper()):
        if first not in _MONTHS_AND_VERBS or words[0][0].isupper():
            rest = _LOWER_SURNAME.match(match.string, match.end("name")) if words == [words[0].lower()] else None
            if rest and not _is_other_word(rest["surname"]):
                yield Span(match.start("name"), rest.end("surname"), "NAME")
            else:
                yield from _given(match, loose=True, lower=True)
    elif words[0][0].isupper():
        yield from _given(match, loose=False)
    elif first in PINYIN_SURNAMES and first not in {
        "he",
        "long",
        "wan",
        "fan",
        "ren",
        "song",
        "tan",
        "fang",
        "mo",
        "lam",
    }:
        rest = re.match(r"\s(?P<given>[a-z]{2,12})(?=$|[,.!]|\s(?:and|here|from|,))", match.string[match.end("name") :])
        if rest and rest["given"] not in NO_NAME_EN:
            yield Span(match.start("name"), match.end("name") + rest.end("given"), "NAME")


# "i am john mcallister": the line ends there, or a comma follows.
_LOWER_SURNAME = re.compile(r"\s(?P<surname>[a-z]{4,15})(?=$|[,.!])")


def _is_other_word(word: str) -> bool:
    return word in NO_NAME_EN or word in _NOT_A_SURNAME_TOO or _SUFFIX_NO_NAME.search(word) is not None


def _given(match: re.Match[str], *, loose: bool, lower: bool = False) -> Iterator[Span]:
    """The part of ``name`` that is one: words are taken as long as they may belong to it."""
    start = match.start("name")
    end = joined = start
    for at, word in enumerate(re.finditer(_W, match["name"])):
        bare = re.sub(r"'s?$", "", word[0])
        plain = bare.lower()
        if bare in _PARTICLES and (at or loose):
            joined = start + word.end()  # counts if a name follows
            continue
        # A surname may be a colour or a town; the first word of a name may not.
        is_word = plain in NO_NAME_EN and not (plain in GIVEN_NAMES and bare[0].isupper() and not loose)
        if is_word and not (at and bare[0].isupper() and plain in _WORDS_AS_SURNAMES):
            break
        if plain in _NOT_A_SURNAME_TOO or (at and lower and not bare[0].isupper() and match["name"][0].isupper()):
            break
        odd = _SUFFIX_NO_NAME.search(plain) or len(bare) < 2 or bare.isupper()
        if not loose and not at and plain not in GIVEN_NAMES and odd:
            break
        if at and start + word.start() != max(end, joined) + 1:
            break
        end = start + word.start() + len(bare)
        if bare != word[0]:
            break
    if end > start:
        yield Span(start, end, "NAME")


_ALONE_EN = re.compile(
    r"(?:^|(?<=[,;:/|]\s)|(?<=[,;:/|]))(?P<name>[A-Z][a-z'-]+(?:\s[A-Z][a-z'-]+){0,2})(?=$|[,;/|.]|\s\+?\d)"
)


def beside(text: str, known: Sequence[Span]) -> Iterator[Span]:
    """Names that stand alone next to other personal data: "Tom, 13800138000"."""
    for match in _ALONE_EN.finditer(text):
        first = match["name"].split()[0].lower()
        is_name = first in GIVEN_NAMES or (first in PINYIN_SURNAMES and " " in match["name"])
        if is_name and is_beside(text, match.span("name"), known):
            yield Span(*match.span("name"), "NAME")
