"""``kefu labels``: what people taught in the console, as training data."""

# ruff: noqa: PLC0415 - the database libraries are loaded by the commands that need them

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.cli_common import CompanyOption, Json, as_json, load

app = typer.Typer(
    help="Labels that people gave to misunderstood messages.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Gets LANGUAGE/labels.yml, as in nlu_data.")],
    *,
    company: CompanyOption = None,
    json: Json = False,
) -> None:
    """Write the labels as training data in Rasa's format, each with its origin in the metadata."""
    from server.gateway.learning_labels import read_accepted
    from server.learning.labels import rasa_yaml

    settings, _ = load(company=company)
    found = read_accepted(settings)
    written: dict[str, int] = {}
    for language in sorted({label.language for label in found}):
        mine = [label for label in found if label.language == language and label.taught is not None]
        if mine:
            path = folder / language / "labels.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rasa_yaml(mine), encoding="utf-8")
            written[str(path)] = len(mine)
    if json:
        as_json({"files": written})
        return
    for name, count in written.items():
        typer.echo(f"{name}  {count} examples")
    if not written:
        typer.echo("there are no labels yet; they are given on the console's page Review")
