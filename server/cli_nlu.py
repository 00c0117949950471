"""``kefu train``, ``kefu eval nlu`` and ``kefu parse``: understanding from the command line."""

# ruff: noqa: PLC0415 - the models are loaded by the commands that need them

from __future__ import annotations

import json as json_module
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from server.cli_common import CommandFailedError, CompanyOption, Json, as_json, load
from server.settings import ConfigurationError, load_settings

if TYPE_CHECKING:
    from server.llm.setup import Blocking
    from server.nlu.engine import Engine, Understanding
    from server.settings_understanding import Understanding as Chosen

_PLAIN_EVERY = 0.1

eval_app = typer.Typer(help="Measure what was trained.", no_args_is_help=True, rich_markup_mode=None)

ModelOption = Annotated[
    Path | None, typer.Option("--model", help="A trained model's folder; else the release of the company.")
]
DataOption = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Examples: Rasa YAML or JSON lines, files or folders; may be given several times."),
]

ENGINES = ("embedded", "local", "huggingface", "openai")
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="embedded, local, huggingface or openai; else the one that the settings choose."),
]


class Effort(StrEnum):
    """How much time training may take."""

    QUICK = "quick"
    FULL = "full"


def train(
    *,
    company: CompanyOption = None,
    engine: EngineOption = None,
    data: DataOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Train understanding alone and write the model into this folder.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random, with --out.")] = 0,
    effort: Annotated[
        Effort,
        typer.Option("--effort", help="full tunes the encoders too (with --out): better, and several minutes more."),
    ] = Effort.FULL,
    json: Json = False,
) -> None:
    """Train the company's release if its data changed; with --out, a model of its own from any examples.

    Another engine than the embedded one is prepared and calibrated besides.
    """
    if out is None and data:
        raise ConfigurationError("--data needs --out: a company's release is trained from its own data")
    with _explained(), _progress(quiet=json) as tell:
        chosen = _understanding(engine)
        if chosen.engine != "embedded" and (engine is not None or out is None):
            answer = _prepare_engine(company, chosen, data, out, seed=seed, tell=tell)
        elif out is None:
            answer = _train_release(company, tell)
        else:
            answer = _train_model(company, data, out, seed=seed, effort=effort, tell=tell)
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
    engine: EngineOption = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", help="Write a page (HTML): confusions, reliability, risk and coverage, worst examples."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Measure understanding on examples that training has not seen."""
    from server.nlu import report as page
    from server.nlu.evaluate import evaluate as measure

    with _explained(), _opened(company, model, engine) as understanding:
        found = measure(understanding, data)
        if report is not None:
            release = found.parses[0].release if found.parses else "–"
            page.write(found, report, title=f"{release} · {', '.join(path.name for path in data)}")
    metrics = found.metrics
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
    engine: EngineOption = None,
    json: Json = False,
) -> None:
    """Show what a message is understood as."""
    with _explained(), _opened(company, model, engine) as understanding:
        for message in (line.rstrip("\n") for line in sys.stdin) if text == "-" else (text,):
            found = understanding.parse(message, locale)
            if json:
                # One line each, so that many messages make JSON lines.
                typer.echo(json_module.dumps(found.to_json(), ensure_ascii=False))
                continue
            typer.echo(f"{found.intent.name} {found.intent.confidence:.3f}  (threshold {found.threshold:.3f}, "
                       f"out of scope {found.oos:.3f}, {found.language}, {found.ms:.0f} ms)")  # fmt: skip
            for intent in found.intent_ranking[1:4]:
                typer.echo(f"  or {intent.name} {intent.confidence:.3f}")
            fallback = getattr(found, "fallback", None)
            if fallback is not None:
                typer.echo(f"  {fallback['engine']} did not answer ({fallback['cause']}): {found.engine} did")
            for entity in found.entities:
                typer.echo(f"  {entity.entity}: {entity.value} ({entity.raw!r}, {entity.confidence:.3f})")


def _train_release(company: Path | None, tell: Callable[[float, str], None]) -> dict[str, object]:
    from server import release
    from server.gateway.company_in_force import with_company

    settings, loaded = load(company=company)
    settings = with_company(settings)
    folder = release.ensure(settings, loaded, tell)
    manifest = json_module.loads((folder / release.MANIFEST).read_text("utf-8"))
    return {"release": manifest["id"], "folder": str(folder), "metrics": manifest["nlu"]["metrics"]}


def _train_model(
    company: Path | None,
    data: list[Path] | None,
    out: Path,
    *,
    seed: int,
    effort: Effort,
    tell: Callable[[float, str], None],
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
            effort=effort.value,
            risk_bound=settings.risk_bound,
            progress=tell,
        )
    else:
        artefact = work(data, out, seed=seed, effort=effort.value, risk_bound=settings.risk_bound, progress=tell)
    return {
        "model": artefact.id,
        "folder": str(out),
        "metrics": artefact.metrics,
        "problems": artefact.manifest["problems"],
    }


def _understanding(engine: str | None) -> Chosen:
    if engine is not None and engine not in ENGINES:
        raise ConfigurationError(f"--engine {engine}: use one of {', '.join(ENGINES)}")
    settings = load_settings(understanding={"engine": engine} if engine else None)
    return settings.understanding


def _prepare_engine(
    company: Path | None,
    chosen: Chosen,
    data: list[Path] | None,
    out: Path | None,
    *,
    seed: int,
    tell: Callable[[float, str], None],
) -> dict[str, object]:
    """The company's engine beside its release; or one in a folder of its own, from the company's or other examples."""
    import asyncio

    from server import release
    from server.llm import ensure, setup
    from server.llm.prepare import Sources

    settings, loaded = load(company=company, understanding=chosen.model_dump())
    if out is None:
        folder = release.ensure(settings, loaded, lambda f, text: tell(0.5 * f, text))
        out = settings.engine_dir(folder.name)
    sources = ensure.sources(loaded) if data is None else Sources(data)
    manifest = asyncio.run(
        setup.prepared(chosen, sources, out, risk_bound=settings.risk_bound, progress=tell, seed=seed)
    )
    return {"engine": chosen.engine, "model": manifest["model"], "folder": str(out), "metrics": manifest["metrics"]}


@contextmanager
def _opened(company: Path | None, model: Path | None, engine: str | None) -> Iterator[Understanding]:
    """The engine that the options and settings name, closed afterwards where there is something to close."""
    found = _engine(company, model, engine)
    try:
        yield found
    finally:
        close = getattr(found, "close", None)
        if close is not None:
            close()


def _engine(company: Path | None, model: Path | None, engine: str | None = None) -> Engine | Blocking:
    from server import release
    from server.gateway.company_in_force import with_company
    from server.llm import setup
    from server.nlu.engine import Engine

    chosen = _understanding(engine)
    if model is not None:
        if setup.is_engine_folder(model):
            chosen = _understanding(engine or setup.engine_of(model))
            return setup.Blocking(chosen, model, None)
        return Engine(model / release.NLU if (model / release.MANIFEST).is_file() else model)
    settings, loaded = load(company=company, understanding=chosen.model_dump())
    name = release.release_id(settings, loaded)
    folder = settings.releases_dir / name
    if not (folder / release.MANIFEST).is_file():
        raise CommandFailedError(f"{folder}: {loaded.id} is not trained as its data is now; `kefu train` does it")
    embedded = Engine(folder / release.NLU, release=name, risk_bound=with_company(settings).risk_bound)
    if chosen.engine == "embedded":
        return embedded
    return setup.Blocking(chosen, settings.engine_dir(name), embedded, release=name)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what training and models raise into one line."""
    from server.llm.setup import FAILURES
    from server.nlu.data import DataError
    from server.nlu.weights import WeightsError

    try:
        yield
    except (*FAILURES, DataError, WeightsError) as error:
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
