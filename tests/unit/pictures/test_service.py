"""The model service's route for pictures: what is read by whom, and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from server.models.pictures import MAX_BYTES, PictureReader, add_pictures
from server.settings_pictures import Pictures
from tests.support.drawings import screen
from tests.support.language_model import broken_server, reply


@asynccontextmanager
async def service(**chosen: object) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    reader = PictureReader(Pictures.model_validate(chosen), CollectorRegistry())
    add_pictures(app, reader)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://models") as http:
        yield http
    await reader.close()


async def read(http: httpx.AsyncClient, picture: bytes) -> httpx.Response:
    return await http.post("/pictures/text", content=picture)


async def test_the_embedded_reader_answers() -> None:
    async with service() as http:
        found = (await read(http, screen(["Error code: E-105", "POWER   PON   LOS"]))).json()
        assert (found["reader"], found["labels"]) == ("ocr", ["POWER", "PON", "LOS"])
        assert "E-105" in found["telling"]
        assert (await read(http, b"no picture")).status_code == 422
        assert (await read(http, b"\0" * (MAX_BYTES + 1))).status_code == 413


async def test_switched_off_it_answers_so() -> None:
    async with service(reader="off") as http:
        assert (await read(http, screen([]))).status_code == 404


def _lines(*lines: str) -> bytes:
    content = json.dumps({"lines": lines}, ensure_ascii=False)
    return reply("200 OK", json.dumps({"choices": [{"message": {"content": content}}]}).encode())


async def test_a_language_model_that_sees_takes_its_place_until_it_fails() -> None:
    async with (
        broken_server(_lines("LOS light red"), reply("500 Oops", b"{}")) as server,
        service(reader="llm", address=server.address, model="m") as http,
    ):
        found = (await read(http, screen(["Error code: E-105"]))).json()
        assert (found["reader"], found["telling"]) == ("llm", "LOS light red")
        sent = json.loads(server.requests[0].split(b"\r\n\r\n", 1)[1])
        part = sent["messages"][1]["content"][1]
        assert part["image_url"]["url"].startswith("data:image/png;base64,")
        after = (await read(http, screen(["Error code: E-105"]))).json()
        assert after["reader"] == "ocr"
        assert "E-105" in after["telling"]
