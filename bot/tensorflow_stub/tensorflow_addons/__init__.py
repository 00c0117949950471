"""Stands in for tensorflow_addons at import time; see the ``tensorflow`` stub."""

from typing import Any

import tensorflow


def __getattr__(name: str) -> Any:
    return getattr(tensorflow, name)
