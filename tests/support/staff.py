"""Staff accounts of what a test runs, made as `kefu user add` makes them, without another process's two seconds."""

import secrets
from concurrent.futures import ThreadPoolExecutor

from server.gateway.accounts import add_user
from server.settings import Settings


def add(settings: Settings, name: str, role: str, shown: str) -> str:
    """Makes an account and returns its password; ``shown`` is what customers call the person."""
    password = secrets.token_urlsafe(12)
    with ThreadPoolExecutor(1) as elsewhere:  # where a test's own event loop runs, no other can
        elsewhere.submit(add_user, settings, name, password, role, shown or name).result()
    return password
