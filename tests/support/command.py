"""The command line as a test calls it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


Kefu = Callable[..., Ended]
"""``kefu(*arguments, stdin="")``"""
