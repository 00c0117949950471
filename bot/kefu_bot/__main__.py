"""``python -m kefu_bot train`` makes a Rasa model, ``python -m kefu_bot serve`` runs it on loopback."""

from __future__ import annotations

import argparse
import os
import sys
import warnings


def main() -> int:
    """Parses the arguments and runs the command; exit status 0 when it worked."""
    parser = argparse.ArgumentParser(prog="kefu_bot")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a model from a generated domain, configuration and rules")
    train.add_argument("--domain", required=True)
    train.add_argument("--config", required=True)
    train.add_argument("--data", required=True, nargs="+")
    train.add_argument("--out", required=True, help="the model file to write, ending in .tar.gz")
    serve = commands.add_parser("serve", help="serve a model to the gateway")
    serve.add_argument("--model", required=True)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8102)
    serve.add_argument("--actions", default="http://127.0.0.1:8103")
    arguments = parser.parse_args()
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    # Rasa 3.6 is the last release and will not be changed: its deprecations concern nobody here.
    warnings.simplefilter("ignore")
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    _configure_logging()
    return _train(arguments) if arguments.command == "train" else _serve(arguments)


def _configure_logging() -> None:
    import logging

    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    # Warnings and errors only: at lower levels Rasa logs what customers write.
    configure_logging_and_warnings(log_level=logging.WARNING, warn_only_once=True, filter_repeated_logs=True)
    configure_structlog(logging.WARNING)


def _train(arguments: argparse.Namespace) -> int:
    import rasa.model_training

    folder, name = os.path.split(arguments.out)
    result = rasa.model_training.train(
        domain=arguments.domain,
        config=arguments.config,
        training_files=arguments.data,
        output=folder or ".",
        fixed_model_name=name,
        force_training=True,
    )
    return 0 if result.model and result.code == 0 else result.code or 1


def _serve(arguments: argparse.Namespace) -> int:
    from rasa.core.run import serve_application
    from rasa.core.utils import AvailableEndpoints
    from rasa.utils.endpoints import EndpointConfig

    if not os.path.isfile(arguments.model):
        print(f"model {arguments.model} does not exist; 'kefu train' makes it", file=sys.stderr)
        return 2
    endpoints = AvailableEndpoints(action=EndpointConfig(url=f"{arguments.actions}/webhook"))
    serve_application(
        model_path=arguments.model,
        channel="kefu_bot.channel.TurnChannel",
        interface=arguments.host,
        port=arguments.port,
        enable_api=False,
        endpoints=endpoints,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
