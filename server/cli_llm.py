"""``kefu llm``: a local language model for other programs."""

# ruff: noqa: PLC0415 - the models are loaded by the commands that need them

from __future__ import annotations

import os
from typing import Annotated

import typer

from server.cli_common import CommandFailedError
from server.settings import ConfigurationError

app = typer.Typer(help="Run a language model here.", no_args_is_help=True, rich_markup_mode=None)

_PRECISIONS = ("int8", "int4", "float")


@app.callback()
def llm() -> None:
    """Run a language model here."""


@app.command()
def serve(
    *,
    model: Annotated[
        str, typer.Option("--model", help='"embedded", a .gguf file, or a Hugging Face folder or id (extra hf).')
    ] = "embedded",
    revision: Annotated[
        str,
        typer.Option("--revision", help="Commit, tag or branch of a Hugging Face model, to get the same each time."),
    ] = "",
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.")] = 8111,
    precision: Annotated[str, typer.Option("--precision", help="Of a GGUF model: int8, int4 or float.")] = "int8",
    key_variable: Annotated[
        str, typer.Option("--key-variable", help="Environment variable with the key that clients must send.")
    ] = "LLM_SERVE_KEY",
    queue: Annotated[int, typer.Option("--queue", min=1, max=1000, help="Requests at once; more get 429.")] = 16,
    deadline: Annotated[float, typer.Option("--deadline", min=0.1, help="Seconds for one request.")] = 120.0,
) -> None:
    """Serve a language model over the OpenAI protocol (/v1/chat/completions, /v1/models)."""
    import uvicorn

    from server.llm.gguf import ModelFileError
    from server.llm.local import open_decoder
    from server.llm.protocol import loopback
    from server.llm.serve import create_app

    key = os.environ.get(key_variable) or None
    if key is None and not loopback(host):
        raise ConfigurationError(
            f"--host {host} is reachable from other machines: put a key into {key_variable}, or listen on 127.0.0.1"
        )
    if precision not in _PRECISIONS:
        raise ConfigurationError(f"--precision {precision}: use one of {', '.join(_PRECISIONS)}")
    try:
        decoder = open_decoder(model, precision=precision, revision=revision)  # type: ignore[arg-type] # checked above
    except ModelFileError as error:
        raise CommandFailedError(str(error)) from error
    typer.echo(f"{decoder.name} at http://{host}:{port}/v1")
    app = create_app(decoder, key=key, queue=queue, deadline_s=deadline)
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)
