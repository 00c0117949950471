"""``kefu kg``: check, analyse, import, export and publish fault-tree graphs.

A graph is YAML (files or folders, as in ``kg/data``) or node-link JSON; a bare fault tree is Open-PSA XML.
"""

# ruff: noqa: PLC0415 - the analysis libraries are loaded by the commands that need them

from __future__ import annotations

import json as json_module
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from server.cli_common import CommandFailedError, CompanyOption, Json, as_json, load
from server.settings import ConfigurationError

if TYPE_CHECKING:
    from kg.analysis import Analysis
    from kg.model import Graph
    from kg.tree import FaultTree

app = typer.Typer(help="Check, analyse and convert fault-tree graphs.", no_args_is_help=True, rich_markup_mode=None)

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH…]", help="YAML, node-link JSON or Open-PSA XML; else the company's graph."),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write into this file; else to standard output.")]
TopOption = Annotated[str | None, typer.Option("--top", help="The symptom, or the gate of an Open-PSA model.")]


class ExportFormat(StrEnum):
    """What `kefu kg export` writes."""

    NODE_LINK = "node-link"
    OPEN_PSA = "open-psa"


@app.command()
def check(paths: PathsArgument = None, *, company: CompanyOption = None, json: Json = False) -> None:
    """Say whether a graph or model can be used, with everything that is wrong in it; exit status 1 when it cannot."""
    try:
        with _explained():
            found = _read(_paths(paths, company))
    except CommandFailedError as error:
        if json:
            as_json({"ok": False, "problems": str(error).splitlines()})
            raise typer.Exit(1) from error
        raise
    answer = _describe_tree(found.tree, found.ignored) if isinstance(found, _Model) else _describe_graph(found)
    if json:
        as_json({"ok": True, **answer})
        return
    typer.echo("ok")
    for name, value in answer.items():
        typer.echo(f"  {name}: {', '.join(map(str, value)) or 'none' if isinstance(value, list) else value}")


@app.command()
def analyse(
    paths: PathsArgument = None,
    *,
    top: TopOption = None,
    max_order: Annotated[
        int | None, typer.Option("--max-order", min=1, help="Only cut sets of at most this many events.")
    ] = None,
    cut_sets: Annotated[int, typer.Option("--cut-sets", min=0, help="List up to this many cut sets.")] = 0,
    importance: Annotated[bool, typer.Option("--importance", help="Compute importance measures.")] = False,
    mission_time: Annotated[
        float, typer.Option("--mission-time", min=0, metavar="HOURS", help="For failure rates in Open-PSA files.")
    ] = 8760.0,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Give up after this time.")] = 600.0,
    company: CompanyOption = None,
    json: Json = False,
) -> None:
    """Exact probability of the top event, minimal cut sets, importance of each event."""
    from kg import analysis

    with _explained():
        found = _read(_paths(paths, company), mission_time)
        result = analysis.analyse(
            _tree(found, top),
            top=top,
            max_order=max_order,
            list_limit=cut_sets,
            importance=importance,
            seconds=seconds,
        )
    if isinstance(found, _Model):
        result.notes.extend(f"{left}: left out, only fault trees are analysed" for left in found.ignored)
    if json:
        as_json(result.as_json())
    else:
        _show(result)


@app.command("import")
def import_graph(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A graph as node-link JSON, or Open-PSA XML.")],
    *,
    out: OutOption = None,
) -> None:
    """Turn a node-link JSON graph or an Open-PSA fault tree into the YAML of a company's kg folder, after checking it.

    A fault tree tells nothing of what customers are asked: checks, fixes and wordings are yours to add.
    """
    from kg.convert import graph_of_tree, to_yaml

    with _explained():
        found = _read([path])
        if isinstance(found, _Model):
            _write(to_yaml(graph_of_tree(found.tree)), out)
            return
    text = yaml.dump(_sections(found), allow_unicode=True, sort_keys=False, width=120)
    _write(text, out)


@app.command()
def export(
    paths: PathsArgument = None,
    *,
    to: Annotated[ExportFormat, typer.Option("--to", help="The format.")] = ExportFormat.NODE_LINK,
    top: TopOption = None,
    out: OutOption = None,
    company: CompanyOption = None,
) -> None:
    """Write a graph as node-link JSON, or the fault tree of one symptom as Open-PSA XML."""
    from kg import nodelink, openpsa

    with _explained():
        found = _read(_paths(paths, company))
        if to is ExportFormat.OPEN_PSA:
            _write(openpsa.write(_tree(found, top)), out)
            return
    if isinstance(found, _Model):
        raise ConfigurationError("a fault tree alone is no graph; use --to open-psa")
    _write(json_module.dumps(nodelink.export(found), ensure_ascii=False, indent=1) + "\n", out)


@app.command()
def publish(
    paths: PathsArgument = None,
    *,
    message: Annotated[str, typer.Option("--message", "-m", help="What changes, for the history.")],
    override: Annotated[str, typer.Option("--override", help="Why failing cases do not matter.")] = "",
    company: CompanyOption = None,
    json: Json = False,
) -> None:
    """Make a graph the version in service, after checking it and running the saved cases; a running Kefu follows.

    The graph in the database rules; the company's files are its first version and are not read again otherwise.
    """
    import asyncio

    from server.gateway.graph_refusals import Refusal
    from server.gateway.graph_service import publish_graph

    settings, loaded = load(company=company)
    with _explained():
        found = _read(_paths(paths, company))
    if isinstance(found, _Model):
        raise ConfigurationError("a fault tree alone is no graph; import it, add checks and fixes, and publish that")
    work = publish_graph(settings, loaded, found, message=message, override=override, author="command line")
    try:
        made = asyncio.run(work)
    except Refusal as refusal:
        places = [one["text"]["en"] for one in refusal.more.get("problems") or refusal.more.get("failed") or ()]
        raise CommandFailedError("\n".join([refusal.text["en"], *places])) from None
    if json:
        as_json({"version": made.version, "digest": made.digest, "changed": made.changed + made.added + made.removed})
        return
    typer.echo(
        f"version {made.version} is in service: {made.added} added, {made.removed} removed, {made.changed} changed"
    )


class _Model:
    """An Open-PSA model: one fault tree, and what of it was left out."""

    def __init__(self, tree: FaultTree, ignored: tuple[str, ...]) -> None:
        self.tree = tree
        self.ignored = ignored


def _paths(paths: list[Path] | None, company: Path | None) -> list[Path]:
    if paths:
        for path in paths:
            if not path.exists():
                raise CommandFailedError(f"{path}: there is no such file or folder")
        return paths
    _, loaded = load(company=company)
    if loaded.kg_dir is None:
        raise ConfigurationError(f"{loaded.folder}: company.toml names no graph (paths.kg); name files instead")
    return [loaded.kg_dir]


def _read(paths: list[Path], mission_time: float = 8760.0) -> Graph | _Model:
    from kg import load as graphs
    from kg import nodelink, openpsa

    kinds = {path.suffix.lower() for path in paths}
    if kinds == {".xml"}:
        model = openpsa.read_files(paths, mission_time=mission_time)
        return _Model(model.tree, model.ignored)
    if kinds == {".json"} and len(paths) == 1:
        try:
            return nodelink.read(json_module.loads(paths[0].read_text("utf-8")))
        except (ValueError, OSError) as error:
            raise CommandFailedError(_with_place(paths[0], error)) from error
    if kinds & {".xml", ".json"}:
        raise ConfigurationError("name either Open-PSA files (.xml), or one .json file, or YAML files and folders")
    return graphs.load(paths)


def _with_place(path: Path, error: Exception) -> str:
    return "\n".join(f"{path}: {line}" for line in str(error).splitlines())


def _tree(found: Graph | _Model, top: str | None) -> FaultTree:
    if isinstance(found, _Model):
        return found.tree
    symptoms = list(found.symptoms)
    if top is None and len(symptoms) == 1:
        return found.tree(symptoms[0])
    if top is None or top not in found.symptoms:
        raise ConfigurationError(f"name one of the graph's symptoms with --top: {', '.join(symptoms)}")
    return found.tree(top)


def _describe_tree(tree: FaultTree, ignored: tuple[str, ...]) -> dict[str, Any]:
    tops = tree.tops()
    return {
        "tops": tops,
        "gates": len(tree.gates),
        "events": len(tree.events | tree.probabilities.keys()),
        "without_probability": sorted(tree.events - tree.probabilities.keys()),
        "coherent": tree.is_coherent(tops),
        "ignored": list(ignored),
    }


def _describe_graph(graph: Graph) -> dict[str, Any]:
    from kg.schema import SECTIONS

    return {"version": graph.version, **{name: len(getattr(graph, name)) for name in SECTIONS}}


def _sections(graph: Graph) -> dict[str, dict[str, Any]]:
    from kg.schema import SECTIONS, as_plain

    sections = {name: {key: as_plain(node) for key, node in getattr(graph, name).items()} for name in SECTIONS}
    return {name: nodes for name, nodes in sections.items() if nodes}


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise CommandFailedError(f"{out}: cannot be written: {error.strerror}") from error


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what reading and analysis raise into lines for people."""
    from kg.bdd import AnalysisLimitError
    from kg.load import GraphError
    from kg.openpsa import OpenPsaError
    from kg.tree import TreeError

    try:
        yield
    except (AnalysisLimitError, GraphError, OpenPsaError, TreeError) as error:
        raise CommandFailedError(str(error)) from error


def _show(result: Analysis) -> None:
    typer.echo(f"top event            {result.top}")
    typer.echo(f"probability          {'–' if result.probability is None else f'{result.probability:.6g}'}")
    typer.echo(f"minimal cut sets     {'–' if result.minimal_cut_sets is None else result.minimal_cut_sets}")
    typer.echo(f"gates, basic events  {result.gates}, {result.events}")
    typer.echo(f"time                 {result.seconds} s")
    for order, count in sorted((result.cut_sets_by_order or {}).items()):
        typer.echo(f"  of order {order:<10} {count}")
    for one in result.cut_sets or []:
        typer.echo(f"  {{{', '.join(one)}}}")
    if result.importance:
        typer.echo(f"{'event':<24} {'probability':>12} {'Birnbaum':>12} {'criticality':>12} {'Fussell-Vesely':>15}")
        for row in result.importance:
            vesely = "–" if row.fussell_vesely is None else f"{row.fussell_vesely:.4g}"
            typer.echo(
                f"{row.event:<24} {row.probability:>12.4g} {row.birnbaum:>12.4g} {row.criticality:>12.4g} {vesely:>15}"
            )
    for note in result.notes:
        typer.echo(f"note: {note}")
