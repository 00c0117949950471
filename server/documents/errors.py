"""Why a document cannot be read, as a key of the message catalogues."""

from __future__ import annotations

from typing import Any


class DocumentError(Exception):
    """A document that cannot be used; ``key`` is its sentence (table ``document``), ``params`` what that names."""

    def __init__(self, key: str, **params: Any) -> None:
        super().__init__(key)
        self.key = key
        self.params = params
