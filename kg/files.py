"""Graphs in files of several formats, as text in memory: what the console imports and exports.

Reading is strict and refuses with every place that it cannot read, so that nothing is half applied. YAML, node-link
JSON and GraphML hold a whole graph, Open-PSA its fault trees, a table (`kg.table`) changes to a graph that exists.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args
from xml.etree.ElementTree import ParseError

import networkx as nx
import orjson
from defusedxml import ElementTree as SafeTree
from defusedxml.common import DefusedXmlException

from kg import cli_api, nodelink, openpsa, schema, table
from kg.convert import graph_of_tree, to_yaml
from kg.editing import Content
from kg.load import GraphError, load_texts
from kg.model import Graph
from kg.openpsa import OpenPsaError
from kg.problems import Reader
from kg.tree import TreeError

Format = Literal["yaml", "json", "graphml", "xml", "csv"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
MAX_BYTES: Final = 8 * 2**20
MAX_JSON_DEPTH: Final = 40
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "yaml": "application/yaml", "json": "application/json", "graphml": "application/xml", "xml": "application/xml",
    "csv": "text/csv",
}  # fmt: skip
_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")
"""It may name another encoding than the text, which is decoded already, has."""
_NAMESPACE: Final = "{http://graphml.graphdrawing.org/xmlns}"


def read(kind: Format, data: bytes, onto: Content | None = None) -> Content:
    """The content that a file holds; a table's is `onto` with its changes.

    Raises:
        GraphError: The file cannot be used; it lists every place.
    """
    if len(data) > MAX_BYTES:
        raise GraphError([f"the file is larger than {MAX_BYTES // 2**20} MB; split it"])
    if kind == "csv":
        return table.apply(decode(data), onto or Content())
    if kind == "xml":
        found = Content.of_graph(_read_openpsa(data))
    elif kind == "yaml":
        found = Content.of_graph(load_texts({"file": decode(data)}))
    else:
        found = (_read_json if kind == "json" else _read_graphml)(decode(data))
    if not found.nodes:
        raise GraphError(["the file holds no node; export a graph to see what one looks like"])
    return found


def write(kind: Format, content: Content) -> bytes:
    """A file of a finished graph.

    Raises:
        GraphError: The graph has errors, or does not fit the format.
    """
    checked = Reader().check(content)
    if checked.errors:
        raise GraphError([f"{one.node}: {one.text.en}" for one in checked.errors])
    graph = checked.graph
    match kind:
        case "yaml":
            return to_yaml(graph).encode()
        case "json":
            document = {**nodelink.export(graph), "layout": content.as_json()["layout"]}
            return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        case "graphml":
            return _write_graphml(graph, content)
        case "xml":
            if not graph.symptoms:
                raise GraphError(["the graph has no symptom, and so no fault tree"])
            trees = [graph.tree(name) for name in graph.symptoms]
            return openpsa.write(cli_api.merged(trees, "graph")).encode()
        case _:
            return table.write(content).encode("utf-8-sig")  # spreadsheets know UTF-8 by its mark


def decode(data: bytes) -> str:
    """Text of a file in UTF-8, or in UTF-16 with its mark.

    Raises:
        GraphError: It is in another encoding, or no text.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        name = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise GraphError([f"line {line}: this is no {name} text; save the file as UTF-8"]) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise GraphError([f"line {line}: there is a NUL character; this is no text file"])
    return text


def _read_openpsa(data: bytes) -> Graph:
    try:
        return graph_of_tree(openpsa.read({"file": data}).tree)
    except (OpenPsaError, TreeError) as error:
        raise GraphError([str(error)]) from error


def _read_json(text: str) -> Content:
    if _depth(text) > MAX_JSON_DEPTH:
        raise GraphError([f"the document nests deeper than {MAX_JSON_DEPTH} levels; a graph needs a dozen"])
    try:
        document: Any = orjson.loads(text)
    except json.JSONDecodeError as error:
        raise GraphError([f"line {error.lineno}: not readable as JSON ({error.msg}); correct it there"]) from error
    return _with_layout(nodelink.read(document), document.get("layout"))


def _depth(text: str) -> int:
    """How deep brackets nest, those in texts left out."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _with_layout(graph: Graph, layout: Any) -> Content:
    places = layout if isinstance(layout, Mapping) else {}
    good = {
        name: place
        for name, place in places.items()
        if name in graph.nodes
        and isinstance(place, list)
        and len(place) == 2
        and all(isinstance(one, int | float) and abs(one) < 1e7 for one in place)
    }
    return Content.of_graph(graph, good)


# --------------------------------------------------------------------------- GraphML


def _write_graphml(graph: Graph, content: Content) -> bytes:
    """Each node with its kind, names and fields (as JSON), each link with its role, as NetworkX and yEd read them."""
    network: nx.MultiDiGraph = nx.MultiDiGraph()  # type: ignore[type-arg]
    for name, node in graph.nodes.items():
        data = schema.as_plain(node)
        known = data.get("name") or data.get("title") or {}
        place = content.layout.get(name)
        network.add_node(
            name, kind=content.nodes[name].kind.value, zh=known.get("zh", name), en=known.get("en", name),
            data=orjson.dumps(data).decode(), **({} if place is None else {"x": place[0], "y": place[1]}),
        )  # fmt: skip
    for origin, target, role in graph.links():
        network.add_edge(origin, target, role=role)
    out = io.BytesIO()
    nx.write_graphml_xml(network, out, named_key_ids=True)
    return out.getvalue()


def _read_graphml(text: str) -> Content:
    """Nodes by their `kind` and `data`; links follow from the nodes and are not read.

    It is parsed by hand, because the reader of NetworkX takes what a hostile file may hold.
    """
    try:
        root = SafeTree.fromstring(_DECLARATION.sub("", text, count=1).encode(), forbid_dtd=True)
    except (DefusedXmlException, ParseError) as error:
        reason = "a document type is not allowed" if isinstance(error, DefusedXmlException) else str(error)
        raise GraphError([f"not readable as GraphML ({reason}); correct it there"]) from error
    if root.tag != f"{_NAMESPACE}graphml":
        raise GraphError([f"the root element is <{root.tag}>, not <graphml>; this is no GraphML"])
    names = {key.get("id"): key.get("attr.name") for key in root.iter(f"{_NAMESPACE}key")}
    entries: list[dict[str, Any]] = []
    layout: dict[str, list[float]] = {}
    found: list[str] = []
    for node in root.iter(f"{_NAMESPACE}node"):
        name = node.get("id")
        values = {names.get(one.get("key")): one.text or "" for one in node.findall(f"{_NAMESPACE}data")}
        try:
            entries.append({"id": name, "kind": values.get("kind"), "data": orjson.loads(values.get("data") or "{}")})
            if "x" in values and "y" in values:
                layout[str(name)] = [float(values["x"]), float(values["y"])]
        except json.JSONDecodeError as error:
            found.append(f'node "{name}": its "data" is not readable as JSON ({error.msg})')
        except ValueError:
            found.append(f'node "{name}": "x" and "y" are numbers')
    if found:
        raise GraphError(found)
    return _with_layout(nodelink.read({"nodes": entries}), layout)
