"""Loading graphs from readable YAML files, strictly. Every error names file, line, node and the way out.

A file has sections (`symptoms`, `gates`, `faults`, `checks`, `fixes`, `products`, `components`, `documents`,
`skills`), each a mapping from id to fields; several files together are one graph. `kg/data/` holds the demo content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from kg import schema
from kg.formula import RESERVED
from kg.model import Graph, Kind, Node
from kg.validate import MAX_NODES, problems

MAX_BYTES: Final = 64 * 2**20
MAX_DEPTH: Final = 40
MAX_REPORTED: Final = 50
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class GraphError(ValueError):
    """A graph is refused. `problems` lists what is wrong, each with place and way out; the text shows all of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        shown = list(problems[:MAX_REPORTED])
        if len(problems) > MAX_REPORTED:
            shown.append(f"… and {len(problems) - MAX_REPORTED} more")
        super().__init__("\n".join(shown))
        self.problems = tuple(problems)


@dataclass
class _Located:
    """A value with the lines of all that is in it, by path."""

    value: Any
    lines: dict[tuple[str | int, ...], int]

    def line(self, path: tuple[str | int, ...]) -> int:
        """Line of the deepest part of the path that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(paths: Iterable[str | Path]) -> Graph:
    """One graph from YAML files, or folders of them.

    Raises:
        GraphError: with all problems found.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        files += sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
    if not files:
        raise GraphError(["no YAML file found; name a file, or a folder with files that end in .yaml"])
    sources = {}
    for path in files:
        try:
            if path.stat().st_size > MAX_BYTES:
                raise GraphError([f"{path}: larger than {MAX_BYTES // 2**20} MiB; split the file"])
            sources[str(path)] = path.read_text("utf-8")
        except OSError as error:
            raise GraphError(
                [f"{path}: cannot be read ({error.strerror}); check the name and the permissions"]
            ) from error
        except UnicodeDecodeError as error:
            raise GraphError([f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8"]) from error
    return load_texts(sources)


def load_texts(sources: Mapping[str, str]) -> Graph:
    """One graph from the contents of YAML files by name. Errors as in `load`."""
    found: list[str] = []
    sections: dict[str, dict[str, Node]] = {section: {} for section in schema.SECTIONS}
    places: dict[str, tuple[str, _Located, str]] = {}
    count = 0
    for path, text in sources.items():
        located = _read(path, text)
        if located.value is None:
            continue
        if not isinstance(located.value, dict):
            raise GraphError(
                [f"{path}:1: the file must be a mapping with sections such as {', '.join(schema.SECTIONS)}"]
            )
        for section, nodes in located.value.items():
            kind = schema.SECTIONS.get(section)
            where = f"{path}:{located.line((section,))}"
            if kind is None:
                found.append(f'{where}: unknown section "{section}"; use one of {", ".join(schema.SECTIONS)}')
                continue
            if not isinstance(nodes, dict):
                found.append(f'{where}: section "{section}" must be a mapping from ids to nodes')
                continue
            count += len(nodes)
            if count > MAX_NODES:
                raise GraphError(
                    [f"{where}: more than {MAX_NODES} nodes; split the graph by product and load the parts apart"]
                )
            for name, value in nodes.items():
                try:
                    sections[section][str(name)] = _node(kind, name, value, places, path, located, section)
                except schema.FieldError as problem:
                    line = located.line((section, name, *problem.path))
                    found.append(f"{path}:{line}: {problem}")
    if found:
        raise GraphError(found)
    graph = Graph(**sections)  # type: ignore[arg-type]  # each section holds the nodes of its kind
    for issue in problems(graph):
        path, located, section = places.get(issue.node, ("", _Located(None, {}), ""))
        line = located.line((section, issue.node, *issue.path))
        found.append(f"{path}:{line}: {issue.message}")
    if found:
        raise GraphError(found)
    return graph


def _node(  # noqa: PLR0917 - one call, all of them needed for the place of a problem
    kind: Kind,
    name: Any,
    value: Any,
    places: dict[str, tuple[str, _Located, str]],
    path: str,
    located: _Located,
    section: str,
) -> Node:
    if not valid_id(name):
        raise schema.FieldError(
            (), f"{name!r} cannot be an id; use letters, digits and _ (and no word of formulas)", "id"
        )
    if name in places:
        other, there, where = places[name]
        raise schema.FieldError(
            (), f'"{name}" was defined before at {other}:{there.line((where, name))}; rename one of them', "twice"
        )
    places[name] = (path, located, section)
    return schema.node(kind, name, value)


def valid_id(name: Any) -> bool:
    """Whether something can be the id of a node: a word that formulas can contain."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= 100
        and all(c.isalnum() or c in "_-" for c in name)
        and name.lower() not in RESERVED
        and not name.isdigit()
    )


def _read(path: str, text: str) -> _Located:
    loader = _LOADER(text)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            # Before composing, which is recursive and knows no bound of its own.
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            line = event.start_mark.line + 1 if event.start_mark else 1
            if depth > MAX_DEPTH:
                raise GraphError([f"{path}:{line}: nested deeper than {MAX_DEPTH} levels; a graph needs a dozen"])
            if isinstance(event, yaml.AliasEvent):
                raise GraphError([f"{path}:{line}: aliases (*{event.anchor}) are not used here; write the value out"])
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise GraphError([f"{path}:{line}: not readable as YAML ({error.problem}); correct it there"]) from error
    except yaml.YAMLError as error:
        raise GraphError([f"{path}:1: not readable as YAML ({error}); correct the file"]) from error
    finally:
        loader.dispose()
    lines: dict[tuple[str | int, ...], int] = {}
    constructor = yaml.constructor.SafeConstructor()

    def convert(node: yaml.Node, where: tuple[str | int, ...]) -> Any:
        lines.setdefault(where, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            result: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                line = key_node.start_mark.line + 1
                if not isinstance(key_node, yaml.ScalarNode):
                    raise GraphError([f"{path}:{line}: a field's name must be one word"])
                # Names stay what was written: `on`, `no` and `5` are not true, false and a number here.
                key = key_node.value
                if key in result:
                    raise GraphError([f'{path}:{line}: "{key}" occurs twice here; remove or rename one of them'])
                lines[(*where, key)] = line
                result[key] = convert(value_node, (*where, key))
            return result
        if isinstance(node, yaml.SequenceNode):
            return [convert(item, (*where, index)) for index, item in enumerate(node.value)]
        # Texts stay texts: a label that says No is no false, a date no timestamp.
        if node.tag == "tag:yaml.org,2002:timestamp" or (
            node.tag == "tag:yaml.org,2002:bool" and node.value not in ("true", "false")
        ):
            return node.value
        try:
            return constructor.construct_object(node)
        except yaml.YAMLError as error:
            raise GraphError(
                [f"{path}:{lines[where]}: a value of type {node.tag} is not allowed; write text or a number"]
            ) from error
        except ValueError as error:
            raise GraphError([f"{path}:{lines[where]}: {error}; put the value in quotes"]) from error

    return _Located(None if root is None else convert(root, ()), lines)
