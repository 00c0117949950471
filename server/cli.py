"""The command line, ``kefu``.

Exit status: 0 it worked, 1 it did not, 2 it was asked wrongly (unknown option, setting or company file). Every failure
is one clear line on standard error. Heavy imports wait until a command needs them: ``kefu --help`` answers at once.
"""

# ruff: noqa: PLC0415 - imports inside a command are deliberate, see above

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from server import (
    cli_articles,
    cli_backup,
    cli_customer,
    cli_figures,
    cli_intent,
    cli_kg,
    cli_labels,
    cli_llm,
    cli_nlu,
    cli_privacy,
    cli_user,
)
from server.cli_common import CommandFailedError, CompanyOption, Json, as_json, complain, load
from server.settings import ROOT, ConfigurationError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="kefu",
    help="A real-time customer-service agent that understands, diagnoses, and hands over to a person.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(cli_user.app, name="user")
app.add_typer(cli_kg.app, name="kg")
app.add_typer(cli_articles.app, name="articles")
app.add_typer(cli_customer.app, name="customer")
app.add_typer(cli_intent.app, name="intent")
app.add_typer(cli_labels.app, name="labels")
app.add_typer(cli_llm.app, name="llm")
app.add_typer(cli_figures.app, name="figures")

app.command()(cli_nlu.train)
app.add_typer(cli_nlu.eval_app, name="eval")
app.command()(cli_nlu.parse)
app.command()(cli_privacy.mask)
for operators in (cli_backup.backup, cli_backup.restore, cli_backup.schema):
    app.command()(operators)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with its exit status."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except ConfigurationError as error:
        complain(str(error))
        sys.exit(EXIT_USAGE)
    except CommandFailedError as error:
        complain(str(error))
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


@app.command()
def up(
    company: CompanyOption = None,
    port: Annotated[int | None, typer.Option("--port", help="The gateway's port (8000).")] = None,
    host: Annotated[str | None, typer.Option("--host", help="The gateway's address (127.0.0.1).")] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder for the database, trained releases, uploads and logs (.kefu)."),
    ] = None,
) -> None:
    """Build what is missing, start everything, keep it running until Ctrl-C."""
    from server.up.command import UpError
    from server.up.command import up as run

    settings, loaded = load(company=company, port=port, host=host, data_dir=data_dir)
    try:
        status = run(settings, loaded)
    except UpError as error:
        raise CommandFailedError(str(error)) from error
    raise typer.Exit(status)


@app.command()
def serve(
    name: Annotated[str, typer.Argument(help="gateway, models, rasa, actions or accounts.")],
    company: CompanyOption = None,
    port: Annotated[int | None, typer.Option("--port", help="The port, instead of the settings'.")] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="The address. All but the gateway are for the inside only: they ask for no login."),
    ] = None,
) -> None:
    """Run one process alone, in the foreground: for containers, or several of a kind (docs/operating.md)."""
    from server.up.single import run_single

    settings, loaded = load(company=company)
    raise typer.Exit(run_single(settings, loaded, name, host=host, port=port))


@app.command()
def build() -> None:
    """Build what `kefu up` would build first (the bot's environment, the web pages) and start nothing."""
    import asyncio

    from server.settings import load_settings
    from server.up.build import BuildError, build_all

    try:
        worked = asyncio.run(build_all(load_settings().logs_dir, lambda name, text: typer.echo(f"{name}: {text}")))
    except BuildError as error:
        raise CommandFailedError(error.with_log()) from error
    if not worked:
        typer.echo("everything is built")


@app.command()
def identity_key(json: Json = False) -> None:
    """Print the key with which an embedding site vouches for its customers (docs/embedding.md)."""
    from server.gateway.tokens import Tokens
    from server.settings import load_settings

    key = Tokens(load_settings().secret_key()).identity_secret()
    if json:
        as_json({"key": key})
        return
    typer.echo(key)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make; it must not exist or be empty.")],
    json: Json = False,
) -> None:
    """Make an empty company: settings, three example intents in Chinese and English, a first article."""
    from server.starter import make_company

    made = make_company(folder)
    if json:
        as_json({"company": str(folder), "files": [str(path) for path in made]})
        return
    for path in made:
        typer.echo(f"made {path}")
    typer.echo(f"\nEdit {folder / 'company.toml'}, then start it: make up COMPANY={folder}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="A program in benchmarks/, without .py; without a name, they are listed."),
    ] = None,
) -> None:
    """Run a benchmark; what follows NAME is passed on to it."""
    programs = {path.stem: path for path in sorted((ROOT / "benchmarks").glob("[a-z]*.py"))}
    if name is None:
        for one, path in programs.items():
            typer.echo(f"{one:<20} {_first_line(path)}")
        return
    if name not in programs:
        raise ConfigurationError(f'there is no benchmark "{name}"; there are: {", ".join(programs) or "none yet"}')
    command = [sys.executable, str(programs[name]), *context.args]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 (a program of this repository)


def _first_line(path: Path) -> str:
    documentation = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return documentation.partition("\n")[0]


if __name__ == "__main__":
    main()
