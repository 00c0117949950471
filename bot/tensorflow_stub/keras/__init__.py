"""Stands in for Keras at import time; see the ``tensorflow`` stub, whose finder serves the submodules."""

from typing import Any

import tensorflow

__path__: list = []


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(tensorflow, name)
