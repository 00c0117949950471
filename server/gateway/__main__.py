"""``python -m server.gateway`` serves people; settings come from ``kefu.toml`` and the environment."""

import uvicorn

from server import traces
from server.gateway.app import create_app
from server.gateway.frames import MAX_TEXT_FRAME_BYTES
from server.logs import configure_logging
from server.settings import load_settings

GRACE_S = 5
BACKLOG = 4096


def main() -> None:
    """Runs the gateway until it is told to stop."""
    settings = load_settings()
    configure_logging(quiet=("alembic", "httpx"), form=settings.log_format)
    close = traces.configure("gateway", settings.traces_url)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        # A frame above the limit is refused before it is read; one byte more than allowed tells it from the largest.
        ws_max_size=MAX_TEXT_FRAME_BYTES + 1,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,  # its own handlers would write tracebacks unmasked
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
        backlog=BACKLOG,
        server_header=False,
    )
    close()


if __name__ == "__main__":
    main()
