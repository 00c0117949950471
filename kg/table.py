"""A graph as a flat table for bulk edits in a spreadsheet, and a table's changes back onto a graph.

One row for each field: `id, kind, field, zh, en, value`. A text in two languages stands in `zh` and `en`, anything else
in `value` (lists of words separated by `|`). `field` is a path with dots, `outcomes.red.label`, `ask.0`. A row changes
its field; one without texts and value takes it away; the field `-` takes the node away. Rows for an id that the graph
does not have make a new node of their kind. What no row names stays as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kg.editing import MAX_OPERATIONS, Content, EditError, Operation, Path
from kg.editing import apply as apply_operations
from kg.load import MAX_REPORTED, GraphError, valid_id
from kg.model import Kind

COLUMNS: Final = ("id", "kind", "field", "zh", "en", "value")
REMOVED: Final = "-"
SEPARATOR: Final = " | "
MAX_ROWS: Final = 200_000
_TEXTS: Final = frozenset({"zh", "en"})
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet may take for a formula; such a cell gets an apostrophe in front, which reading takes away."""
_LISTS: Final = frozenset({"ask", "do", "works"})
"""Fields that list texts; what follows in a path is a place."""
_DOT: Final = re.compile(r"(?<!\\)\.")
_WORDS: Final = frozenset({
    "caused_by", "formula", "when", "product", "component", "retest", "skill", "document", "step", "who", "handoff",
    "instead_of", "article",
})  # fmt: skip
"""Fields that are words or formulas even where they look like a number, true or false."""


def write(content: Content) -> str:
    """All fields of all nodes as a table."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for name, node in content.nodes.items():
        for path, value in _leaves(node.data, ()):
            texts = value if isinstance(value, dict) else {}
            cells = (texts.get("zh", ""), texts.get("en", ""), "" if isinstance(value, dict) else _written(value))
            rows.writerow([name, node.kind.value, _path(path), *map(_guarded, cells)])
    return out.getvalue()


def apply(text: str, onto: Content) -> Content:
    """A graph with the changes of a table.

    Raises:
        GraphError: with every row that cannot be read or carried out.
    """
    found: list[str] = []
    known = {name: node.kind.value for name, node in onto.nodes.items()}
    wanted: list[tuple[int, Operation]] = []
    for line, row in _rows(text, found):
        try:
            wanted += [(line, operation) for operation in _operations(row, known)]
        except ValueError as error:
            found.append(f"line {line}: {error}")
        if len(found) >= MAX_REPORTED:
            break
    content = onto
    for first in range(0, 0 if found else len(wanted), MAX_OPERATIONS):
        part = wanted[first : first + MAX_OPERATIONS]
        try:
            content = apply_operations(content, [operation for _, operation in part])
        except EditError as error:
            line = part[min(error.index, len(part) - 1)][0]
            found.append(f"line {line}: {str(error).partition(': ')[2]}")
            break
    if found:
        raise GraphError(found)
    return content


def _rows(text: str, found: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [cell.strip().lower() for cell in next(lines, [])]
        if set(head) - {""} != set(COLUMNS):
            found.append(f"line 1: the columns are {','.join(COLUMNS)}, not {','.join(head)[:100]}")
            return
        for count, cells in enumerate(lines):
            if count >= MAX_ROWS:
                found.append(f"line {lines.line_num}: more than {MAX_ROWS} rows; split the table")
                return
            if any(cell.strip() for cell in cells):
                row = dict(zip(head, map(_bare, cells), strict=False))
                yield lines.line_num, {column: row.get(column, "") for column in COLUMNS}
    except csv.Error as error:
        found.append(f"line {lines.line_num}: not readable as CSV ({error}); correct it there")


def _operations(row: Mapping[str, str], known: dict[str, str]) -> Iterator[Operation]:
    """What a row does; `known` are the kinds of all nodes so far, and learns of new ones."""
    name, kind = row["id"], row["kind"]
    if not valid_id(name):
        raise ValueError(f"{name!r} cannot be an id; use letters, digits and _ (and no word of formulas)")
    if row["field"] == REMOVED:
        known.pop(name, None)
        yield {"op": "remove", "node": name}
        return
    if name not in known:
        if kind not in {one.value for one in Kind}:
            raise ValueError(f'"{name}" is new and needs a kind, one of {", ".join(one.value for one in Kind)}')
        known[name] = kind
        yield {"op": "put", "node": {"id": name, "kind": kind, "data": {}}}
    elif kind and kind != known[name]:
        raise ValueError(f'"{name}" is a {known[name]}, not a {kind}')
    path = _parts(row["field"])
    texts = {language: row[language] for language in ("zh", "en") if row[language]}
    if texts and row["value"]:
        raise ValueError('a row has either texts ("zh", "en") or a "value"')
    value: Any = texts or (_read(row["value"], path) if row["value"] else None)
    yield {"op": "set", "node": name, "path": list(path), "value": value}


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Fields with what stands in a row: a text in both languages, a list of words, a plain value."""
    if isinstance(value, dict) and value and not _is_text(value):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for place, item in enumerate(value):
            yield from _leaves(item, (*path, place))
    else:
        yield path, value


def _is_text(value: Mapping[str, Any]) -> bool:
    return value.keys() <= _TEXTS and all(isinstance(item, str) for item in value.values())


def _path(path: Path) -> str:
    return ".".join(str(part).replace("\\", "\\\\").replace(".", "\\.") for part in path)


def _parts(field: str) -> Path:
    """The path that a field's name stands for."""
    parts = [part.replace("\\.", ".").replace("\\\\", "\\") for part in _DOT.split(field)]
    if not all(parts):
        raise ValueError('a row names its "field", such as name or outcomes.red.label')
    return tuple(
        int(part) if before in _LISTS and part.isascii() and part.isdigit() else part
        for before, part in zip(["", *parts], parts, strict=False)
    )


def _written(value: Any) -> str:
    if isinstance(value, list):
        return SEPARATOR.join(str(item).replace("|", "\\|") for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or value == {} else str(value)


def _read(cell: str, path: Path) -> Any:
    """The value of a cell: words where words stand, lists where lists do, else the plain value that it looks like."""
    last = path[-1]
    if last == "then" or (len(path) > 1 and path[-2] in ("phrases", "says")):
        parts = cell.replace("\\|", "\0").split("|")
        return [part.strip().replace("\0", "|") for part in parts if part.strip()]
    if last in _WORDS or (len(path) == 2 and path[0] == "implies"):
        return cell
    if cell in ("true", "false"):
        return cell == "true"
    try:
        return int(cell) if cell.lstrip("+-").isdigit() else float(cell)
    except ValueError:
        return cell


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) else cell


def _bare(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") else cell
