"""``kefu train``, ``kefu eval nlu`` and ``kefu parse``: understanding from the command line."""

# ruff: noqa: PLC0415 - the models are loaded by the commands that need them

from __future__ import annotations

import json as json_module
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from server.cli_common import CommandFailedError, CompanyOption, Json, as_json, load
from server.settings import ConfigurationError, load_settings

if TYPE_CHECKING:
    from server.nlu.engine import Engine

_PLAIN_EVERY = 0.1

eval_app = typer.Typer(help="Measure what was trained.", no_args_is_help=True, rich_markup_mode=None)

ModelOption = Annotated[
    Path | None, typer.Option("--model", help="A trained model's folder; else the release of the company.")
]
DataOption = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Examples: Rasa YAML or JSON lines, files or folders; may be given several times."),
]


def train(
    *,
    company: CompanyOption = None,
    data: DataOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Train understanding alone and write the model into this folder.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random, with --out.")] = 0,
    json: Json = False,
) -> None:
    """Train the company's release if its data changed; with --out, a model of its own from any examples."""
    if out is None and data:
        raise ConfigurationError("--data needs --out: a company's release is trained from its own data")
    with _explained(), _progress(quiet=json) as tell:
        answer = _train_release(company, tell) if out is None else _train_model(company, data, out, seed, tell)
    if json:
        as_json(answer)
        return
    for name, value in answer.items():
        typer.echo(f"{name:<12} {_flat(value)}")


@eval_app.command("nlu")
def evaluate(
    data: Annotated[
        list[Path], typer.Option("--data", help="Held-out examples, as for train; intent oos: out of scope.")
    ],
    *,
    company: CompanyOption = None,
    model: ModelOption = None,
    json: Json = False,
) -> None:
    """Measure understanding on examples that training has not seen."""
    from server.nlu.evaluate import evaluate as measure

    with _explained():
        metrics = measure(_engine(company, model), data).metrics
    if json:
        as_json(metrics)
        return
    width = max(map(len, metrics))
    for name, value in metrics.items():
        typer.echo(f"{name:<{width}}  {'–' if value is None else value}")


def parse(
    text: Annotated[str, typer.Argument(metavar="TEXT", help='A message; "-" reads one message per line.')],
    *,
    locale: Annotated[str | None, typer.Option("--locale", help="Helps where the text shows no language.")] = None,
    company: CompanyOption = None,
    model: ModelOption = None,
    json: Json = False,
) -> None:
    """Show what a message is understood as."""
    with _explained():
        engine = _engine(company, model)
        for message in (line.rstrip("\n") for line in sys.stdin) if text == "-" else (text,):
            found = engine.parse(message, locale)
            if json:
                # One line each, so that many messages make JSON lines.
                typer.echo(json_module.dumps(found.to_json(), ensure_ascii=False))
                continue
            typer.echo(f"{found.intent.name} {found.intent.confidence:.3f}  (threshold {found.threshold:.3f}, "
                       f"out of scope {found.oos:.3f}, {found.language}, {found.ms:.0f} ms)")  # fmt: skip
            for intent in found.intent_ranking[1:4]:
                typer.echo(f"  or {intent.name} {intent.confidence:.3f}")
            for entity in found.entities:
                typer.echo(f"  {entity.entity}: {entity.value} ({entity.raw!r}, {entity.confidence:.3f})")


def _train_release(company: Path | None, tell: Callable[[float, str], None]) -> dict[str, object]:
    from server import release

    settings, loaded = load(company=company)
    folder = release.ensure(settings, loaded, tell)
    manifest = json_module.loads((folder / release.MANIFEST).read_text("utf-8"))
    return {"release": manifest["id"], "folder": str(folder), "metrics": manifest["nlu"]["metrics"]}


def _train_model(
    company: Path | None, data: list[Path] | None, out: Path, seed: int, tell: Callable[[float, str], None]
) -> dict[str, object]:
    from server.nlu.train import train as work

    settings = load_settings(company=company)
    if data is None:
        _, loaded = load(company=company)
        paths = [loaded.nlu_dir / language for language in loaded.languages]
        intents_file, entities_file = loaded.nlu_dir / "intents.yml", loaded.nlu_dir / "entities.yml"
        artefact = work(
            paths,
            out,
            intents_file=intents_file,
            entities_file=entities_file if entities_file.is_file() else None,
            seed=seed,
            risk_bound=settings.risk_bound,
            progress=tell,
        )
    else:
        artefact = work(data, out, seed=seed, risk_bound=settings.risk_bound, progress=tell)
    return {
        "model": artefact.id,
        "folder": str(out),
        "metrics": artefact.metrics,
        "problems": artefact.manifest["problems"],
    }


def _engine(company: Path | None, model: Path | None) -> Engine:
    from server import release
    from server.nlu.engine import Engine

    if model is not None:
        return Engine(model / release.NLU if (model / release.MANIFEST).is_file() else model)
    settings, loaded = load(company=company)
    name = release.release_id(settings, loaded)
    folder = settings.releases_dir / name
    if not (folder / release.MANIFEST).is_file():
        raise CommandFailedError(f"{folder}: {loaded.id} is not trained as its data is now; `kefu train` does it")
    return Engine(folder / release.NLU, release=name)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what training and models raise into one line."""
    from server.nlu.artefact import ArtefactError
    from server.nlu.data import DataError
    from server.nlu.weights import WeightsError

    try:
        yield
    except (ArtefactError, DataError, WeightsError) as error:
        raise CommandFailedError(str(error)) from error


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """Show a fraction and what is being done on standard error: a bar in a terminal, now and then a line elsewhere."""
    console = Console(stderr=True, quiet=quiet, highlight=False)
    if not console.is_terminal:
        began, told = time.monotonic(), (-1.0, "")

        def tell(fraction: float, text: str) -> None:
            nonlocal told
            if text != told[1] or fraction >= told[0] + _PLAIN_EVERY:
                told = (fraction, text)
                console.print(
                    f"{fraction:4.0%} {text} ({time.monotonic() - began:.0f} s)", soft_wrap=True, markup=False
                )

        yield tell
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("training", total=1.0)
        yield lambda fraction, text: bar.update(task, completed=fraction, description=text)


def _flat(value: object) -> str:
    return value if isinstance(value, str) else json_module.dumps(value, ensure_ascii=False)
