"""REST for the figures: how the bot is doing, by day, channel and language."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from server.gateway import figures_report
from server.gateway.figures_keeper import FiguresKeeper
from server.gateway.figures_report import MOST_DAYS, Wanted
from server.gateway.rest import Ports
from server.gateway.rest_desk import Leading

Json = dict[str, Any]
router = APIRouter(prefix="/api")
DAYS_SHOWN = 28


def wanted(  # noqa: PLR0917 (FastAPI names them all)
    given: Ports,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = DAYS_SHOWN,
    channel: Annotated[Literal["text", "voice", "picture"] | None, Query()] = None,
    language: Annotated[Literal["zh", "en"] | None, Query()] = None,
) -> Wanted:
    """The days from `first` to `last`; without a first one so many `days`, without a last one up to today.

    What today is, the company's clock says: where a customer or an administrator is, it may be another day. 422 where
    they make no span of time.
    """
    today = given.clock().astimezone(ZoneInfo(given.company.timezone)).date()
    until = last or today
    since = first or until - timedelta(days=days - 1)
    if since > until:
        raise HTTPException(422, f"'from' ({since}) comes after 'to' ({until})")
    if (until - since).days >= MOST_DAYS:
        raise HTTPException(422, f"at most {MOST_DAYS} days at a time")
    return Wanted(since, until, channel, language)


Span = Annotated[Wanted, Depends(wanted)]


@router.get("/figures")
async def figures(given: Ports, person: Leading, span: Span, request: Request) -> Json:
    """The figures of a span of days; a day without traffic is there, with nulls for what nothing can be said of."""
    keeper: FiguresKeeper = request.app.state.figures
    return await figures_report.report(given.conversations.store, given.company, keeper.releases, span)


@router.get("/figures.csv", response_class=Response)
async def figures_csv(given: Ports, person: Leading, span: Span) -> Response:
    """The same as a table: a row for each day, channel and language."""
    # The mark at the beginning tells spreadsheets that it is UTF-8.
    text = "\ufeff" + await figures_report.as_csv(given.conversations.store, span)
    name = f"kefu-{span.first}-{span.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
