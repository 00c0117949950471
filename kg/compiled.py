"""A graph together with its compiled inference: made once per version, stored as one file, loaded quickly.

The file is JSON (gzip-free, so that loading is fast): nothing in it is executed when it is read.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from kg import nodelink, schema
from kg.load import GraphError
from kg.model import Graph, Kind, Node
from kg.posterior import Circuit, Structure, compile_symptom, structure

FORMAT: Final = 1


@contextmanager
def no_collection() -> Iterator[None]:
    """Hold the garbage collector while hundreds of thousands of lasting objects are made; it would find nothing.

    What was made is then taken out of its sight, so that no later collection, in the middle of a step, walks over it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()


@dataclass
class Knowledge:
    """A graph that diagnoses can run on. Circuits are compiled when first needed, or all at once by `compile_all`."""

    graph: Graph
    circuits: dict[str, Circuit] = field(default_factory=dict)
    _stored: dict[str, Any] = field(default_factory=dict, repr=False)
    _known: dict[str, tuple[Structure, Circuit]] = field(default_factory=dict, repr=False)
    """Circuits of a graph before this one; those of symptoms whose structure is the same are taken over."""

    @staticmethod
    def after(graph: Graph, before: Knowledge | None) -> Knowledge:
        """Knowledge of a graph that came of another: what the change left alone need not be compiled again."""
        known = {}
        if before is not None:
            known = dict(before._known)
            for symptom, circuit in before.circuits.items():
                known[symptom] = (structure(before.graph, symptom), circuit)
        return Knowledge(graph, _known=known)

    def circuit(self, symptom: str) -> Circuit:
        """Compiled inference of a symptom. Raises KeyError for an unknown one."""
        if symptom not in self.circuits:
            stored = self._stored.pop(symptom, None)
            self.circuits[symptom] = Circuit.from_json(stored) if stored is not None else self._compiled(symptom)
        return self.circuits[symptom]

    def _compiled(self, symptom: str) -> Circuit:
        known = self._known.pop(symptom, None)
        if known is not None and known[0] == structure(self.graph, symptom):
            return known[1]
        return compile_symptom(self.graph, symptom)

    def compile_all(self) -> None:
        """Compile every symptom. Raises `kg.posterior.EntangledError` for one that cannot be."""
        with no_collection():
            for symptom in self.graph.symptoms:
                self.circuit(symptom)

    def save(self, path: str | Path) -> None:
        """Write graph and circuits to one file, replacing it in one step."""
        self.compile_all()
        content = {
            "format": FORMAT,
            "version": self.graph.version,
            "nodes": [nodelink.of_node(self.graph, name) for name in self.graph.nodes],
            "circuits": {name: circuit.as_json() for name, circuit in self.circuits.items()},
        }
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        partial.write_bytes(orjson.dumps(content))
        partial.replace(target)

    @staticmethod
    def load(path: str | Path) -> Knowledge:
        """What `save` wrote. Nodes are read strictly; the graph's links were checked when it was compiled.

        Raises:
            GraphError: the file is damaged, or of another format.
        """
        try:
            with no_collection():
                return Knowledge._read(path)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, GraphError):
                raise
            raise GraphError([f"{path}: is damaged ({error}); compile the graph again"]) from error

    @staticmethod
    def _read(path: str | Path) -> Knowledge:
        content = orjson.loads(Path(path).read_bytes())
        if content["format"] != FORMAT:
            raise GraphError([f"{path}: format {content['format']} is not {FORMAT}; compile the graph again"])
        sections: dict[str, dict[str, Node]] = {section: {} for section in schema.SECTIONS}
        section_of = {kind: section for section, kind in schema.SECTIONS.items()}
        for entry in content["nodes"]:
            kind = Kind(entry["kind"])
            sections[section_of[kind]][entry["id"]] = schema.node(kind, entry["id"], entry["data"])
        graph = Graph(**sections)  # type: ignore[arg-type]  # each section holds the nodes of its kind
        # The digest was computed when the file was written; computing it again would cost as much as reading.
        graph.__dict__["version"] = str(content["version"])
        # Derived tables that the first step would otherwise have to wait for.
        _ = (graph.facets, graph.fixes_of)
        return Knowledge(graph, {}, dict(content["circuits"]))
