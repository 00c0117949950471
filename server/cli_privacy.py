"""``kefu mask``: personal data out of lines of text."""

# ruff: noqa: PLC0415 - what a command needs is loaded by the command

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from server.cli_common import CommandFailedError, Json


def mask(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The lines to mask, UTF-8; else standard input.")
    ] = None,
    json: Json = False,
) -> None:
    """Print lines with personal data replaced by <PHONE>, <NAME> and the like, each line as soon as it is read.

    With --json every line becomes {"text": masked, "spans": [{"start", "end", "kind"}]}; positions count characters of
    the line that was read.
    """
    if file is None:
        _mask_lines(sys.stdin.buffer, json=json)
        return
    try:
        with file.open("rb") as lines:
            _mask_lines(lines, json=json)
    except OSError as error:
        raise CommandFailedError(f"{file}: cannot be read: {error.strerror}") from error


def _mask_lines(lines: BinaryIO, *, json: bool) -> None:
    from server import privacy

    out = sys.stdout.buffer
    for raw in lines:
        # What is no UTF-8 passes through as it came: a broken byte must not lose the rest of a log.
        line = raw.decode("utf-8", "surrogateescape")
        text = line.rstrip("\r\n")
        if json:
            spans = [{"start": one.start, "end": one.end, "kind": one.kind} for one in privacy.find(text)]
            answer = {"text": privacy.mask(text), "spans": spans}
            written = json_module.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        else:
            written = (privacy.mask(text) + line[len(text) :]).encode("utf-8", "surrogateescape")
        try:
            out.write(written)
            out.flush()
        except BrokenPipeError:  # `kefu mask | head` has what it wanted
            sys.stderr.close()
            return
