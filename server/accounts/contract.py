"""The account contract as a document, generated from the application that serves it.

``docs/account-api.yaml`` is this text: ``python -m server.accounts.contract > docs/account-api.yaml``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from server.accounts.app import create_app, utc_clock

_HEAD = """\
# The account contract: what the assistant needs from a company's customer and billing systems. Whoever serves these
# routes can stand behind it (setting account_api_url).
# Generated: python -m server.accounts.contract > docs/account-api.yaml
"""
_PROBLEM = {
    "description": "a problem document, RFC 9457",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
}
_OF_THE_FRAMEWORK = {"HTTPValidationError", "ValidationError"}
"""Error bodies that the framework describes and this service never sends: errors are problem documents."""


def document() -> dict[str, Any]:
    """The OpenAPI document as plain values."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Path(folder) / "accounts.db", clock=utc_clock)
        found: dict[str, Any] = app.openapi()
        app.state.store.close()
    for name in _OF_THE_FRAMEWORK:
        found["components"]["schemas"].pop(name, None)
    found["components"]["responses"] = {"Problem": _PROBLEM}
    for operations in found["paths"].values():
        for operation in operations.values():
            operation.pop("summary", None)
            answers = operation["responses"]
            operation["responses"] = {
                code: {**answer, "description": "done"} for code, answer in answers.items() if code.startswith("2")
            }
            operation["responses"]["4XX"] = {"$ref": "#/components/responses/Problem"}
            for parameter in operation.get("parameters", []):
                parameter["schema"] = _given(parameter["schema"])
    cleaned: dict[str, Any] = _without_titles(found)
    return cleaned


def text() -> str:
    """The document as YAML."""
    return _HEAD + yaml.safe_dump(document(), allow_unicode=True, sort_keys=False, width=120)


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out cannot be null as well: a query has no null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema


def _without_titles(value: Any, *, inside: str = "") -> Any:
    """Leave out the titles that the framework makes of field names; they say nothing."""
    if isinstance(value, list):
        return [_without_titles(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = inside in {"properties", "info"}
    return {
        key: _without_titles(item, inside=key)
        for key, item in value.items()
        if named or key != "title" or not isinstance(item, str)
    }


if __name__ == "__main__":
    sys.stdout.write(text())
