"""Pictures over REST: taken from customers and from staff, shown to both."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse

from server.gateway.pictures import PictureReadings
from server.gateway.rest import SESSION_COOKIE as COOKIE
from server.gateway.rest import own_page, session_of
from server.gateway.rest_desk import DeskRest, given_ports
from server.gateway.uploads import Picture, UploadError
from server.storage.store import UnknownConversationError

Json = dict[str, Any]
router = APIRouter(prefix="/api")
Ports = Annotated[DeskRest, Depends(given_ports)]


def given_readings(request: Request) -> PictureReadings:
    """What reads the pictures of this gateway."""
    readings: PictureReadings = request.app.state.pictures
    return readings


Readings = Annotated[PictureReadings, Depends(given_readings)]


async def sender(given: Ports, request: Request, conversation: Annotated[str, Query(max_length=40)] = "") -> str | None:
    """The user name of the person who sends a picture, ``None`` for the customer; 401, 403 and 404 as elsewhere."""
    token = _bearer(request)
    if token:
        if not given.tokens.opens(token, conversation, given.clock()):
            raise HTTPException(401, "the token does not open this conversation or has expired")
        return None
    own_page(request)
    person = await session_of(request.app.state.rest, request.cookies.get(COOKIE))
    if person is None:
        raise HTTPException(401, "log in first, or send the conversation's token")
    if not await given.casework.conversations.floor.reads.may_see(person, conversation):
        raise HTTPException(404, "there is no such conversation")
    return person.username


@router.options("/uploads", include_in_schema=False)
async def may_upload(request: Request) -> Response:
    """Tells a browser that a site which embeds the chat may send a picture; `Guard` refuses all others."""
    return Response(
        status_code=204,
        headers={
            **_for_the_widget(request),
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "authorization, content-type",
            "Access-Control-Max-Age": "600",
        },
    )


@router.post("/uploads", status_code=201)
async def upload(  # noqa: PLR0917 (FastAPI names them all)
    given: Ports,
    readings: Readings,
    request: Request,
    response: Response,
    agent: Annotated[str | None, Depends(sender)],
    conversation: Annotated[str, Query(max_length=40)],
) -> Json:
    """Takes a picture, the request's body, for a conversation: from its customer, who sends the conversation's token
    as ``Authorization: Bearer …``, or from a person who may see it."""
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    try:
        picture = await given.uploads.add(conversation, kind, request.stream(), agent=agent)
    except UploadError as error:
        raise HTTPException(error.status, error.detail, headers=_for_the_widget(request)) from error
    except UnknownConversationError as error:
        raise HTTPException(404, "there is no such conversation") from error
    if agent is None:
        readings.begin(picture.id)
    response.headers.update(_for_the_widget(request))
    return {**picture.frame(), "bytes": picture.size}


@router.get("/uploads/{upload_id}")
async def picture(
    given: Ports, request: Request, upload_id: str, token: Annotated[str, Query(max_length=400)] = ""
) -> Response:
    """A picture, for staff who may see its conversation and for the customer with the conversation's token."""
    found = await _visible(given, request, upload_id, token)
    path = given.uploads.path(found)
    if not path.is_file():
        raise HTTPException(404, "there is no such picture")
    headers = {"Cache-Control": "private, max-age=86400", "Access-Control-Allow-Origin": "*"}
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    headers["Content-Disposition"] = "inline"
    return FileResponse(path, media_type=found.kind, headers=headers)


@router.get("/uploads/{upload_id}/text")
async def text(
    given: Ports,
    readings: Readings,
    request: Request,
    upload_id: str,
    token: Annotated[str, Query(max_length=400)] = "",
) -> Json:
    """What was read in a picture: ``state`` (``read``, ``unread``, ``off``), ``lines`` and ``telling``."""
    found = await _visible(given, request, upload_id, token)
    reading = await readings.of(found.id)
    if reading is None:
        return {"state": "unread" if readings.enabled else "off", "lines": [], "telling": ""}
    return {"state": "read", **reading}


async def _visible(given: DeskRest, request: Request, upload_id: str, token: str) -> Picture:
    found = await given.uploads.get(upload_id)
    if found is not None:
        token = token or _bearer(request)
        if token and given.tokens.opens(token, found.conversation, given.clock()):
            return found
        person = await session_of(request.app.state.rest, request.cookies.get(COOKIE))
        if person and await given.casework.conversations.floor.reads.may_see(person, found.conversation):
            return found
    raise HTTPException(404, "there is no such picture")


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip()


def _for_the_widget(request: Request) -> dict[str, str]:
    origin = request.headers.get("origin")
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} if origin else {}
