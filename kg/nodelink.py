"""Node-link JSON, the interchange format of NetworkX: whole graphs in, whole graphs out, under the rules of YAML
files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx

from kg import schema
from kg.load import GraphError, valid_id
from kg.model import Graph, Kind, Node, kind_of
from kg.validate import MAX_NODES, problems

_SECTION_OF = {kind: section for section, kind in schema.SECTIONS.items()}


def export(graph: Graph) -> dict[str, Any]:
    """The graph as `networkx.node_link_data` writes it; each node carries `kind` and its fields under `data`."""
    data: dict[str, Any] = nx.node_link_data(graph.network, edges="links")
    for entry in data["nodes"]:
        entry["data"] = schema.as_plain(graph.nodes[entry["id"]])
    data["graph"] = {"version": graph.version}
    return data


def read(data: Any) -> Graph:
    """The graph of a node-link document. Links are derived from the nodes; what the document says of them is checked.

    Raises:
        GraphError: with all problems found.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("nodes"), list):
        raise GraphError(['a node-link document is an object with a list "nodes"; this is none'])
    entries = data["nodes"]
    if len(entries) > MAX_NODES:
        raise GraphError([f"the graph has {len(entries)} nodes, more than {MAX_NODES}; split it by product"])
    found: list[str] = []
    sections: dict[str, dict[str, Node]] = {section: {} for section in schema.SECTIONS}
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        where = f"nodes[{index}]"
        name = entry.get("id") if isinstance(entry, Mapping) else None
        kinds = [kind.value for kind in Kind]
        if not isinstance(entry, Mapping) or not valid_id(name) or entry.get("kind") not in kinds:
            found.append(f'{where}: a node needs an "id" (a word) and a "kind", one of {", ".join(kinds)}')
            continue
        if name in seen:
            found.append(f'{where}: "{name}" occurs twice; rename one of them')
            continue
        seen.add(str(name))
        kind = Kind(entry["kind"])
        try:
            sections[_SECTION_OF[kind]][str(name)] = schema.node(kind, str(name), entry.get("data"))
        except schema.FieldError as problem:
            found.append(f"{where}.data{''.join(f'[{part!r}]' for part in problem.path)}: {problem}")
    if found:
        raise GraphError(found)
    graph = Graph(**sections)  # type: ignore[arg-type]  # each section holds the nodes of its kind
    place = {entry["id"]: index for index, entry in enumerate(entries)}
    found = [f"nodes[{place.get(issue.node, 0)}]: {issue.message}" for issue in problems(graph)]
    found += _links(graph, data)
    if found:
        raise GraphError(found)
    return graph


def _links(graph: Graph, data: Mapping[str, Any]) -> list[str]:
    links = data.get("links", data.get("edges"))
    if links is None:
        return []
    real = {(origin, target) for origin, target, _ in graph.links()}
    found = []
    for index, link in enumerate(links if isinstance(links, list) else []):
        pair = (link.get("source"), link.get("target")) if isinstance(link, Mapping) else (None, None)
        if pair not in real:
            found.append(
                f"links[{index}]: {pair[0]} → {pair[1]} does not follow from the nodes; correct it or leave it out"
            )
    return found


def of_node(graph: Graph, name: str) -> dict[str, Any]:
    """One node as it stands in the document."""
    return {"id": name, "kind": kind_of(graph.nodes[name]).value, "data": schema.as_plain(graph.nodes[name])}
