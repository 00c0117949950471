"""What `kefu kg check|analyse|import|export` do, as functions that return values; printing is the command line's.

Files are recognised by their ending: `.xml` is Open-PSA, `.json` node-link JSON, `.yaml` and `.yml` graphs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from kg import analysis, nodelink, openpsa
from kg.analysis import DEFAULT_SECONDS, Analysis
from kg.bdd import AnalysisLimitError
from kg.compiled import Knowledge
from kg.convert import graph_of_tree, to_yaml
from kg.load import GraphError, load
from kg.model import Graph
from kg.openpsa import HOURS_PER_YEAR, OpenPsaError
from kg.posterior import EntangledError
from kg.tree import FaultTree, TreeError

Format = Literal["yaml", "nodelink", "openpsa"]
ERRORS = (GraphError, OpenPsaError, TreeError, AnalysisLimitError, EntangledError)
"""Everything that these functions raise for wrong input; each message names place and way out."""


@dataclass(frozen=True)
class Checked:
    """What `check` found. `problems` is empty where the graph may be used."""

    ok: bool
    version: str
    nodes: int
    symptoms: int
    faults: int
    checks: int
    fixes: int
    largest_circuit: int
    seconds: float
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self)


def check(files: Sequence[str | Path]) -> Checked:
    """Read a graph strictly and compile every symptom of it."""
    began = time.perf_counter()
    try:
        graph = read_graph(files)
        knowledge = Knowledge(graph)
        knowledge.compile_all()
    except ERRORS as error:
        found = error.problems if isinstance(error, GraphError) else (str(error),)
        return Checked(False, "", 0, 0, 0, 0, 0, 0, round(time.perf_counter() - began, 3), found)
    return Checked(
        ok=True,
        version=graph.version,
        nodes=len(graph.nodes),
        symptoms=len(graph.symptoms),
        faults=len(graph.faults),
        checks=len(graph.checks),
        fixes=len(graph.fixes),
        largest_circuit=max((circuit.size for circuit in knowledge.circuits.values()), default=0),
        seconds=round(time.perf_counter() - began, 3),
        problems=(),
    )


def analyse(
    files: Sequence[str | Path],
    max_order: int | None = None,
    *,
    top: str | None = None,
    list_limit: int = 0,
    importance: bool = False,
    mission_time: float = HOURS_PER_YEAR,
    seconds: float | None = DEFAULT_SECONDS,
) -> Analysis:
    """Analyse one model from Open-PSA files, or one symptom (`top`) of a graph.

    Raises:
        One of `ERRORS`.
    """
    began = time.perf_counter()
    if _endings(files) == {".xml"}:
        tree = openpsa.read_files(files, mission_time=mission_time).tree
    else:
        graph = read_graph(files)
        top = top or next(iter(graph.symptoms), "")
        if top not in graph.symptoms:
            raise TreeError(f'there is no symptom "{top}"; the graph has {", ".join(graph.symptoms)}')
        tree = graph.tree(top)
    spent = time.perf_counter() - began
    limit = None if seconds is None else max(0.1, seconds - spent)
    return analysis.analyse(
        tree, top=top, max_order=max_order, list_limit=list_limit, importance=importance, seconds=limit, spent=spent
    )


def import_files(files: Sequence[str | Path], *, mission_time: float = HOURS_PER_YEAR) -> str:
    """A YAML file from Open-PSA or node-link JSON files.

    Raises:
        One of `ERRORS`.
    """
    if _endings(files) == {".xml"}:
        return to_yaml(graph_of_tree(openpsa.read_files(files, mission_time=mission_time).tree))
    return to_yaml(read_graph(files))


def export_files(files: Sequence[str | Path], to: Format, *, top: str | None = None) -> str:
    """A graph, or for Open-PSA one symptom of it (all of them, where `top` is not given), as text in another format.

    Raises:
        One of `ERRORS`.
    """
    graph = read_graph(files)
    if to == "yaml":
        return to_yaml(graph)
    if to == "nodelink":
        return orjson.dumps(nodelink.export(graph), option=orjson.OPT_INDENT_2).decode() + "\n"
    if top is not None and top not in graph.symptoms:
        raise TreeError(f'there is no symptom "{top}"; the graph has {", ".join(graph.symptoms)}')
    trees = [graph.tree(name) for name in ([top] if top else graph.symptoms)]
    return openpsa.write(merged(trees, top or "graph"))


def merged(trees: Sequence[FaultTree], name: str) -> FaultTree:
    """Several trees over the same faults as one model with several tops."""
    whole = FaultTree(name, {}, {}, frozenset(), {}, {})
    for tree in trees:
        whole = FaultTree(
            name,
            {**whole.gates, **tree.gates},
            {**whole.probabilities, **tree.probabilities},
            whole.events | tree.events,
            {},
            {**whole.labels, **tree.labels},
        )
    return whole


def read_graph(files: Sequence[str | Path]) -> Graph:
    """The graph of YAML files, of one node-link JSON file, or of Open-PSA files.

    Raises:
        One of `ERRORS`.
    """
    endings = _endings(files)
    if endings == {".xml"}:
        return graph_of_tree(openpsa.read_files(files).tree)
    if endings == {".json"}:
        if len(files) != 1:
            raise GraphError(["node-link JSON is one document; name one .json file"])
        try:
            return nodelink.read(orjson.loads(Path(files[0]).read_bytes()))
        except (json.JSONDecodeError, OSError) as error:
            raise GraphError([f"{files[0]}: cannot be read as JSON ({error}); correct the file"]) from error
    return load(files)


def _endings(files: Sequence[str | Path]) -> set[str]:
    if not files:
        raise GraphError(["no file named; name .yaml files, one .json file or .xml files"])
    endings = {".yaml" if Path(file).suffix in (".yml", "") else Path(file).suffix.lower() for file in files}
    for file in files:
        if not Path(file).exists():
            raise GraphError([f"{file}: does not exist; check the name"])
    if len(endings) > 1:
        raise GraphError([f"files of different kinds together ({', '.join(sorted(endings))}); name one kind"])
    return endings
