"""Run npm in ``server/web``: ``python -m server.up.npm run check``. Installs changed packages first."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from server.settings import ROOT
from server.up.build import BuildError, build, find_npm, web_steps


def main(arguments: list[str]) -> int:
    """Run npm with ``arguments``; return its exit status."""
    try:
        with tempfile.TemporaryDirectory() as logs:
            asyncio.run(build(lambda: web_steps()[:1], "npm", Path(logs), print))
        command = [*find_npm(), *arguments]
        return subprocess.run(command, cwd=ROOT / "server" / "web", check=False).returncode  # noqa: S603 (the developer's)
    except BuildError as error:
        print(f"{error}\n{error.tail}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
