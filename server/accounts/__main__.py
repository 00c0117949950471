"""Run the demo account back end: ``python -m server.accounts --data FILE --seed accounts.json --port 8104``."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import uvicorn

from server.accounts.app import create_app
from server.accounts.seed import SeedError


def main() -> int:
    """Serve until interrupted; answer the exit status."""
    parser = argparse.ArgumentParser(prog="python -m server.accounts", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="file of the accounts; made when it is missing")
    parser.add_argument("--seed", type=Path, help="the company's accounts.json, read when the data file is new")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8104, help="port to listen on (default: %(default)s)")
    parser.add_argument("--timezone", default="UTC", help="IANA time zone of the company's days (default: %(default)s)")
    options = parser.parse_args()
    try:
        zone = ZoneInfo(options.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        print(f"--timezone {options.timezone}: not an IANA time zone such as Asia/Shanghai", file=sys.stderr)
        return 2
    try:
        app = create_app(options.data, clock=lambda: datetime.now(zone), seed_file=options.seed)
    except SeedError as error:
        print(error, file=sys.stderr)
        return 2
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
