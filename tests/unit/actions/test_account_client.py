"""The account client against a back end that fails in every way."""

from __future__ import annotations

import json

import httpx
import pytest

from actions.accounts import (
    AccountsClient,
    AccountsError,
    ConflictError,
    InvalidError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)

LINE = {"id": "L-1", "customer": "C-1", "phone": "19900000101", "status": "active"}


class BackEnd:
    """Answers each request with the next of some replies, and keeps the requests."""

    def __init__(self, *replies: httpx.Response | Exception) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []

    def client(self) -> AccountsClient:
        return AccountsClient(httpx.AsyncClient(transport=httpx.MockTransport(self._answer)), "http://crm/api/")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def problem(kind: str, status: int) -> httpx.Response:
    body = json.dumps({"type": kind, "title": "t", "status": status, "detail": "d"})
    return httpx.Response(status, content=body, headers={"Content-Type": "application/problem+json"})


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (problem("not_found", 404), NotFoundError), (problem("not_allowed", 403), NotAllowedError),
        (problem("conflict", 409), ConflictError), (problem("invalid", 422), InvalidError),
        (httpx.Response(404), NotFoundError), (httpx.Response(500, text="<html>"), UnavailableError),
        (httpx.Response(401, json=["no"]), UnavailableError), (httpx.Response(200, text="hello"), UnavailableError),
        (httpx.Response(200, json={"id": "L-1"}), UnavailableError), (httpx.ReadTimeout("slow"), UnavailableError),
        (httpx.Response(200, json={**LINE, "status": "flying"}), UnavailableError),
    ],
)  # fmt: skip
async def test_every_failure_is_a_typed_error(reply: httpx.Response | Exception, error: type[AccountsError]) -> None:
    with pytest.raises(error):
        await BackEnd(reply).client().get_line("L-1")


@pytest.mark.parametrize(
    "first", [httpx.ConnectError("no"), httpx.RemoteProtocolError("cut"), problem("unavailable", 503)]
)
async def test_reads_and_keyed_writes_are_tried_again(first: httpx.Response | Exception) -> None:
    back_end = BackEnd(first, httpx.Response(200, json=LINE), first, httpx.Response(200, json=LINE))
    assert (await back_end.client().get_line("L-1")).id == "L-1"
    assert (await back_end.client().resume_line("L-1", key="turn-1")).id == "L-1"
    assert [request.headers.get("Idempotency-Key") for request in back_end.requests] == [None, None, "turn-1", "turn-1"]


async def test_checking_a_code_is_not_tried_again() -> None:
    back_end = BackEnd(httpx.RemoteProtocolError("cut"))
    with pytest.raises(UnavailableError):
        await back_end.client().check_one_time_code("V-1", "123456")


async def test_ids_from_customers_stay_one_path_segment() -> None:
    back_end = BackEnd(problem("not_found", 404))
    with pytest.raises(NotFoundError):
        await back_end.client().get_order("../lines/L-1?x=1#y")
    assert back_end.requests[0].url.raw_path == b"/api/orders/..%2Flines%2FL-1%3Fx%3D1%23y"


async def test_the_language_is_asked_for() -> None:
    back_end = BackEnd(httpx.Response(200, json=LINE))
    await back_end.client().in_language("en").get_line("L-1")
    assert back_end.requests[0].headers["Accept-Language"] == "en"


async def test_errors_do_not_carry_the_answer_s_values() -> None:
    reply = httpx.Response(200, json={**LINE, "status": "secret"})
    with pytest.raises(UnavailableError) as caught:
        await BackEnd(reply).client().get_line("L-1")
    assert "status" in str(caught.value)
    assert "secret" not in str(caught.value)
