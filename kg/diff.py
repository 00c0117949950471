"""What differs between two contents, node by node and field by field, and what becomes of two that were changed apart.

Both work on nodes in their one plain form (`kg.problems.Reader.plain`), so that what is written differently and means
the same is no difference. A text in two languages is two fields; a list of plain values is one; lists of texts are
compared place by place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kg.editing import Content, Json, Path, Raw

Nodes = Mapping[str, Raw]


class _Missing:
    """Nothing there; unlike None, which JSON has."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


@dataclass(frozen=True)
class FieldChange:
    """One field; `MISSING` where there was or is nothing."""

    path: Path
    before: Any
    after: Any

    def as_json(self) -> Json:
        """Plain values; what is missing is left out."""
        sides = {"before": self.before, "after": self.after}
        return {"path": list(self.path), **{side: value for side, value in sides.items() if value is not MISSING}}


@dataclass(frozen=True)
class NodeChange:
    """One node that was added, removed or changed."""

    id: str
    kind: str
    change: str
    title: Mapping[str, str]
    fields: tuple[FieldChange, ...]

    def as_json(self) -> Json:
        """Plain values."""
        return {
            "id": self.id, "kind": self.kind, "change": self.change, "title": dict(self.title),
            "fields": [field.as_json() for field in self.fields],
        }  # fmt: skip


def diff(before: Nodes, after: Nodes) -> list[NodeChange]:
    """What leads from one to the other: the nodes of before in their order, then what was added."""
    changes = []
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        shown = new or old
        assert shown is not None
        change = "removed" if new is None else "added" if old is None else "changed"
        fields = (
            []
            if old is None or new is None or old.kind is new.kind
            else [FieldChange(("kind",), old.kind.value, new.kind.value)]
        )
        fields += _fields(_data(old), _data(new), ())
        changes.append(NodeChange(name, shown.kind.value, change, title(name, shown), tuple(fields)))
    return changes


def count(before: Nodes, after: Nodes) -> dict[str, int]:
    """How many nodes were added, removed and changed."""
    both = before.keys() & after.keys()
    return {
        "added": len(after.keys() - both),
        "removed": len(before.keys() - both),
        "changed": sum(before[name] != after[name] for name in both),
    }


def title(name: str, node: Raw) -> dict[str, str]:
    """What people call a node, by language; its id where it has no name yet."""
    text = node.data.get("name") or node.data.get("title")
    known = text if isinstance(text, Mapping) else {}
    return {language: str(known.get(language) or name) for language in ("zh", "en")}


def operations(before: Content, after: Content) -> list[Json]:
    """Operations that lead from one content to the other."""
    found: list[Json] = [{"op": "remove", "node": name} for name in before.nodes if name not in after.nodes]
    found += [
        {"op": "put", "node": node.as_json(name)}
        for name, node in after.nodes.items()
        if before.nodes.get(name) != node
    ]
    for name, (x, y) in after.layout.items():
        if name in after.nodes and before.layout.get(name) != (x, y):
            found.append({"op": "place", "node": name, "x": x, "y": y})
    return found


def _data(node: Raw | None) -> Any:
    return MISSING if node is None else node.data


def _fields(before: Any, after: Any, path: Path) -> Iterable[FieldChange]:
    if before is not MISSING and after is not MISSING and before == after:
        return
    parts = _parts(before, after)
    if parts is None:
        yield FieldChange(path, before, after)
        return
    for part in parts:
        yield from _fields(_part(before, part), _part(after, part), (*path, part))


def _parts(*values: Any) -> list[str | int] | None:
    """What values are compared by: keys, or places in lists of mappings; None where they are compared whole."""
    there = [value for value in values if value is not MISSING]
    if all(isinstance(value, Mapping) for value in there) and any(there):
        return list(dict.fromkeys(key for value in there for key in value))
    lists = all(isinstance(value, list) and value and isinstance(value[0], Mapping) for value in there)
    return list(range(max(map(len, there)))) if there and lists else None


def _part(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(str(part), MISSING)
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else MISSING


# --------------------------------------------------------------------------- merge


@dataclass(frozen=True)
class Conflict:
    """One field (of an empty path: the node) that both sides changed differently."""

    node: str
    kind: str
    title: Mapping[str, str]
    path: Path
    base: Any
    theirs: Any
    mine: Any

    def as_json(self) -> Json:
        """Plain values; what is missing is null."""
        sides = {"base": self.base, "theirs": self.theirs, "mine": self.mine}
        plain = {side: None if value is MISSING else value for side, value in sides.items()}
        return {
            "node": self.node, "kind": self.kind, "title": dict(self.title), "field": list(self.path), **plain
        }  # fmt: skip


Choices = Mapping[tuple[str, Path], str]
"""By node and field: `theirs` or `mine`."""


def merge(
    base: Nodes, theirs: Nodes, mine: Nodes, choices: Choices | None = None
) -> tuple[dict[str, Raw], list[Conflict]]:
    """Both sides' changes to a base together, and the conflicts that `choices` do not settle (there, mine is taken).

    What one side left alone is the other's; what both changed alike is that. The order of the sides changes nothing but
    the order of what is new, as long as there are no conflicts.
    """
    merged: dict[str, Raw] = {}
    conflicts: list[Conflict] = []
    for name in dict.fromkeys([*theirs, *mine, *base]):
        sides = (base.get(name), theirs.get(name), mine.get(name))
        settled = {path: take for (node, path), take in (choices or {}).items() if node == name}
        one = _NodeMerge(settled)
        node = one.node(*sides)
        shown = sides[2] or sides[1] or sides[0]
        assert shown is not None
        conflicts += [Conflict(name, shown.kind.value, title(name, shown), *found) for found in one.found]
        if node is not None:
            merged[name] = node
    return merged, conflicts


class _NodeMerge:
    """The merge of one node; `found` are the conflicts: path, base, theirs, mine."""

    def __init__(self, settled: Mapping[Path, str]) -> None:
        self.settled = settled
        self.found: list[tuple[Path, Any, Any, Any]] = []

    def node(self, base: Raw | None, theirs: Raw | None, mine: Raw | None) -> Raw | None:
        if theirs is None or mine is None or theirs.kind is not mine.kind:
            # One side took it away, or they made different things of it: nothing inside can be put together.
            taken = self.whole((), *(MISSING if side is None else side for side in (base, theirs, mine)))
            return None if taken is MISSING else taken
        old = base.data if base is not None and base.kind is mine.kind else MISSING
        return Raw(mine.kind, self.value((), old, theirs.data, mine.data))

    def whole(self, path: Path, base: Any, theirs: Any, mine: Any) -> Any:
        if _same(theirs, mine) or _same(mine, base):
            return theirs
        if _same(theirs, base):
            return mine
        if path not in self.settled:
            self.found.append((path, _bare(base), _bare(theirs), _bare(mine)))
        return theirs if self.settled.get(path) == "theirs" else mine

    def value(self, path: Path, base: Any, theirs: Any, mine: Any) -> Any:
        apart = not (_same(theirs, mine) or _same(mine, base) or _same(theirs, base))
        if apart and isinstance(theirs, Mapping) and isinstance(mine, Mapping):
            old = base if isinstance(base, Mapping) else {}
            values = {
                key: self.value((*path, key), _part(old, key), _part(theirs, key), _part(mine, key))
                for key in dict.fromkeys([*theirs, *mine, *old])
            }
            return {key: value for key, value in values.items() if value is not MISSING}
        lists = [value for value in (base, theirs, mine) if isinstance(value, list)]
        if apart and len(lists) == 3 and len({len(value) for value in lists}) == 1:
            return [self.value((*path, place), *parts) for place, parts in enumerate(zip(*lists, strict=True))]
        return self.whole(path, base, theirs, mine)


def _bare(value: Any) -> Any:
    return value.data if isinstance(value, Raw) else value


def _same(one: Any, other: Any) -> bool:
    return one is other or (one is not MISSING and other is not MISSING and bool(one == other))
