"""Reads a customer's answer to a check or a fix: pure, from the words alone; `Reading` says what was found.

What an answer tells is looked for in this order: wordings of the graph, the thing spoken of with on or off, a bare yes
or no, a number. A text that tells nothing this way is compared by meaning (`by_meaning`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from actions import diagnosis_words as w
from actions.diagnosis_lexicon import FacetWords, Lexicon, weigh
from actions.diagnosis_text import (
    Clause,
    clauses,
    explicit,
    hedged,
    is_fine,
    plain,
    polarity,
    says_no,
    says_yes,
    topics,
    value_polarity,
    without_topics,
    words,
)
from kg.model import Who

Result = Literal["", "solved", "still", "done", "unsure", "refused"]
Aside = Literal["", "why", "explain", "forget"]

_COPIED_FACETS = 2
_LONG_PHRASE = 8
"""Weight from which a wording of the graph says more than on or off."""
_PHRASED = 10
_COLOURED = 4
_PAIR = 2
_SHORT = 3
"""Words of an answer that only says what, not of which thing."""
_LONGEST_BARE = 14
"""Words up to which an answer that begins with yes or no is one."""
_RESULT_OF: dict[int, Result] = {0: "", 1: "solved", -1: "still"}
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
_ASKING = re.compile(r"[吗么呢]?\s*[?？]?\s*$")
_PARTICLES = re.compile(r"[嗯啊吧的是呢哦哈又都已经终于\s,，。.!！~]")
SURE = 0.62
CLEAR = 0.06
"""Similarity that an unseen wording needs, and its distance from the next outcome."""

Similar = Callable[[str, Sequence[str]], list[float]]
"""Cosine similarities of one text with others."""


@dataclass
class Reading:
    """What a message tells: outcomes of the open check, facts about other facets, fixes tried before, and the rest."""

    outcomes: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    result: Result = ""
    aside: Aside = ""
    about: str = ""
    """The facet of the open check that was named, and no more said of it."""

    @property
    def empty(self) -> bool:
        """Whether nothing was found."""
        return not (self.outcomes or self.facts or self.tried or self.result or self.aside)


def read_check(lexicon: Lexicon, check: str, text: str, others: Iterable[str] = (), about: str = "") -> Reading:
    """Read the answer to a check.

    Args:
        lexicon: Words of the graph.
        check: The open check.
        text: What the customer wrote.
        others: Facets of other checks, about which facts may be told besides; what comes first is preferred.
        about: The facet that was asked about last, where it was one alone.
    """
    said = plain(text)
    found = Reading(aside=_aside(said))
    if not said:
        return found
    node = lexicon.graph.checks[check]
    own = [lexicon.facet(facet.id) for facet in node.facets.values()]
    parts = clauses(said)
    found.tried = _tried(lexicon, parts)
    if found.aside and not _states(parts):
        return found
    asked = [facet for facet in own if facet.facet.id == about] or own
    found.outcomes = _own_outcomes(asked, parts, said)
    if not found.outcomes and asked is not own:
        found.outcomes = _own_outcomes(own, parts, said)
    found.facts = _facts(lexicon, parts, others, {facet.facet.id for facet in own}, found.outcomes)
    if not found.outcomes:
        if w.REFUSED.search(said):
            found.result = "refused"
        elif w.UNSURE.search(said):
            found.result = "unsure"
        elif not found.facts and not found.tried and not found.aside:
            found.outcomes = _bare(asked, said)
            found.about = _about_one(own, parts, said)
    return found


def _about_one(own: list[FacetWords], parts: list[Clause], said: str) -> str:
    """The one thing of several that was named; for a bare yes or no to two questions, the one asked last."""
    named = {facet.facet.id for clause in parts for facet in _spoken(own, clause)}
    if len(named) == 1 < len(own):
        return named.pop()
    bare = words(said) <= _SHORT and (says_yes(said) or says_no(said))
    return own[-1].facet.id if bare and not named and len(own) == _PAIR else ""


def read_facts(lexicon: Lexicon, text: str, facets: Iterable[str]) -> Reading:
    """Read what a message tells unasked: facts about facets, and fixes tried before."""
    parts = clauses(plain(text))
    return Reading(facts=_facts(lexicon, parts, facets, set(), {}), tried=_tried(lexicon, parts))


def read_fix(
    lexicon: Lexicon,
    text: str,
    *,
    question: str,
    retest: str,
    complaint: Mapping[str, Collection[str]],
    others: Iterable[str] = (),
) -> Reading:
    """Read the answer to a fix, or to the question whether it helped.

    Args:
        lexicon: Words of the graph.
        text: What the customer wrote.
        question: The question whether the symptom is gone, in the customer's language; "" where none was asked.
        retest: The check that shows it; "" where the symptom names none.
        complaint: Facets of that check which show the symptom itself, with the outcomes that do.
        others: Facets of other checks, about which facts may be told besides.
    """
    said = plain(text)
    found = Reading(aside=_aside(said))
    parts = clauses(said)
    if found.aside and not _states(parts):
        return found
    shown = {facet: outcome for facet, outcome in _shown(lexicon, retest, parts).items() if facet in complaint}
    found.facts = _facts(lexicon, parts, others, set(), {})
    if question:
        found.result = _helped(_about(lexicon, parts, found.facts, question) if found.facts else said, plain(question))
    else:
        found.result = _done(said)
    if question and shown:
        bad = any(outcome in complaint[facet] for facet, outcome in shown.items())
        found.result = "still" if bad or found.result == "still" else "solved"
    return found


def recurred(text: str, question: str) -> bool:
    """Whether a message says that a trouble which was solved is there after all; `question`: whether it is gone."""
    said = plain(text)
    return bool(w.RECURRED.search(said)) and _helped(said, plain(question)) == "still"


def goes_on(text: str) -> bool:
    """Whether a message says that a trouble is still there, or that what was advised was tried before."""
    said = plain(text)
    return bool(w.STILL.search(said) or w.TRIED.search(said)) and _helped(said, "") in {"still", "done"}


def by_meaning(
    lexicon: Lexicon,
    check: str,
    text: str,
    similar: Similar,
    *,
    known: Iterable[str] = (),
    sure: float = SURE,
    clear: float = CLEAR,
) -> dict[str, str]:
    """Outcomes of a check that an unseen wording most nearly means: by facet, only where one is clearly nearest.

    Args:
        lexicon: Words of the graph.
        check: The open check.
        text: What the customer wrote.
        similar: Comparison by meaning.
        known: Facets that the words told already; of a check with several, only what speaks of the others is compared.
        sure: Similarity that is needed.
        clear: Distance from the next outcome that is needed.
    """
    node = lexicon.graph.checks[check]
    single = len(node.facets) == 1
    told = set(known)
    open_facets = [lexicon.facet(facet.id) for facet in node.facets.values() if facet.id not in told]
    found: dict[str, tuple[str, float]] = {}
    for clause in [Clause(plain(text), topics(plain(text)))] if single else clauses(plain(text)):
        spoken = [facet for facet in open_facets if facet.topics & clause.topics]
        if told and not spoken:
            continue
        ranked: list[tuple[float, str, str]] = []
        for facet in spoken if clause.topics and not single else open_facets:
            for outcome, wordings in lexicon.outcome_texts(facet.facet.id).items():
                scores = similar(clause.text, wordings)
                fits = [
                    score
                    for score, wording in zip(scores, wordings, strict=True)
                    if not _contradicts(clause.text, plain(wording))
                ]
                if fits:
                    ranked.append((max(fits), facet.facet.id, outcome))
        ranked.sort(reverse=True)
        if not ranked or ranked[0][0] < sure:
            continue
        best, facet_id, outcome = ranked[0]
        rest = [score for score, other, name in ranked[1:] if (other, name) != (facet_id, outcome)]
        if (not rest or best - rest[0] >= clear) and best > found.get(facet_id, ("", 0.0))[1]:
            found[facet_id] = (outcome, best)
    return {facet: outcome for facet, (outcome, _) in found.items()}


def helped_by_meaning(text: str, similar: Similar, *, sure: float = SURE, clear: float = CLEAR) -> Result:
    """Whether a fix helped, where only the meaning of the words tells; "" where it does not."""
    said = plain(text)
    near = {result: max(similar(said, wordings)) for result, wordings in w.RESULTS.items()}
    best = max(near, key=lambda result: near[result])
    other = min(near.values())
    if near[best] < sure or near[best] - other < clear:
        return ""
    return "solved" if best == "solved" else "still"


# --------------------------------------------------------------------------- checks


def _own_outcomes(own: list[FacetWords], parts: list[Clause], said: str) -> dict[str, str]:
    found: dict[str, tuple[str, int]] = {}
    single = len(own) == 1
    waiting: list[tuple[FacetWords, bool]] = []
    named: list[FacetWords] = []
    for clause in parts:
        if hedged(clause.text):
            _hedged_wording(own, clause, found)
            continue
        spoken = _spoken(own, clause)
        for facet in spoken:
            _note(found, facet, *_value(facet, clause, alone=single or len(spoken) == 1))
        if spoken and polarity(clause.text) == 0 and not any(facet.facet.id in found for facet in spoken):
            waiting += [(facet, words(without_topics(clause.text)) <= 1) for facet in spoken]
            named += spoken
            continue
        if clause.joined or w.BOTH.search(clause.text):
            # "storage and SMS are allowed", "data is on the left and grey" go on; "a plane up there and no bars" not.
            for facet, bare in waiting:
                if bare or not spoken:
                    _note(found, facet, *_value(facet, clause, alone=True))
        if not spoken:
            _without_topic(own, clause, found)
        waiting = []
    _only(own, parts, found)
    for facet in named:
        # Only named: a symbol that is there, or the one thing that stands out.
        if not single and facet.named and facet.facet.id not in found and not w.UNSURE.search(said):
            _note(found, facet, facet.named, 1)
    for facet in own:
        outcome, weight = facet.whole_hit(said)
        _note(found, facet, outcome, weight + _PHRASED)
    outcomes = {name: outcome for name, (outcome, _) in found.items()}
    return outcomes if single else _completed(own, parts, said, outcomes)


def _completed(own: list[FacetWords], parts: list[Clause], said: str, outcomes: dict[str, str]) -> dict[str, str]:
    """What the order or the kind of the statements tells of a check with several facets."""
    in_order = _in_order(own, parts) if len(outcomes) < len(own) else {}
    if outcomes.items() <= in_order.items():
        return in_order
    if "|" in said and len(outcomes) >= _COPIED_FACETS:
        return _absent_in_status_line(own) | outcomes
    return outcomes


def _in_order(own: list[FacetWords], parts: list[Clause]) -> dict[str, str]:
    """Short statements without a name, as many as things were asked about: each is about the next of them."""
    if len(parts) != len(own) or any(part.topics or words(part.text) > _SHORT for part in parts):
        return {}
    found = {}
    for facet, clause in zip(own, parts, strict=True):
        outcome = _value(facet, clause, alone=True)[0]
        bare = facet.no if says_no(clause.text) else facet.yes if says_yes(clause.text) else ""
        found[facet.facet.id] = outcome or bare
    return found if all(found.values()) else {}


def _hedged_wording(own: list[FacetWords], clause: Clause, found: dict[str, tuple[str, int]]) -> None:
    """Not knowing, as in "I can't find it", is no outcome, unless an outcome is called so in just these words."""
    for facet in own:
        outcome, weight = facet.hit(clause.text, generic=False)
        if outcome and 2 * weight >= weigh(clause.text):
            _note(found, facet, outcome, weight)


def _spoken(own: list[FacetWords], clause: Clause) -> list[FacetWords]:
    """The facets that a statement is about; a check with one facet is spoken of wherever nothing else is."""
    spoken = [facet for facet in own if facet.topics & clause.topics]
    if spoken or len(own) > 1:
        return spoken
    return own if not clause.topics or not own[0].topics or w.BOTH.search(clause.text) else []


def _note(found: dict[str, tuple[str, int]], facet: FacetWords, outcome: str, weight: int) -> None:
    """Of two statements about one facet the more particular counts, of equal ones the later: people correct them."""
    if outcome and weight >= found.get(facet.facet.id, ("", 0))[1]:
        found[facet.facet.id] = (outcome, weight)


def _value(facet: FacetWords, clause: Clause, *, alone: bool) -> tuple[str, int]:
    """The outcome that a statement about a facet means, and how particular it is; ("", 0) where it means none."""
    text, topical = clause.text, bool(facet.topics & clause.topics)
    sign = polarity(text)
    by_sign = facet.by_polarity.get(sign, "")
    outcome, weight = facet.hit(text, generic=topical or alone)
    number = facet.by_number(text)
    short = words(text) <= _LONGEST_BARE
    plainly = explicit(text)
    if not plainly and len(facet.facet.outcomes) > 2:
        by_sign = ""  # of several outcomes none is just "there" or "not"
    fits = facet.good_or_bad(text) if topical or (alone and short) else ""
    after_colon = facet.by_polarity.get(value_polarity(text), "")
    ranked = [
        (after_colon if topical else "", _LONG_PHRASE + _PHRASED),
        (outcome if weight > _LONG_PHRASE or not (topical and by_sign) else "", weight + _PHRASED),
        (by_sign if topical and not (sign < 0 and w.BROKEN.search(text)) else "", 5),
        (outcome, weight),
        (facet.by_colour(text) if topical or alone else "", _COLOURED),
        (number, 4),
        (fits, 3),
        (by_sign if alone and short else "", 2 if plainly or sign > 0 else 1),
    ]
    return next((found for found in ranked if found[0]), ("", 0))


def _only(own: list[FacetWords], parts: list[Clause], found: dict[str, tuple[str, int]]) -> None:
    """ "Only SMS is allowed" says of two things that the other is not."""
    if len(own) != 2:
        return
    for clause in parts:
        spoken = _spoken(own, clause)
        if len(spoken) == 1 and w.ONLY.search(clause.text) and polarity(clause.text) > 0:
            other = own[1 - own.index(spoken[0])]
            if other.facet.id not in found and -1 in other.by_polarity:
                _note(found, other, other.by_polarity[-1], 1)


def _without_topic(own: list[FacetWords], clause: Clause, found: dict[str, tuple[str, int]]) -> None:
    """A statement that names none of the facets: a wording that only one of them has, or one for all of them."""
    if clause.topics:
        return
    hits = [(facet, *facet.hit(clause.text, generic=False)) for facet in own]
    named = [(facet, outcome, weight) for facet, outcome, weight in hits if outcome]
    if len(named) == 1:
        facet, outcome, weight = named[0]
        _note(found, facet, outcome, weight)
        return
    coloured = {facet.facet.id: (outcome, _COLOURED) for facet in own if (outcome := facet.by_colour(clause.text))}
    normal = {facet.facet.id for facet in own if coloured.get(facet.facet.id, ("",))[0] == facet.facet.normal}
    if len(coloured) == 1 or normal == coloured.keys() != set():
        for name, value in coloured.items():
            found.setdefault(name, value)
        return
    if is_fine(clause.text) and words(clause.text) <= _LONGEST_BARE:
        for facet in own:
            found.setdefault(facet.facet.id, (facet.facet.normal, 0))
        return
    sign = polarity(clause.text)
    if sign and w.BOTH.search(clause.text) and w.LIGHTS.search(clause.text):
        # All are lit, or none: that says which have power, not in which colour they are.
        for facet in own:
            if outcome := facet.by_polarity.get(sign, ""):
                _note(found, facet, outcome, 1)
        return
    if sign and (w.BOTH.search(clause.text) or words(clause.text) <= 2):
        values = [(facet, facet.by_polarity.get(sign, "")) for facet in own]
        if all(outcome for _, outcome in values) and len(own) == 2:
            for facet, outcome in values:
                found.setdefault(facet.facet.id, (outcome, 1))


def _absent_in_status_line(own: list[FacetWords]) -> dict[str, str]:
    """A copied status line shows a symbol only while a thing is on: what it leaves out is off."""
    return {facet.facet.id: facet.facet.normal for facet in own if facet.by_polarity.get(-1) == facet.facet.normal}


def _bare(own: list[FacetWords], said: str) -> dict[str, str]:
    """A yes, a no, or "all fine"."""
    if len(own) == 1:
        facet = own[0]
        if words(said) <= _LONGEST_BARE:
            if says_no(said) and facet.no:
                return {facet.facet.id: facet.no}
            if says_yes(said) and facet.yes:
                return {facet.facet.id: facet.yes}
        return {}
    if words(said) <= _LONGEST_BARE and is_fine(said):
        return {facet.facet.id: facet.facet.normal for facet in own}
    if says_no(said) and words(said) <= 4:
        absent = {facet.facet.id: facet.by_polarity.get(-1, "") for facet in own}
        if all(outcome == lone.facet.normal for lone, outcome in zip(own, absent.values(), strict=True)):
            return absent
    return {}


# --------------------------------------------------------------------------- facts told unasked


def _facts(
    lexicon: Lexicon, parts: list[Clause], others: Iterable[str], own: set[str], outcomes: dict[str, str]
) -> dict[str, str]:
    """Facts about facets that were not asked for; only what is said outright, each thing for one check."""
    graph = lexicon.graph
    facets = [
        lexicon.facet(name)
        for name in others
        if name not in own and graph.checks[graph.facets[name].check].who is Who.CUSTOMER
    ]
    taken = {topic for name in outcomes for topic in lexicon.facet(name).topics}
    found = {facet.facet.id: code for facet in facets for clause in parts if (code := facet.by_code(clause.text))}
    for clause in parts:
        if (
            not clause.topics
            or w.BROKEN.search(clause.text)
            or w.UNSURE.search(clause.text)
            or w.EXPLAIN.search(clause.text)
        ):
            continue
        if w.TRIED.search(clause.text):
            continue
        for facet in facets:
            spoken = facet.topics & clause.topics
            if not spoken or spoken & taken:
                continue
            outcome, weight = facet.hit(clause.text, generic=False)
            if weight < 6:
                outcome = ""
            sign = polarity(clause.text)
            if not outcome and sign and (sign > 0 or w.OFF.search(clause.text) or w.ON.search(clause.text)):
                outcome = facet.by_polarity.get(sign, "")
            if outcome:
                found[facet.facet.id] = outcome
                taken |= facet.topics
                break
    return found


def _tried(lexicon: Lexicon, parts: list[Clause]) -> list[str]:
    """Fixes that the customer says they tried before."""
    found: list[str] = []
    for clause in parts:
        if not (w.TRIED.search(clause.text) or w.DID.search(clause.text)) or not clause.topics:
            continue
        best = max((len(fix.topics & clause.topics) for fix in lexicon.fixes), default=0)
        # What the fix is about has to be said whole: "restarted the router" is not a restart of the phone.
        found += [
            fix.name
            for fix in lexicon.fixes
            if fix.topics and fix.topics <= clause.topics and len(fix.topics & clause.topics) == best
        ]
    return list(dict.fromkeys(found))


# --------------------------------------------------------------------------- fixes


def _shown(lexicon: Lexicon, retest: str, parts: list[Clause]) -> dict[str, str]:
    """What a message says about the facets of the re-test's check."""
    check = lexicon.graph.checks.get(retest)
    if check is None:
        return {}
    found = {}
    for facet in check.facets.values():
        known = lexicon.facet(facet.id)
        for clause in parts:
            if w.CONTRAST.search(clause.text):
                continue
            if known.topics & clause.topics or len(check.facets) == 1:
                outcome, weight = known.hit(clause.text, generic=False)
                if outcome and weight >= 6:
                    found[facet.id] = outcome
    return found


def _about(lexicon: Lexicon, parts: list[Clause], facts: dict[str, str], question: str) -> str:
    """What an answer says besides facts about other things: "the APN is fine" does not say that it helped."""
    checks = {lexicon.graph.facets[facet].check for facet in facts}
    facets = [facet.id for check in checks for facet in lexicon.graph.checks[check].facets.values()]
    told = {topic for facet in facets for topic in lexicon.facet(facet).topics} - topics(plain(question))
    return " , ".join(part.text for part in parts if not part.topics or not part.topics <= told)


def _helped(said: str, question: str) -> Result:
    """Whether a fix helped. What comes after a "but" counts."""
    if w.REFUSED.search(said):
        return "refused"
    certain = [part.text for part in clauses(said) if not w.UNSURE.search(part.text)]
    if w.UNSURE.search(said):
        said = " , ".join(certain)
        if not w.STILL.search(said) and not w.SOLVED.search(said):
            return "unsure"
    parts = [part for part in w.CONTRAST.split(said) if part.strip()] or [said]
    still, solved = _trouble(parts[-1]), _gone(parts[-1])
    if len(parts) > 1 and not still and not solved:
        still = bool(w.PARTLY.search(parts[-1]))
        solved = not still and _gone(parts[0])
    turned = bool(w.REVERSED.search(question))
    bare = words(said) <= _LONGEST_BARE
    if bare and not turned and says_no(said) and not _gone(said):
        return "still"
    if bare and says_yes(said) and not still and not solved:
        if w.DONE.search(said):
            return "done"
        return "still" if turned else "solved"
    if bare and turned and says_no(said) and not still:
        return "solved"
    if still and not solved:
        return "still"
    if solved and not still:
        return "solved"
    if still and solved:
        # "It works, no more drops" and "no, still not fixed": the first word decides, else the trouble.
        return "solved" if says_yes(said) and not turned else "still"
    if w.PARTLY.search(said):
        return "still"
    done = w.DONE.search(said) or (bare and (w.TRIED.search(said) or w.DID.search(said)))
    return "done" if done else _RESULT_OF[_echoed(said, question) * (-1 if turned else 1)]


def _echoed(said: str, question: str) -> int:
    """+1 where an answer repeats how the question ended ("有画面了"), -1 where it denies just that; else 0."""
    asked = _ASKING.sub("", question)
    for end in (asked, asked.removesuffix("了")):
        for length in range(len(end), 1, -1):
            head, found, tail = said.rpartition(end[-length:])
            if found and _CHINESE.fullmatch(found):
                left = "".join(char for char in _PARTICLES.sub("", head + tail) if char not in question)
                return 1 if not left else -1 if w.NEGATION.fullmatch(left) else 0
    return 0


def _gone(text: str) -> bool:
    return bool(w.SOLVED.search(w.NOT_SOLVED.sub(" ", text))) or bool(w.NO_TROUBLE.search(text))


def _trouble(text: str) -> bool:
    still = bool(w.STILL.search(w.NO_TROUBLE.sub(" ", text)))
    return still and ("still" in text or not w.NO_LONGER.search(text))


def _done(said: str) -> Result:
    """Whether a fix without a re-test was carried out."""
    if w.REFUSED.search(said):
        return "refused"
    if w.DONE.search(said) or (words(said) <= _LONGEST_BARE and (says_yes(said) or _gone(said))):
        return "done"
    if w.UNSURE.search(said):
        return "unsure"
    if says_no(said) and words(said) <= _LONGEST_BARE:
        return "refused"
    return "done" if w.TRIED.search(said) or w.STILL.search(said) else ""


# --------------------------------------------------------------------------- asides


def _aside(said: str) -> Aside:
    if w.FORGET.search(said):
        return "forget"
    if w.WHY.search(said):
        return "why"
    if w.EXPLAIN.search(said) and (words(said) <= 24) and not w.UNSURE.search(said):
        return "explain"
    return ""


def _states(parts: list[Clause]) -> bool:
    """Whether a message with a question in it also states something."""
    return any(
        polarity(part.text) and part.topics and not w.EXPLAIN.search(part.text) and not w.WHY.search(part.text)
        for part in parts
    )


def _contradicts(one: str, other: str) -> bool:
    """Whether one text denies and the other affirms: nearness of meaning does not see that."""
    first, second = polarity(one), polarity(other)
    return first * second < 0
