"""Graphs while they are edited: nodes as plain values, finished or not, and the operations that change them.

Everything here is pure: an operation makes new nodes and leaves the old ones as they were, so that two contents may
share most of what they hold, and what is cached about a node (`kg.problems`) stays true of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kg import formula as formulas
from kg import schema
from kg.formula import FormulaError
from kg.load import valid_id
from kg.model import Graph, Kind, Node, kind_of
from kg.validate import MAX_NODES

Json = dict[str, Any]
Operation = Mapping[str, Any]
Path = tuple[str | int, ...]

MAX_OPERATIONS: Final = 2000
MAX_NODE_DEPTH: Final = 12
MAX_NODE_VALUES: Final = 5000
"""Values inside one node; the largest check of the demo company has some hundred."""


class EditError(ValueError):
    """An operation cannot be carried out; `index` says which, `node` where, `code` why, for programs."""

    def __init__(self, index: int, node: str, message: str, code: str = "operation") -> None:
        super().__init__(f"operations[{index}]: {message}")
        self.index = index
        self.node = node
        self.code = code


@dataclass(frozen=True)
class Raw:
    """A node as it is written, which need not be finished. Compared by what is in it."""

    kind: Kind
    data: Json

    def as_json(self, name: str) -> Json:
        """As it stands in a node-link document."""
        return {"id": name, "kind": self.kind.value, "data": self.data}


@dataclass(frozen=True)
class Content:
    """All nodes by id, and where a picture shows them. Neither is ever changed in place."""

    nodes: Mapping[str, Raw] = field(default_factory=dict)
    layout: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @staticmethod
    def of_graph(graph: Graph, layout: Mapping[str, Sequence[float]] | None = None) -> Content:
        """A graph's nodes, each in its one plain form."""
        return Content(
            {name: plain(node) for name, node in graph.nodes.items()},
            {name: (float(place[0]), float(place[1])) for name, place in (layout or {}).items()},
        )

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Content:
        """What `as_json` wrote."""
        return Content(
            {entry["id"]: Raw(Kind(entry["kind"]), entry["data"]) for entry in data["nodes"]},
            {name: (place[0], place[1]) for name, place in data["layout"].items()},
        )

    def as_json(self) -> Json:
        """Plain values: `nodes`, each with id, kind and data, and `layout`."""
        return {
            "nodes": [node.as_json(name) for name, node in self.nodes.items()],
            "layout": {name: list(place) for name, place in self.layout.items()},
        }


def apply(content: Content, operations: Sequence[Operation]) -> Content:
    """The content after all operations, in their order.

    Raises:
        EditError: One of them cannot be; nothing is done then.
    """
    return _Edit(content).run(operations)[0]


def apply_with_undo(content: Content, operations: Sequence[Operation]) -> tuple[Content, list[Json]]:
    """The content after all operations, and the operations that lead back.

    Raises:
        EditError: One of them cannot be; nothing is done then.
    """
    return _Edit(content).run(operations)


def is_placing(operations: Iterable[Operation]) -> bool:
    """Whether operations only move nodes in the picture."""
    return all(isinstance(one, Mapping) and one.get("op") == "place" for one in operations)


class _Edit:
    """One run of operations over copies of the two tables."""

    def __init__(self, content: Content) -> None:
        self.before = content
        self.nodes = dict(content.nodes)
        self.layout = dict(content.layout)
        self.index = 0

    def fail(self, node: Any, message: str, code: str = "operation") -> EditError:
        return EditError(self.index, node if isinstance(node, str) else "", message, code)

    def run(self, operations: Sequence[Operation]) -> tuple[Content, list[Json]]:
        if len(operations) > MAX_OPERATIONS:
            raise EditError(MAX_OPERATIONS, "", f"more than {MAX_OPERATIONS} at once; send them in parts", "too_many")
        for self.index, operation in enumerate(operations):
            what = operation.get("op") if isinstance(operation, Mapping) else None
            match what:
                case "put":
                    self.put(operation.get("node"))
                case "set":
                    self.set(operation)
                case "remove":
                    del self.nodes[self.known(operation.get("node"))]
                case "rename":
                    self.rename(operation)
                case "place":
                    self.place(operation)
                case _:
                    raise self.fail("", '"op" is one of put, set, remove, rename and place')
        if len(self.nodes) > MAX_NODES:
            raise self.fail("", f"the graph would have more than {MAX_NODES} nodes; split it by product", "too_many")
        return Content(self.nodes, self.layout), self.undo()

    def known(self, name: Any) -> str:
        if not isinstance(name, str) or name not in self.nodes:
            raise self.fail(name, f"there is no node {_shown(name)}; it may have been removed", "unknown_node")
        return name

    def fresh(self, name: Any) -> str:
        if not valid_id(name):
            raise self.fail(
                name, f"{_shown(name)} cannot be an id; use letters, digits and _ (and no word of formulas)", "id"
            )
        return str(name)

    def put(self, node: Any) -> None:
        if not isinstance(node, Mapping):
            raise self.fail("", '"node" is {"id", "kind", "data"}')
        name = self.fresh(node.get("id"))
        if node.get("kind") not in {kind.value for kind in Kind}:
            raise self.fail(name, f'"kind" is one of {", ".join(kind.value for kind in Kind)}', "kind")
        if not isinstance(node.get("data"), Mapping):
            raise self.fail(name, '"data" holds the fields of the node')
        data = self.value(name, node["data"])
        self.nodes[name] = Raw(Kind(node["kind"]), data)

    def value(self, name: str, value: Any) -> Any:
        """A copy of a plain value from outside, within bounds."""
        left = MAX_NODE_VALUES

        def copied(part: Any, depth: int) -> Any:
            nonlocal left
            left -= 1
            if depth > MAX_NODE_DEPTH or left < 0:
                raise self.fail(
                    name, f"a node nests at most {MAX_NODE_DEPTH} levels and holds {MAX_NODE_VALUES} values"
                )
            if isinstance(part, Mapping):
                return {self.key(name, key): copied(item, depth + 1) for key, item in part.items()}
            if isinstance(part, list | tuple):
                return [copied(item, depth + 1) for item in part]
            if isinstance(part, str):
                return self.text(name, part)
            if part is None or isinstance(part, bool | int | float):
                return part
            raise self.fail(name, f"a value of type {type(part).__name__} cannot be in a node")

        return copied(value, 1)

    def key(self, name: str, key: Any) -> str:
        if not isinstance(key, str):
            raise self.fail(name, "fields have names")
        return self.text(name, key)

    def text(self, name: str, text: str) -> str:
        """Half characters and NUL cannot be stored by every database."""
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise self.fail(name, "a text holds a character that cannot be stored", "character")
        return text

    def set(self, operation: Operation) -> None:
        name = self.known(operation.get("node"))
        path = operation.get("path")
        if not isinstance(path, list) or not path or len(path) > MAX_NODE_DEPTH:
            raise self.fail(name, '"path" lists the names that lead to a field', "path")
        old = self.nodes[name]
        data = copy.deepcopy(old.data)
        _put_at(data, tuple(path), self.value(name, operation.get("value")), lambda text: self.fail(name, text, "path"))
        self.nodes[name] = Raw(old.kind, self.value(name, data))

    def rename(self, operation: Operation) -> None:
        old, new = self.known(operation.get("node")), self.fresh(operation.get("to"))
        if new in self.nodes and new != old:
            raise self.fail(old, f'there is a node "{new}" already; choose another id', "twice")
        self.nodes = {
            (new if name == old else name): (Raw(node.kind, renamed) if (renamed := _renamed(node, old, new)) else node)
            for name, node in self.nodes.items()
        }
        if old in self.layout:
            self.layout[new] = self.layout.pop(old)

    def place(self, operation: Operation) -> None:
        name, x, y = operation.get("node"), operation.get("x"), operation.get("y")
        numbers = [one for one in (x, y) if isinstance(one, int | float) and not isinstance(one, bool)]
        if not isinstance(name, str) or len(numbers) != 2 or not all(abs(one) < 1e7 for one in numbers):
            raise self.fail(name, '"place" needs a node and two numbers, "x" and "y"')
        # A node that somebody else has removed meanwhile needs no place any more.
        if name in self.nodes:
            self.layout[name] = (float(numbers[0]), float(numbers[1]))

    def undo(self) -> list[Json]:
        before, after = self.before.nodes, self.nodes
        back: list[Json] = [{"op": "remove", "node": name} for name in after if name not in before]
        back += [
            {"op": "put", "node": node.as_json(name)} for name, node in before.items() if after.get(name) is not node
        ]
        for name, (x, y) in self.before.layout.items():
            if name in before and self.layout.get(name) != (x, y):
                back.append({"op": "place", "node": name, "x": x, "y": y})
        return back


def _put_at(data: Json, path: Path, value: Any, fail: Any) -> None:
    """Sets or (with None) takes away one field; mappings on the way are made, lists only grow at their end."""
    here: Any = data
    for place, part in enumerate(path):
        last = place == len(path) - 1
        if isinstance(here, dict) and isinstance(part, str):
            if last and value is None:
                here.pop(part, None)
            elif last:
                here[part] = value
            else:
                here = here.setdefault(part, [] if isinstance(path[place + 1], int) else {})
        elif isinstance(here, list) and isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= len(here):
            if last and value is None:
                del here[part : part + 1]
            elif last:
                here[part : part + 1] = [value]
            else:
                if part == len(here):
                    here.append([] if isinstance(path[place + 1], int) else {})
                here = here[part]
        else:
            raise fail(f"{list(path[: place + 1])} leads nowhere: there is {type(here).__name__} and no {part!r} in it")


# --------------------------------------------------------------------------- references

_NAMES: Final = {
    Kind.COMPONENT: ("product",),
    Kind.SYMPTOM: ("product", "retest", "skill", "document"),
    Kind.FAULT: ("component", "skill", "document"),
    Kind.CHECK: ("document",),
    Kind.FIX: ("instead_of", "document"),
}
"""Fields that hold the id of another node, by kind."""


def _renamed(node: Raw, old: str, new: str) -> Json | None:
    """The data of a node that refers to another by its new id; None where it does not refer to it."""
    data = copy.deepcopy(node.data)
    for key in _NAMES.get(node.kind, ()):
        if data.get(key) == old:
            data[key] = new
    if node.kind is Kind.SYMPTOM:
        data = _in_formula(data, "caused_by", old, new)
        if isinstance(data.get("implies"), dict):
            data["implies"] = {_facet_renamed(key, old, new): value for key, value in data["implies"].items()}
    elif node.kind is Kind.GATE:
        data = _in_formula(data, "formula", old, new)
    elif node.kind is Kind.FIX:
        if isinstance(data.get("repairs"), dict):
            data["repairs"] = {(new if key == old else key): value for key, value in data["repairs"].items()}
        if isinstance(data.get("then"), list):
            data["then"] = [new if key == old else key for key in data["then"]]
        elif data.get("then") == old:
            data["then"] = new
    elif node.kind is Kind.CHECK:
        _rename_in_outcomes(data, old, new)
    return None if data == node.data else data


def _rename_in_outcomes(check: Json, old: str, new: str) -> None:
    facets = check.get("facets")
    for facet in [check, *(facets.values() if isinstance(facets, dict) else ())]:
        outcomes = facet.get("outcomes") if isinstance(facet, dict) else None
        if not isinstance(outcomes, dict):
            continue
        for key, outcome in outcomes.items():
            if isinstance(outcome, dict):
                outcomes[key] = _in_formula(outcome, "when", old, new)


def _in_formula(data: Json, key: str, old: str, new: str) -> Json:
    try:
        formula = formulas.parse(data[key])
    except (FormulaError, KeyError, TypeError, AttributeError):
        return data  # not written to its end yet: left as it is
    return {**data, key: str(formula.rename({old: new}))} if old in formula.events() else data


def _facet_renamed(facet: str, old: str, new: str) -> str:
    check, dot, rest = str(facet).partition(".")
    return new + dot + rest if check == old else facet


def _shown(name: Any) -> str:
    text = repr(name)
    return text if len(text) < 60 else text[:57] + "…"


def plain(node: Node) -> Raw:
    """The one plain form of a typed node."""
    return Raw(kind_of(node), schema.as_plain(node))
