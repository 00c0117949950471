"""REST for the help articles: drafts, publishing, history, trying, and what customers asked. docs/console.md has it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from server.gateway.articles import render_markdown
from server.gateway.library_service import LibraryService
from server.gateway.rest_desk import RowId
from server.gateway.rest_graph import answer
from server.gateway.rest_safety import CHANGE, Admin

Json = dict[str, Any]


def ports(request: Request) -> LibraryService:
    """What these routes work with."""
    given: LibraryService = request.app.state.library
    return given


Library = Annotated[LibraryService, Depends(ports)]
ArticleId = Annotated[str, Path(max_length=64)]
Revision = Annotated[int, Field(ge=0, lt=2**31)]
Message = Annotated[str, Field(min_length=1, max_length=1000)]
router = APIRouter(prefix="/api/library")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChangedDraft(_Strict):
    """What an article is to become; ``content`` null: it is to be removed."""

    revision: Revision
    base: Revision
    content: Json | None


class ChosenDraft(_Strict):
    """A draft as it was seen."""

    id: Annotated[str, Field(max_length=64)]
    revision: Annotated[int, Field(ge=1, lt=2**31)]


class Publish(_Strict):
    """Which drafts become the next version."""

    drafts: Annotated[list[ChosenDraft], Field(min_length=1, max_length=1000)]
    message: Message


class RollBack(_Strict):
    """Which version's articles are published again."""

    to: Annotated[int, Field(ge=1, lt=2**31)]
    message: Message


class Markdown(_Strict):
    """A text to be shown as its page shows it."""

    markdown: Annotated[str, Field(max_length=60_000)]


class Asked(_Strict):
    """A question, and the articles as they would be: by id, null for one that would be gone."""

    question: Annotated[str, Field(min_length=1, max_length=1000)]
    language: Literal["zh", "en"] = "zh"
    articles: Annotated[dict[str, Json | None], Field(max_length=50)] = {}


class NewArticles(_Strict):
    """Articles that begin as drafts, all or none."""

    articles: Annotated[dict[str, Json], Field(min_length=1, max_length=500)]


@router.get("")
async def overview(library: Library, person: Admin, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """All articles with drafts, problems and uses; ``q`` is looked for in everything they say."""
    return answer(await library.overview(q))


@router.get("/articles/{name}")
async def article(library: Library, person: Admin, name: ArticleId) -> Response:
    """One article: in service, as a draft, its problems and its history."""
    return answer(await library.article(name))


@router.get("/articles/{name}/versions/{version}")
async def revision(library: Library, person: Admin, name: ArticleId, version: RowId) -> Json:
    """An article as a version had it."""
    since, content = await library.articles.revision(name, version)
    return {"id": name, "version": since, "content": content}


@router.get("/articles/{name}/questions")
async def questions(  # noqa: PLR0917 (FastAPI names them all)
    library: Library,
    person: Admin,
    name: ArticleId,
    wrong: bool = False,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int | None, Query(ge=1, lt=2**53)] = None,
) -> Json:
    """Which questions it answered, newest first; ``wrong``: only those for which it was wrongly given."""
    uses = library.live.uses
    answered, bad = (await uses.counts(library.clock())).get(name, (0, 0))
    items = await uses.questions(name, wrong_only=wrong, limit=limit + 1, before=before)
    following = items[limit - 1]["id"] if len(items) > limit else None
    return {"answered": answered, "wrong": bad, "items": items[:limit], "next": following}


@router.put("/articles/{name}/draft", dependencies=CHANGE)
async def put_draft(library: Library, person: Admin, name: ArticleId, wanted: ChangedDraft) -> Response:
    """Keeps what an article is to become."""
    return answer(await library.put_draft(name, wanted.revision, wanted.base, wanted.content, person.username))


@router.delete("/articles/{name}/draft", status_code=204, dependencies=CHANGE)
async def remove_draft(
    library: Library, person: Admin, name: ArticleId, revision: Annotated[int, Query(ge=1, lt=2**31)]
) -> None:
    """Throws a draft away; what is in service stays."""
    await library.articles.remove_draft(name, revision)


@router.post("/drafts", status_code=201, dependencies=CHANGE)
async def new_articles(library: Library, person: Admin, wanted: NewArticles) -> Json:
    """Begins drafts of new articles."""
    return {"items": await library.put_new(wanted.articles, person.username)}


@router.get("/drafts")
async def drafts(library: Library, person: Admin) -> Response:
    """All drafts with what they change and what is wrong with them."""
    return answer({"items": await library.drafts()})


@router.post("/publish", dependencies=CHANGE)
async def publish(library: Library, person: Admin, wanted: Publish) -> Json:
    """Makes drafts the next version; answered once it is in service."""
    revisions = {one.id: one.revision for one in wanted.drafts}
    made = await library.publish(revisions, wanted.message, person.username)
    return made.as_json(await library.names(), made.version)


@router.post("/rollback", dependencies=CHANGE)
async def roll_back(library: Library, person: Admin, wanted: RollBack) -> Json:
    """Publishes the articles of an earlier version again."""
    made = await library.roll_back(wanted.to, wanted.message, person.username)
    return made.as_json(await library.names(), made.version)


@router.get("/versions")
async def versions(
    library: Library,
    person: Admin,
    before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    q: Annotated[str, Query(max_length=100)] = "",
) -> Json:
    """The history, newest first; ``q`` finds messages, authors and the articles that changed."""
    found = await library.articles.page(before=before, limit=limit + 1, search=q)
    names, active = await library.names(), (await library.articles.newest()).version
    items = [one.as_json(names, active) for one in found[:limit]]
    return {"items": items, "next": found[limit - 1].version if len(found) > limit else None}


@router.get("/diff")
async def difference(
    library: Library,
    person: Admin,
    from_: Annotated[int, Query(alias="from", ge=0, lt=2**31)],
    to: Annotated[int, Query(ge=1, lt=2**31)],
) -> Response:
    """What differs between two versions, by article and field."""
    return answer({"articles": await library.changes(from_, to)})


@router.post("/render", dependencies=CHANGE)
async def rendered(library: Library, person: Admin, text: Markdown) -> Json:
    """A text as its page shows it."""
    return {"html": render_markdown(text.markdown)}


@router.post("/ask", dependencies=CHANGE)
async def ask(library: Library, person: Admin, asked: Asked) -> Response:
    """What the bot would answer with some articles changed, beside what it answers now."""
    return answer(await library.ask(asked.question, asked.language, asked.articles))


@router.get("/export")
async def export(library: Library, person: Admin, of: Annotated[int | None, Query(ge=1, lt=2**31)] = None) -> Response:
    """A version's articles as files, in a ZIP archive."""
    version = of or (await library.articles.newest()).version
    name = f"articles-{version}.zip"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(await library.zipped(version), media_type="application/zip", headers=disposition)
