"""What is wrong with a graph that is being edited, node by node and field by field, in both languages.

A `Reader` keeps what it read of each node, so that after a change only the changed nodes are read again. Nodes that
are not finished yet do not make others look wrong: what they mention counts as mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml

from kg import schema
from kg.editing import Content, Raw, plain
from kg.model import Fix, Graph, Kind, Node, Symptom, Text, kind_of
from kg.schema import FieldError
from kg.validate import Issue, problems, reached

MAX_PROBLEMS: Final = 500
_WORD: Final = re.compile(r"[\w.\-]+")
_SECTION_OF: Final = {kind: section for section, kind in schema.SECTIONS.items()}
_HIDDEN_BY_MENTION: Final = frozenset({"unreachable", "unused_gate", "no_fix", "warn.unused", "warn.repairs_nothing"})


@dataclass(frozen=True)
class Problem:
    """One problem. Errors keep a draft from being published, warnings (`code` begins with `warn.`) do not."""

    code: str
    node: str
    path: tuple[str | int, ...]
    text: Text

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        return "warning" if self.code.startswith("warn.") else "error"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "code": self.code, "severity": self.severity, "node": self.node, "field": list(self.path),
            "text": self.text.as_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """What a content amounts to: the graph of its finished nodes, and every problem, errors first."""

    graph: Graph
    problems: tuple[Problem, ...]
    finished: bool
    """Whether every node could be read; only then is `graph` all there is."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep it from being published."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


class Reader:
    """Reads contents, again and again, as cheaply as what changed between them."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[Raw, Node | FieldError]] = {}
        self._doubtful: dict[str, tuple[Node, tuple[Issue, ...]]] = {}
        self._plain: dict[str, tuple[Node, Raw]] = {}

    def check(self, content: Content) -> Checked:
        """The graph of a content and its problems."""
        sections: dict[str, dict[str, Node]] = {section: {} for section in schema.SECTIONS}
        broken: dict[str, FieldError] = {}
        for name, raw in content.nodes.items():
            node = self._node(name, raw)
            if isinstance(node, FieldError):
                broken[name] = node
            else:
                sections[_SECTION_OF[raw.kind]][name] = node
        self._read = {name: self._read[name] for name in content.nodes}
        graph = Graph(**sections)  # type: ignore[arg-type]  # each section holds the nodes of its kind
        found = [_of_field(name, error) for name, error in broken.items()]
        mentioned = _mentioned(content.nodes[name].data for name in broken)
        doubts = [issue for name, node in graph.nodes.items() for issue in self._doubts(name, node)]
        self._doubtful = {name: self._doubtful[name] for name in graph.nodes}
        for issue in [*problems(graph, broken.keys()), *doubts, *_warnings(graph)]:
            hidden = issue.code in _HIDDEN_BY_MENTION and issue.node in mentioned
            if not hidden and not (issue.code == "unknown_outcome" and _about(issue, broken)):
                found.append(_of_issue(issue))
        found.sort(key=lambda problem: problem.severity)
        return Checked(graph, tuple(found[:MAX_PROBLEMS]), not broken)

    def plain(self, content: Content) -> dict[str, Raw]:
        """Every node in its one plain form, as far as it is finished: what differs in it differs in meaning."""
        result = {}
        for name, raw in content.nodes.items():
            node = self._node(name, raw)
            if isinstance(node, FieldError):
                result[name] = raw
                continue
            known = self._plain.get(name)
            if known is None or known[0] is not node:
                known = self._plain[name] = (node, plain(node))
            result[name] = known[1]
        return result

    def _doubts(self, name: str, node: Node) -> tuple[Issue, ...]:
        """What one node alone gives reason to warn of."""
        known = self._doubtful.get(name)
        if known is None or known[0] is not node:
            known = self._doubtful[name] = (node, tuple(_own_warnings(name, node)))
        return known[1]

    def _node(self, name: str, raw: Raw) -> Node | FieldError:
        known = self._read.get(name)
        if known is not None and known[0] is raw:
            return known[1]
        read: Node | FieldError
        try:
            read = schema.node(raw.kind, name, raw.data)
        except FieldError as error:
            read = error
        self._read[name] = (raw, read)
        return read


def entangled(symptom: str, message: str) -> Problem:
    """The problem of a symptom that cannot be compiled."""
    return Problem("entangled", symptom, ("caused_by",), Text(_chinese("entangled", node=symptom), message))


def without_intent(graph: Graph, symptoms: Collection[str]) -> list[Problem]:
    """Warnings about the symptoms that no intent of the company leads to; `symptoms` are those that one does."""
    return [
        _of_issue(Issue(name, "", "warn.no_intent")) for name in graph.symptoms if name not in symptoms
    ]  # fmt: skip


def _of_field(name: str, error: FieldError) -> Problem:
    zh = _chinese(error.code, node=name, field=_last(error.path), **error.params)
    return Problem(error.code, name, error.path, Text(zh, str(error)))


def _of_issue(issue: Issue) -> Problem:
    shown: dict[str, object] = {"node": issue.node, "field": _last(issue.path)}
    kinds = {"wanted": "或".join(map(_kind, _kinds(issue.params)))} if "wanted" in issue.params else {}
    if "kind" in issue.params:
        kinds["kind"] = _kind(str(issue.params["kind"]))
    zh = _chinese(issue.code, **{**shown, **issue.params, **kinds})
    en = issue.message or _texts()[issue.code]["en"].format(**shown)
    return Problem(issue.code, issue.node, issue.path, Text(zh, en))


def _kinds(params: Mapping[str, object]) -> Sequence[str]:
    wanted = params["wanted"]
    return [str(one) for one in wanted] if isinstance(wanted, list) else []


def _kind(kind: str) -> str:
    return _texts()[f"kind.{kind}"]["zh"]


def _last(path: Sequence[str | int]) -> str:
    """The field as a person knows it: the last name of its path."""
    return next((part for part in reversed(path) if isinstance(part, str) and part), "")


def _about(issue: Issue, broken: Mapping[str, object]) -> bool:
    facet = str(issue.params["outcome"]).partition(":")[0]
    return facet in broken or facet.partition(".")[0] in broken


def _mentioned(values: Iterable[Any]) -> set[str]:
    """Every word in the names and texts of some values."""
    words: set[str] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, Mapping):
            stack += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, str):
            words.update(_WORD.findall(value))
    return words


# --------------------------------------------------------------------------- warnings


def _warnings(graph: Graph) -> Iterator[Issue]:
    referred = {target for _, target, _ in graph.links()}
    for name, node in graph.nodes.items():
        if kind_of(node) in (Kind.PRODUCT, Kind.COMPONENT, Kind.DOCUMENT, Kind.SKILL) and name not in referred:
            yield Issue(name, "", "warn.unused")
        elif isinstance(node, Fix) and not node.repairs and name not in referred:
            yield Issue(name, "", "warn.repairs_nothing", ("repairs",))
    causes = reached(graph, graph.symptoms)
    implied = {facet for node in graph.symptoms.values() for facet in node.implies}
    retests = {node.retest for node in graph.symptoms.values()}
    for name, check in graph.checks.items():
        asked_for = name in retests or any(facet.id in implied for facet in check.facets.values())
        if not asked_for and causes.isdisjoint(reached(graph, [name])):
            yield Issue(name, "", "warn.no_use")


def _own_warnings(name: str, node: Node) -> Iterator[Issue]:
    """Warnings for which a node need not know the others."""
    if isinstance(node, Symptom) and not node.phrases.zh and not node.phrases.en:
        yield Issue(name, "", "warn.no_phrases", ("phrases",))
    for path, text in _same_texts(node):
        if " " in text:  # a name such as "Wi-Fi" is the same in both languages
            yield Issue(name, "", "warn.same_text", path)


def _same_texts(node: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """Fields directly in a node whose two texts are the same."""
    for key in node.__dataclass_fields__:
        value = getattr(node, key)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Text) and one.zh == one.en:
                yield (key,), one.zh


# --------------------------------------------------------------------------- texts


@cache
def _texts() -> dict[str, dict[str, str]]:
    loaded: Any = yaml.safe_load(resources.files("kg").joinpath("problems.yaml").read_text("utf-8"))
    return {str(key): dict(value) for key, value in loaded.items()}


def _chinese(code: str, **params: object) -> str:
    return _texts()[code]["zh"].format(**params)


def codes() -> Collection[str]:
    """All codes that have texts, for tests of completeness."""
    return _texts().keys()
