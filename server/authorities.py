"""Whom the program's own connections trust."""

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """The well-known authorities, read once for all clients: reading them is most of what making a client costs."""
    return httpx.create_ssl_context(trust_env=False)
