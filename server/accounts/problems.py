"""The errors of the account contract, as exceptions and as RFC 9457 problem documents."""

from __future__ import annotations

from typing import Any

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 (the word of RFC 9457)
    """An operation was refused; ``type`` is one of the contract's error types, ``detail`` says what and why."""

    type = "invalid"
    status = 422
    title = "The request is not valid"

    def __init__(self, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.more = more

    def document(self) -> dict[str, Any]:
        """Answer the problem document; further members (``more``) name the rule that refused."""
        return {"type": self.type, "title": self.title, "status": self.status, "detail": self.detail, **self.more}


class Invalid(Problem):
    """Raise when the request itself is malformed."""


class NotFound(Problem):
    """Raise when the named customer, line, bill, order, plan or verification does not exist."""

    type = "not_found"
    status = 404
    title = "There is no such thing"


class NotAllowed(Problem):
    """Raise when the company's policy forbids the operation, whoever asks."""

    type = "not_allowed"
    status = 403
    title = "The policy does not allow this"


class Conflict(Problem):
    """Raise when the present state makes the operation meaningless, such as resuming a line that is active."""

    type = "conflict"
    status = 409
    title = "This does not fit the present state"


class Unavailable(Problem):
    """Raise when the back end cannot answer now and asking again later may help."""

    type = "unavailable"
    status = 503
    title = "The service is not available right now"
