"""From plain mappings to typed nodes, strictly: every wrong, missing or unknown field is one precise problem.

Both YAML files (`kg.load`) and node-link JSON (`kg.nodelink`) pass through here, so they obey the same rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from kg import formula as formulas
from kg.formula import Formula, FormulaError
from kg.model import (
    LANGUAGES,
    Check,
    Component,
    Document,
    Facet,
    Fault,
    Fix,
    Gate,
    Kind,
    Node,
    Outcome,
    Phrases,
    Product,
    Skill,
    Symptom,
    Text,
    Who,
)

SECTIONS: Final = {
    "products": Kind.PRODUCT,
    "components": Kind.COMPONENT,
    "symptoms": Kind.SYMPTOM,
    "gates": Kind.GATE,
    "faults": Kind.FAULT,
    "checks": Kind.CHECK,
    "fixes": Kind.FIX,
    "documents": Kind.DOCUMENT,
    "skills": Kind.SKILL,
}
"""Sections of a file and the kind of nodes in them."""

HANDOFF_REASONS: Final = ("policy", "safety", "diagnosis_exhausted")
DEFAULT_RELIABILITY: Final = 0.97
"""How often a check tells the truth where the file gives nothing else."""


class FieldError(ValueError):
    """One field is wrong. `path` leads to it from the node; the message says what is wrong and what would be right.

    `code` and `params` say the same for programs, and for the Chinese text (`kg.problems`).
    """

    def __init__(self, path: tuple[str | int, ...], message: str, code: str, **params: object) -> None:
        super().__init__(message)
        self.path = path
        self.code = code
        self.params = params


class _Fields:
    """The fields of one mapping, taken one by one; what is left over at the end is an error."""

    def __init__(self, value: Any, path: tuple[str | int, ...], what: str) -> None:
        if not isinstance(value, Mapping):
            raise FieldError(path, f"{what} must be a mapping of fields, not {_shown(value)}", "mapping")
        self.value = value
        self.path = path
        self.what = what
        self.taken: set[str] = set()

    def __enter__(self) -> _Fields:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for key in self.value:
                if key not in self.taken:
                    known = ", ".join(sorted(self.taken))
                    raise FieldError(
                        (*self.path, str(key)),
                        f'{self.what} has an unknown field "{key}"; it may have {known}',
                        "unknown_field",
                        key=key,
                        known=known,
                    )

    def has(self, key: str) -> bool:
        self.taken.add(key)
        return self.value.get(key) is not None

    def raw(self, key: str) -> Any:
        if not self.has(key):
            raise FieldError(self.path, f'{self.what} lacks the field "{key}"; add it', "missing_field", key=key)
        return self.value[key]

    def text(self, key: str) -> Text:
        return _text(self.raw(key), (*self.path, key), f'"{key}" of {self.what}')

    def optional_text(self, key: str) -> Text | None:
        return self.text(key) if self.has(key) else None

    def texts(self, key: str, least: int) -> tuple[Text, ...]:
        value = self.raw(key)
        items = value if isinstance(value, list) else [value]
        result = tuple(_text(item, (*self.path, key, i), f'"{key}" of {self.what}') for i, item in enumerate(items))
        if len(result) < least:
            raise FieldError(
                (*self.path, key),
                f'"{key}" of {self.what} needs {least} different wordings, it has {len(result)}',
                "few_wordings",
                least=least,
                count=len(result),
            )
        return result

    def phrases(self, key: str) -> Phrases:
        if not self.has(key):
            return Phrases()
        found: dict[str, tuple[str, ...]] = {}
        with _Fields(self.value[key], (*self.path, key), f'"{key}" of {self.what}') as fields:
            for language in LANGUAGES:
                value = fields.value.get(language, []) if fields.has(language) else []
                if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
                    raise FieldError(
                        (*fields.path, language), f'{fields.what} must list texts under "{language}"', "phrases"
                    )
                found[language] = tuple(value)
        return Phrases(found["zh"], found["en"])

    def string(self, key: str, default: str = "") -> str:
        if not self.has(key):
            return default
        value = self.value[key]
        if not isinstance(value, str):
            raise FieldError((*self.path, key), f'"{key}" of {self.what} must be a name, not {_shown(value)}', "name")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        if not self.has(key):
            return ()
        value = self.value[key]
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise FieldError((*self.path, key), f'"{key}" of {self.what} must be a name or a list of names', "names")
        return tuple(items)

    def flag(self, key: str, default: bool) -> bool:
        if not self.has(key):
            return default
        value = self.value[key]
        if not isinstance(value, bool):
            raise FieldError(
                (*self.path, key), f'"{key}" of {self.what} must be true or false, not {_shown(value)}', "flag"
            )
        return value

    def number(self, key: str, default: float | None = None) -> float:
        if default is not None and not self.has(key):
            return default
        return _number(self.raw(key), (*self.path, key), f'"{key}" of {self.what}')

    def probability(self, key: str, default: float | None = None) -> float:
        return _probability(self.number(key, default), (*self.path, key), f'"{key}" of {self.what}')

    def cost(self, default: float = 1.0) -> float:
        cost = self.number("cost", default)
        if cost < 0:
            raise FieldError((*self.path, "cost"), f'"cost" of {self.what} is {cost:g}; a cost is 0 or more', "cost")
        return cost

    def formula(self, key: str) -> Formula:
        return _formula(self.raw(key), (*self.path, key), f'"{key}" of {self.what}')

    def mapping(self, key: str) -> dict[str, Any]:
        if not self.has(key):
            return {}
        value = self.value[key]
        if not isinstance(value, Mapping):
            raise FieldError(
                (*self.path, key), f'"{key}" of {self.what} must be a mapping, not {_shown(value)}', "mapping"
            )
        return dict(value)


def node(kind: Kind, name: str, value: Any) -> Node:
    """The typed node of a mapping.

    Raises:
        FieldError: with the path to the field inside the node.
    """
    with _Fields(value, (), f'{kind.value} "{name}"') as fields:
        return _READERS[kind](fields, name)


def _product(fields: _Fields, name: str) -> Product:
    return Product(fields.text("name"))


def _component(fields: _Fields, name: str) -> Component:
    return Component(fields.text("name"), fields.string("product"))


def _symptom(fields: _Fields, name: str) -> Symptom:
    implies = fields.mapping("implies")
    return Symptom(
        name=fields.text("name"),
        caused_by=fields.formula("caused_by"),
        works=fields.texts("works", 1),
        product=fields.string("product"),
        phrases=fields.phrases("phrases"),
        leak=fields.probability("leak", 0.01),
        implies={str(key): str(value) for key, value in implies.items()},
        retest=fields.string("retest"),
        safety=fields.flag("safety", False),
        advice=fields.optional_text("advice"),
        skill=fields.string("skill"),
        document=fields.string("document"),
    )


def _gate(fields: _Fields, name: str) -> Gate:
    return Gate(fields.formula("formula"), fields.optional_text("name"))


def _fault(fields: _Fields, name: str) -> Fault:
    handoff = fields.string("handoff")
    if handoff and handoff not in HANDOFF_REASONS:
        raise FieldError(
            (*fields.path, "handoff"),
            f'"handoff" of {fields.what} is one of {", ".join(HANDOFF_REASONS)}',
            "one_of",
            known=", ".join(HANDOFF_REASONS),
        )
    return Fault(
        name=fields.text("name"),
        prior=fields.probability("prior"),
        component=fields.string("component"),
        condition=fields.flag("condition", False),
        handoff=handoff,
        advice=fields.optional_text("advice"),
        skill=fields.string("skill"),
        document=fields.string("document"),
    )


def _check(fields: _Fields, name: str) -> Check:
    who = _who(fields, (Who.CUSTOMER, Who.SYSTEM))
    facets: dict[str, Facet] = {}
    if fields.has("facets"):
        for key, value in fields.mapping("facets").items():
            with _Fields(value, (*fields.path, "facets", key), f'facet "{key}" of {fields.what}') as inner:
                facets[key] = _facet(inner, f"{name}.{key}", name)
    else:
        facets[""] = _facet(fields, name, name)
    if not facets:
        raise FieldError(
            (*fields.path, "facets"), f"{fields.what} tells nothing; give it facets or outcomes", "no_facets"
        )
    return Check(
        name=fields.text("name"),
        who=who,
        ask=fields.texts("ask", 2) if who is Who.CUSTOMER else (fields.texts("ask", 1) if fields.has("ask") else ()),
        facets=facets,
        step=fields.string("step", name),
        cost=fields.cost(1.0 if who is Who.CUSTOMER else 0.0),
        explain=fields.optional_text("explain"),
        document=fields.string("document"),
    )


def _facet(fields: _Fields, name: str, check: str) -> Facet:
    """Outcomes of a facet with their likelihoods; the defaults come from `reliability`, or sensitivity/specificity."""
    raw = fields.mapping("outcomes")
    if len(raw) < 2:
        raise FieldError((*fields.path, "outcomes"), f"{fields.what} needs two or more outcomes", "two_outcomes")
    for key in raw:
        if not isinstance(key, str):
            raise FieldError(
                (*fields.path, "outcomes"),
                f"{fields.what} has the outcome {_shown(key)}; put it in quotes",
                "outcome_name",
            )
    reliability = fields.probability("reliability", DEFAULT_RELIABILITY)
    sensitivity = fields.probability("sensitivity", reliability)
    specificity = fields.probability("specificity", reliability)
    outcomes: dict[str, Outcome] = {}
    rest = 0
    for key, value in raw.items():
        path = (*fields.path, "outcomes", key)
        with _Fields(value, path, f'outcome "{key}" of {fields.what}') as inner:
            when = inner.formula("when") if inner.has("when") else None
            rest += when is None
            right = specificity if when is None else sensitivity
            given = _likelihoods(raw, key, right)
            if inner.has("given"):
                given = _distribution(inner, raw)
            outcomes[key] = Outcome(
                label=inner.text("label"),
                when=when,
                given=given,
                says=inner.phrases("says"),
                match=inner.mapping("match"),
                safety=inner.flag("safety", False),
            )
    if rest != 1:
        raise FieldError(
            (*fields.path, "outcomes"),
            f'{fields.what} needs exactly one outcome without "when" (what is seen in every other case), it has {rest}',
            "one_rest",
            count=rest,
        )
    return Facet(name, check, outcomes, fields.optional_text("facet_name"))


def _distribution(fields: _Fields, outcomes: Mapping[str, Any]) -> dict[str, float]:
    path = (*fields.path, "given")
    given = fields.mapping("given")
    if set(given) != set(outcomes):
        names = ", ".join(outcomes)
        raise FieldError(
            path, f'"given" of {fields.what} must give a probability to each of {names}', "given_each", known=names
        )
    values = {key: _probability(_number(value, path, '"given"'), path, '"given"') for key, value in given.items()}
    if not math.isclose(math.fsum(values.values()), 1.0, abs_tol=1e-6):
        total = math.fsum(values.values())
        raise FieldError(
            path,
            f'the probabilities in "given" of {fields.what} sum to {total:g}, not 1',
            "given_sum",
            total=f"{total:g}",
        )
    return values


def _fix(fields: _Fields, name: str) -> Fix:
    who = _who(fields, tuple(Who))
    repairs = fields.mapping("repairs")
    path = (*fields.path, "repairs")
    success = {
        str(key): _probability(_number(value, (*path, key), "its success"), (*path, key), f'success for "{key}"')
        for key, value in repairs.items()
    }
    reversible, safe = fields.flag("reversible", True), fields.flag("safe", True)
    # What cannot be undone or may do harm is never done without asking.
    confirm = fields.flag("confirm", False) or not reversible or not safe
    return Fix(
        name=fields.text("name"),
        who=who,
        do=fields.texts("do", 2 if who is Who.CUSTOMER else 1),
        repairs=success,
        step=fields.string("step", name),
        cost=fields.cost(),
        reversible=reversible,
        safe=safe,
        confirm=confirm,
        ask=fields.text("ask") if confirm else fields.optional_text("ask"),
        blind=fields.flag("blind", True),
        then=fields.strings("then"),
        instead_of=fields.string("instead_of"),
        explain=fields.optional_text("explain"),
        document=fields.string("document"),
    )


def _document(fields: _Fields, name: str) -> Document:
    return Document(fields.text("title"), fields.string("article", name))


def _skill(fields: _Fields, name: str) -> Skill:
    return Skill(fields.text("name"))


_READERS: Final[dict[Kind, Callable[[_Fields, str], Node]]] = {
    Kind.PRODUCT: _product,
    Kind.COMPONENT: _component,
    Kind.SYMPTOM: _symptom,
    Kind.GATE: _gate,
    Kind.FAULT: _fault,
    Kind.CHECK: _check,
    Kind.FIX: _fix,
    Kind.DOCUMENT: _document,
    Kind.SKILL: _skill,
}


def _who(fields: _Fields, allowed: tuple[Who, ...]) -> Who:
    value = fields.string("who", Who.CUSTOMER.value)
    if value not in [who.value for who in allowed]:
        names = ", ".join(w.value for w in allowed)
        raise FieldError((*fields.path, "who"), f'"who" of {fields.what} is one of {names}', "one_of", known=names)
    return Who(value)


def _text(value: Any, path: tuple[str | int, ...], what: str) -> Text:
    if not isinstance(value, Mapping):
        raise FieldError(path, f"{what} must be given as {{zh: …, en: …}}, not {_shown(value)}", "text")
    for language in LANGUAGES:
        if not isinstance(value.get(language), str) or not value[language].strip():
            raise FieldError(
                (*path, language), f'{what} lacks its "{language}" text; add it', "untranslated_" + language
            )
    for key in value:
        if key not in LANGUAGES:
            raise FieldError(
                path, f'{what} has a text in "{key}"; only {" and ".join(LANGUAGES)} are used', "language", key=key
            )
    return Text(value["zh"].strip(), value["en"].strip())


def _number(value: Any, path: tuple[str | int, ...], what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FieldError(path, f"{what} must be a number, not {_shown(value)}", "number")
    return float(value)


def _probability(value: float, path: tuple[str | int, ...], what: str) -> float:
    if not 0.0 <= value <= 1.0:
        raise FieldError(path, f"{what} is {value:g}; a probability lies in [0, 1]", "probability")
    return value


def _formula(value: Any, path: tuple[str | int, ...], what: str) -> Formula:
    if not isinstance(value, str):
        raise FieldError(path, f"{what} must be a formula such as «a or (b and not c)», not {_shown(value)}", "formula")
    try:
        return formulas.parse(value)
    except FormulaError as error:
        raise FieldError(path, f"{what}: {error}", "formula") from error


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "…"


# --------------------------------------------------------------------------- and back


def as_plain(value: Node) -> dict[str, Any]:
    """Plain mapping of a node, which `node` reads back to an equal one."""
    plain: dict[str, Any] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    match value:
        case Text():
            return value.as_json()
        case Phrases():
            return {"zh": list(value.zh), "en": list(value.en)}
        case Formula():
            return str(value)
        case Outcome():
            return dict(_fields_of(value, skip=()))
        case Facet():
            return _plain_facet(value)
        case Check():
            plain = dict(_fields_of(value, skip=("facets",)))
            if list(value.facets) == [""]:
                return {**plain, **_plain_facet(value.facets[""])}
            return {**plain, "facets": {key: _plain(facet) for key, facet in value.facets.items()}}
        case tuple() | list():
            return [_plain(item) for item in value]
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case str() | float() | int() | bool() | None:
            return value.value if isinstance(value, Who) else value
        case _:
            return dict(_fields_of(value, skip=()))


def _plain_facet(facet: Facet) -> dict[str, Any]:
    plain: dict[str, Any] = {"outcomes": {key: _plain(outcome) for key, outcome in facet.outcomes.items()}}
    if (rates := _rates(facet)) is not None:
        for outcome in plain["outcomes"].values():
            del outcome["given"]
        plain |= rates
    return plain if facet.name is None else {**plain, "facet_name": _plain(facet.name)}


def _rates(facet: Facet) -> dict[str, float] | None:
    """What gives all the likelihoods of a facet in short; None where they were given one by one."""
    outcomes = facet.outcomes
    seen = {outcome.given[key] for key, outcome in outcomes.items() if outcome.when is not None}
    rest = next(outcome.given[key] for key, outcome in outcomes.items() if outcome.when is None)
    if len(seen) != 1:
        return None
    (right,) = seen
    for key, outcome in outcomes.items():
        if outcome.given != _likelihoods(outcomes, key, rest if outcome.when is None else right):
            return None
    if right != rest:
        return {"sensitivity": right, "specificity": rest}
    return {} if right == DEFAULT_RELIABILITY else {"reliability": right}


def _likelihoods(outcomes: Collection[str], key: str, right: float) -> dict[str, float]:
    """P(outcome | the case of `key`): `right` for its own, the rest shared alike."""
    return {other: right if other == key else (1 - right) / (len(outcomes) - 1) for other in outcomes}


def _fields_of(value: Any, skip: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key in value.__dataclass_fields__:
        item = getattr(value, key)
        if key not in skip and item is not None and item not in ("", (), {}) and item != Phrases():
            yield key, _plain(item)
