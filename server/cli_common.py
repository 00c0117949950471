"""What the commands of ``kefu`` share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from server.company import Company
from server.settings import Settings, load_settings

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]

CompanyOption = Annotated[
    Path | None,
    typer.Option("--company", help="The company's folder; else KEFU_COMPANY, else the demo company."),
]


class CommandFailedError(Exception):
    """A command could not do what it was asked; the message says why and what to do."""


def complain(message: str) -> None:
    """Write an error for people."""
    print(f"kefu: {message}", file=sys.stderr)


def as_json(answer: Any) -> None:
    """Write an answer for programs."""
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, default=str))


def load(*, company: Path | None = None, **overrides: Any) -> tuple[Settings, Company]:
    """Read settings and company, with what the command line says on top.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    settings = load_settings(company=company, **overrides)
    return settings, Company.load(settings.company)
