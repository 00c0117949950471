"""REST for documents: one is read and cut into proposed articles. Nothing is kept until they are taken as drafts."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from server.documents.errors import DocumentError
from server.documents.reading import DocumentReader
from server.documents.split import slug
from server.gateway.graph_refusals import DocumentRefusal
from server.gateway.rest_library import Library
from server.gateway.rest_safety import CHANGE, Admin

Json = dict[str, Any]
router = APIRouter(prefix="/api/library/documents")


@router.post("", dependencies=CHANGE)
async def take_document(
    library: Library, person: Admin, request: Request, name: Annotated[str, Query(min_length=1, max_length=200)]
) -> Json:
    """The pieces of the document in the body, each with a free id; ``name`` is its file name, whose ending counts."""
    reader: DocumentReader = request.app.state.documents
    try:
        found = await reader.read(name, await request.body())
    except DocumentError as error:
        raise DocumentRefusal("unusable", error.key, error.params) from None
    taken = {
        *await library.articles.library((await library.articles.newest()).version),
        *await library.articles.drafts(),
    }
    pieces = []
    for number, piece in enumerate(found, 1):
        made = slug(piece.title, taken, number)
        taken.add(made)
        pieces.append({"id": made, **asdict(piece)})
    return {"name": name, "pieces": pieces}
