"""The processes of one running company: commands, environment, health addresses, ports."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from server.company import Company
from server.generations import SUPERVISED
from server.release import RASA
from server.settings import ROOT, Settings
from server.up.generations import Generation
from server.up.supervisor import Service

ACCOUNTS_FILE = "accounts.db"
_LOOPBACK = "127.0.0.1"
_MODEL_THREADS = "2"
# What each program would import later, between its start and its first answer.
_WEB = ("uvicorn.loops.auto", "uvicorn.lifespan.on", "uvicorn.protocols.http.auto", "anyio._backends._asyncio", "h11")
PRELOAD = {
    "gateway": (*_WEB, "uvicorn.protocols.websockets.websockets_sansio_impl", "aiosqlite", "httpcore"),
    "models": (*_WEB, "server.models.forks:before"),
    "rasa": ("rasa.core.run", "rasa.core.agent", "kefu_bot.channel", "kefu_bot.understanding"),
    "actions": (),
    "accounts": _WEB,
}
_ANY_ADDRESS = {"0.0.0.0": _LOOPBACK, "::": "::1"}  # noqa: S104 (compared, not bound)


@dataclass(frozen=True, slots=True)
class Listener:
    """A port that has to be free, and the setting that moves it."""

    what: str
    host: str
    port: int
    setting: str


def runs_demo_accounts(settings: Settings, company: Company) -> bool:
    """Whether the built-in account back end is started."""
    return settings.demo_accounts and company.accounts_file is not None


def listeners(settings: Settings, company: Company) -> list[Listener]:
    """Return the ports that the services of this company listen on."""
    internal = [("models", settings.models_port), ("rasa", settings.rasa_port), ("actions", settings.actions_port)]
    if runs_demo_accounts(settings, company):
        internal.append(("accounts", settings.accounts_port))
    return [
        Listener("gateway", settings.host, settings.port, "port"),
        *(Listener(name, _LOOPBACK, port, "internal_port") for name, port in internal),
    ]


def generation(settings: Settings, slot: int, release: Path, company: Path | None, first_port: int) -> Generation:
    """Return model service, Rasa and action server of a release, on three ports from ``first_port`` on.

    ``company`` is the folder that a release from the console was made of. Slot 1 has other names.
    """
    models, rasa, actions = first_port, first_port + 1, first_port + 2
    environment = _environment(settings) | {
        "KEFU_MODELS_URL": f"http://{_LOOPBACK}:{models}",
        "KEFU_MODELS_URLS": settings.models_urls or f"http://{_LOOPBACK}:{models}",
        "KEFU_COMPANY": str(company or settings.company),
        # Counted from the first port, the demo's accounts would be elsewhere.
        "KEFU_ACCOUNT_API_URL": settings.accounts_url,
    }
    asked = settings.actions_addresses[0] if settings.actions_urls else f"http://{_LOOPBACK}:{actions}"
    suffix = "-b" if slot else ""
    found = (
        Service(
            name=f"models{suffix}",
            command=_module(
                *("server.models", "--release", release, "--host", _LOOPBACK, "--port", models),
                *("--engine-dir", settings.engine_dir(release.name)),
            ),
            health_url=f"http://{_LOOPBACK}:{models}/health",
            directory=ROOT,
            # Waiting threads that spin would take the two cores from everyone else.
            environment=environment | {"OMP_NUM_THREADS": _MODEL_THREADS, "OMP_WAIT_POLICY": "passive"},
            preload=PRELOAD["models"],
        ),
        Service(
            name=f"rasa{suffix}",
            # Its own interpreter and not `uv run`: one process less to start, to signal and to watch.
            command=(
                str(ROOT / "bot" / ".venv" / "bin" / "python"),
                *("-m", "kefu_bot", "serve", "--model", str(release / RASA)),
                *("--port", str(rasa), "--actions", asked),
            ),
            health_url=f"http://{_LOOPBACK}:{rasa}/webhooks/kefu/health",
            directory=ROOT / "bot",
            environment=environment,
            masks_itself=False,
            preload=PRELOAD["rasa"],
        ),
        Service(
            name=f"actions{suffix}",
            command=_module("actions", "--port", actions),
            health_url=f"http://{_LOOPBACK}:{actions}/health",
            directory=ROOT,
            environment=environment,
            preload=PRELOAD["actions"],
        ),
    )
    return Generation(
        slot,
        release.name,
        found,
        f"http://{_LOOPBACK}:{models}",
        f"http://{_LOOPBACK}:{rasa}",
        f"http://{_LOOPBACK}:{actions}",
    )


def services(settings: Settings, company: Company, first: Generation) -> list[Service]:
    """Return what `kefu up` runs, in the order of starting; the gateway, which faces people, is last."""
    environment = _environment(settings) | {SUPERVISED: "1"}
    found = list(first.services)
    if runs_demo_accounts(settings, company):
        data = settings.data_dir / ACCOUNTS_FILE
        found.append(
            Service(
                name="accounts",
                command=_module(
                    *("server.accounts", "--data", data, "--seed", company.accounts_file),
                    *("--port", settings.accounts_port, "--timezone", company.timezone),
                ),
                health_url=f"http://{_LOOPBACK}:{settings.accounts_port}/healthz",
                directory=ROOT,
                environment=environment,
                preload=PRELOAD["accounts"],
            )
        )
    host = _ANY_ADDRESS.get(settings.host, settings.host)
    found.append(
        Service(
            name="gateway",
            command=_module("server.gateway"),
            health_url=f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/healthz",
            directory=ROOT,
            environment=environment,
            preload=PRELOAD["gateway"],
        )
    )
    return found


def _module(name: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *(str(one) for one in arguments))


def _environment(settings: Settings) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return {
        **inherited,
        **settings.environment(),
        "KEFU_MODELS_URL": settings.models_url,
        "PYTHONUNBUFFERED": "1",
        "RASA_TELEMETRY_ENABLED": "false",
        "SANIC_HOST": _LOOPBACK,
    }
