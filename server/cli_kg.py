"""``kefu kg``: check and analyse fault trees."""

# ruff: noqa: PLC0415 - the analysis libraries are loaded by the commands that need them

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli_common import CommandFailedError, Json, as_json

if TYPE_CHECKING:
    from kg.analysis import Analysis
    from kg.openpsa import Model

app = typer.Typer(help="Check and analyse fault trees (Open-PSA files).", no_args_is_help=True, rich_markup_mode=None)

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE…", help="Open-PSA files (.xml) that together make one model.")
]


@app.command()
def check(files: Files, json: Json = False) -> None:
    """Read a model and say whether it can be used; exit status 1 when it cannot."""
    from kg.openpsa import OpenPsaError

    try:
        model = _read(files)
    except OpenPsaError as error:
        if json:
            as_json({"ok": False, "error": str(error)})
            raise typer.Exit(1) from error
        raise CommandFailedError(str(error)) from error
    tree = model.tree
    tops = tree.tops()
    without = sorted(tree.events - tree.probabilities.keys())
    answer = {
        "ok": True,
        "tops": tops,
        "gates": len(tree.gates),
        "events": len(tree.events | tree.probabilities.keys()),
        "without_probability": without,
        "coherent": tree.is_coherent(tops),
        "ignored": list(model.ignored),
    }
    if json:
        as_json(answer)
        return
    typer.echo(f"ok: {answer['gates']} gates, {answer['events']} basic events; top events: {', '.join(tops)}")
    if not answer["coherent"]:
        typer.echo("not coherent (it has NOT or XOR gates): probabilities are exact, minimal cut sets are not defined")
    for name in without:
        typer.echo(f'event "{name}" has no probability')
    for text in model.ignored:
        typer.echo(f"ignored: {text}")


@app.command()
def analyse(
    files: Files,
    *,
    top: Annotated[str | None, typer.Option("--top", help="The gate to analyse; else the top event.")] = None,
    max_order: Annotated[
        int | None, typer.Option("--max-order", min=1, help="Only cut sets of at most this many events.")
    ] = None,
    cut_sets: Annotated[int, typer.Option("--cut-sets", min=0, help="List up to this many cut sets.")] = 0,
    importance: Annotated[bool, typer.Option("--importance", help="Compute importance measures.")] = False,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Give up after this time.")] = 600.0,
    json: Json = False,
) -> None:
    """Exact probability of the top event, minimal cut sets, importance of each event."""
    from kg import analysis, bdd
    from kg.openpsa import OpenPsaError
    from kg.tree import TreeError

    try:
        result = analysis.analyse(
            _read(files).tree,
            top=top,
            max_order=max_order,
            list_limit=cut_sets,
            importance=importance,
            seconds=seconds,
        )
    except (OpenPsaError, TreeError, bdd.AnalysisLimitError) as error:
        raise CommandFailedError(str(error)) from error
    if json:
        as_json(result.as_json())
    else:
        _show(result)


def _read(files: list[Path]) -> Model:
    from kg import openpsa

    for path in files:
        if not path.is_file():
            raise CommandFailedError(f"{path}: there is no such file")
    return openpsa.read_files(files)


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
