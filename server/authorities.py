"""Whom the program's own connections trust."""

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """The well-known authorities, read once: each client that reads them itself takes 20 ms and 0.5 MB for it."""
    return httpx.create_ssl_context(trust_env=False)
