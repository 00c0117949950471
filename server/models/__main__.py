"""`python -m server.models --release DIR --host 127.0.0.1 --port N`: run the model service."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# Set before numpy reads it. Products are small here: with more threads, those that have done their part spin until
# the others have, and take the cores from every other process. A message then costs twice as much.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import uvicorn

from server import traces
from server.company import Company
from server.logs import configure_logging
from server.models.app import INDEX, NLU, create_app
from server.models.own_words import chinese_texts
from server.nlu.artefact import Artefact, ArtefactError
from server.settings import load_settings

EXIT_UNUSABLE = 2


def main() -> None:
    """Parse the arguments and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m server.models", description="Serve one release's models.")
    parser.add_argument("--release", type=Path, required=True, help=f"release folder with {NLU}/ and {INDEX}/")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8101)
    parser.add_argument("--engine-dir", type=Path, help="folder of the engine that the settings choose, if prepared")
    arguments = parser.parse_args()
    try:
        Artefact.load(arguments.release / NLU)
    except ArtefactError as error:
        print(error, file=sys.stderr)
        raise SystemExit(EXIT_UNUSABLE) from None
    settings = load_settings()
    configure_logging(form=settings.log_format)
    close = traces.configure("models", settings.traces_url)
    app = create_app(
        arguments.release,
        understanding=settings.understanding,
        engine_dir=arguments.engine_dir,
        speech=settings.speech,
        pictures=settings.pictures,
        own_words=lambda: chinese_texts(Company.load(settings.company)),
        failed=lambda: setattr(server, "should_exit", True),
    )
    where = {"host": arguments.host, "port": arguments.port}
    server = uvicorn.Server(uvicorn.Config(app, **where, log_config=None, log_level="warning", access_log=False))
    server.run()
    close()
    if app.state.models.failure:
        # Another start would load the same files: who supervises it is told so at once.
        print(f"release {arguments.release}: {app.state.models.failure}", file=sys.stderr)
        raise SystemExit(EXIT_UNUSABLE)


if __name__ == "__main__":
    main()
