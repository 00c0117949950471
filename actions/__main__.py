"""Run the action server: ``python -m actions --port 8103``; what it talks to comes from the settings."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import warnings
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

# Set before rasa_sdk and sanic read them.
os.environ.setdefault("SANIC_HOST", "127.0.0.1")
os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
os.environ.setdefault("SANIC_NO_MOTD", "true")

with warnings.catch_warnings():
    # rasa_sdk's own imports warn about packages of theirs; nothing that an operator could do about it.
    warnings.simplefilter("ignore")
    import httpx
    from rasa_sdk.endpoint import create_app
    from rasa_sdk.executor import ActionExecutor
    from sanic import Sanic, response
    from sanic.request import Request
    from sanic.response import HTTPResponse

from actions.accounts import AccountsClient
from actions.actions import ACTIONS
from actions.diagnosis_graph import Graphs
from actions.embedding import EmbedClient
from actions.ports import Ports, with_controls
from actions.retrieval import SearchClient
from actions.writing import WritingClient
from kg.load import GraphError
from kg.posterior import EntangledError
from server import logs, traces
from server.company import Company
from server.logs import configure_logging, mask_handlers
from server.settings import ConfigurationError, Settings, load_settings

log = logging.getLogger(__name__)

App = Sanic[Any, Any]

_CONNECTIONS = httpx.Limits(max_connections=100, max_keepalive_connections=20)


def main() -> int:
    """Serve until interrupted; answer the exit status."""
    parser = argparse.ArgumentParser(prog="python -m actions", description=__doc__)
    parser.add_argument("--port", type=int, help="port to listen on (default: actions_port of the settings)")
    options = parser.parse_args()
    # Rasa ends at 3.6.21; the SDK of 2025 speaks the same protocol with it, which the integration tests show.
    warnings.filterwarnings("ignore", message="Your versions of rasa and rasa_sdk", category=UserWarning)
    try:
        settings = load_settings()
        configure_logging(logging.WARNING, form=settings.log_format)
        company = Company.load(settings.company)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    app = build_app(settings, company)
    mask_handlers("sanic.root", "sanic.error", "sanic.server", form=settings.log_format)
    port = options.port or settings.actions_port
    # One process: no worker manager, so that the server stops with the process that was started and owns no children.
    close = traces.configure("actions", settings.traces_url)
    app.run(host=os.environ["SANIC_HOST"], port=port, single_process=True, motd=False, access_log=False)
    close()
    return 0


def build_app(settings: Settings, company: Company) -> App:
    """The action server's application: the SDK's routes, our actions, one HTTP client for the application's life."""
    executor = ActionExecutor()
    app: App = create_app(executor)
    ports: dict[str, Ports] = {}
    clock: Callable[[], datetime] = partial(datetime.now, ZoneInfo(company.timezone))
    for action in ACTIONS:
        executor.register_action(action(lambda: ports["now"], clock))

    async def start(running: App) -> None:
        running.ctx.http = httpx.AsyncClient(
            limits=_CONNECTIONS, trust_env=False, event_hooks={"request": [traces.carry, logs.carry]}
        )
        ports["now"] = make_ports(running.ctx.http, settings, company)
        running.ctx.warming = asyncio.create_task(graphs().warm(), name="warm diagnosis")

    async def stop(running: App) -> None:
        running.ctx.warming.cancel()
        await asyncio.gather(running.ctx.warming, return_exceptions=True)
        await graphs().close()
        await running.ctx.http.aclose()

    def graphs() -> Graphs:
        found = ports["now"].graphs
        assert found is not None
        return found

    async def learn_graph(request: Request) -> HTTPResponse:
        """``PUT /graphs`` {digest, nodes}: a version that turns will name; answered once it can be used."""
        body = request.json
        if not isinstance(body, dict) or not isinstance(body.get("nodes"), list):
            return response.json({"detail": "expected digest and nodes"}, status=422)
        try:
            await graphs().add(str(body.get("digest")), body["nodes"])
        except (GraphError, EntangledError) as error:
            log.error("a version of the fault trees cannot be used:\n%s", error)
            return response.json({"detail": str(error)}, status=422)
        return response.json({"digest": body["digest"]})

    app.add_route(learn_graph, "/graphs", methods=["PUT"])
    app.register_listener(start, "before_server_start")
    app.register_listener(stop, "after_server_stop")
    return app


def make_ports(http: httpx.AsyncClient, settings: Settings, company: Company) -> Ports:
    """What the dialogue needs, over one HTTP client."""
    models, chosen = settings.models_addresses, settings.understanding
    return Ports(
        accounts=AccountsClient(http, settings.accounts_url, deadline_s=settings.account_api_timeout_s),
        retrieval=SearchClient(http, *models),
        writing=WritingClient(http, *models, deadline_s=chosen.writing_deadline_s) if chosen.answers else None,
        intents=with_controls(company.intents),
        graphs=_graphs(company, EmbedClient(http, *models)),
    )


def _graphs(company: Company, embed: EmbedClient) -> Graphs:
    """The company's fault trees, compiled; without usable ones faults are answered from its articles.

    They are what the first version of the graph was made of; later ones come from the gateway.
    """
    try:
        return Graphs.load(company.kg_dir, embed)
    except GraphError as error:
        log.error("the fault trees are left out until this is put right:\n%s", error)
        return Graphs.load(None, embed)


if __name__ == "__main__":
    sys.exit(main())
