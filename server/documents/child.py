"""``python -m server.documents.child KIND NAME``: a document on standard input, its pieces as JSON on standard output.

The limits are set before anything is read, so that a file which asks for more ends this process and nothing else.
Exit status 0 with ``{"pieces": […]}`` or ``{"error": KEY, "params": {…}}``; any other end means that a limit was met.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
from dataclasses import asdict
from typing import Any, Final

MEMORY_BYTES: Final = 768 * 1024 * 1024
CPU_S: Final = 20


def main() -> int:
    """Read one document."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What the readers have to say about a file may quote it.
    logging.disable(logging.CRITICAL)
    from server.documents.errors import DocumentError  # noqa: PLC0415 (under the limits)
    from server.documents.readers import read  # noqa: PLC0415

    kind, name = sys.argv[1:3]
    try:
        answer: dict[str, Any] = {"pieces": [asdict(one) for one in read(kind, sys.stdin.buffer.read(), name)]}
    except DocumentError as error:
        answer = {"error": error.key, "params": error.params}
    except (MemoryError, RecursionError):
        answer = {"error": "too_much", "params": {}}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
