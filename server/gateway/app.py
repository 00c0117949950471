"""The gateway's application: everything is put together here and nowhere else."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import OperationalError

from actions.accounts import AccountsClient
from server.authorities import authorities
from server.company import Company
from server.documents.reading import DocumentReader
from server.gateway import (
    rest,
    rest_company_settings,
    rest_desk,
    rest_documents,
    rest_experiments,
    rest_figures,
    rest_graph,
    rest_graph_drafts,
    rest_learning,
    rest_library,
    rest_new_intents,
    rest_outages,
    rest_proposals,
    rest_safety,
    rest_sign_in,
    rest_staff,
    rest_summary,
    rest_uploads,
)
from server.gateway.bodies import Guard, explain
from server.gateway.casework import Casework
from server.gateway.chat import ChatPorts, chat
from server.gateway.company_in_force import risk_bound
from server.gateway.company_settings import CompanySettings
from server.gateway.conversations import Conversations
from server.gateway.desk import DeskPorts, desk
from server.gateway.dispatch import Dispatcher
from server.gateway.experiments import Experiments
from server.gateway.figures_keeper import FiguresKeeper
from server.gateway.graph_refusals import Refusal, refuse, refuse_storage
from server.gateway.graph_service import GraphService
from server.gateway.hub import Hub
from server.gateway.learning import Learning
from server.gateway.library_service import LibraryService
from server.gateway.limits import RateLimiter
from server.gateway.live import Live
from server.gateway.new_intents import NewIntents
from server.gateway.oidc import Oidc
from server.gateway.outages import Outages
from server.gateway.pictures import PictureReadings
from server.gateway.presence import Presence
from server.gateway.proposals import Proposals
from server.gateway.replies import Replies
from server.gateway.reviews import Reviews
from server.gateway.safety import Safety
from server.gateway.staff_sessions import close_when_over
from server.gateway.tokens import Tokens
from server.gateway.transcripts import Mailer
from server.gateway.turns import TurnRunner
from server.gateway.uploads import Uploads
from server.gateway.upstream import PARSE_DEADLINE_S, Upstream
from server.gateway.voice import VoicePorts
from server.settings import Settings
from server.storage.database import create_engine, migrate
from server.storage.store import Store

logger = logging.getLogger(__name__)
WEB = Path(__file__).parents[1] / "web" / "dist"

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self' ws: wss:; media-src 'self' blob:; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
ROUTES = (
    rest.router, rest_desk.router, rest_uploads.router, rest_safety.router, rest_new_intents.router, rest_graph.router,
    rest_graph_drafts.router, rest_sign_in.router, rest_learning.router, rest_figures.router, rest_outages.router,
    rest_summary.router,
    rest_company_settings.router, rest_staff.router, rest_proposals.router, rest_experiments.router,
    rest_library.router, rest_documents.router,
)  # fmt: skip
DOCS = ("/api/docs", "/api/openapi.json")


def create_app(settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> FastAPI:
    """The gateway, ready to be served; database and connections open when it starts."""
    company = Company.load(settings.company)
    demo_inbox = settings.demo_accounts and company.accounts_file is not None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = create_engine(settings.database_url)
        await migrate(engine)
        store = Store(engine, clock)
        presence = Presence(clock)
        conversations = Conversations(store=store, hub=Hub(), company=company, presence=presence, clock=clock)
        casework = Casework(conversations)
        app.state.live = live = Live(conversations, casework.drafts, settings.redis_url, settings.secret_key())
        app.state.upstream = upstream = Upstream(
            models=settings.models_addresses,
            rasa=settings.rasa_addresses,
            actions=settings.actions_addresses,
            turn_deadline_s=settings.turn_deadline_s,
            risk_bound=lambda: risk_bound(settings, company),
            # An engine past its own deadline is followed by the embedded one.
            parse_deadline_s=PARSE_DEADLINE_S
            + (settings.understanding.deadline_s if settings.understanding.engine != "embedded" else 0.0),
        )
        app.state.oidc = oidc = _provider(settings, clock)
        app.state.safety = safety = Safety.over(store, company, settings, clock)
        app.state.company_settings = company_settings = CompanySettings(store, company, settings, safety.audit)
        app.state.new_intents = new_intents = NewIntents(store, company, safety.audit)
        app.state.graph = graph = GraphService.over(store, company, safety.audit, upstream)
        app.state.accounts_http = accounts_http = httpx.AsyncClient(
            base_url=settings.accounts_url, verify=authorities(), trust_env=False
        )
        accounts = AccountsClient(accounts_http, settings.accounts_url, deadline_s=settings.account_api_timeout_s)
        app.state.library = library = LibraryService.over(
            store, company, safety.audit, upstream, accounts, new_intents, clock
        )
        app.state.learning = learning = Learning.over(
            store,
            settings,
            company,
            new_intents=new_intents,
            graph=graph.live,
            library=library.live,
            audit=safety.audit,
            upstream=upstream,
        )
        app.state.pictures = pictures = PictureReadings(
            store, upstream, settings.uploads_dir, enabled=settings.pictures.reader != "off"
        )
        app.state.outages = outages = Outages(conversations, safety.audit, safety.content, graph.versions, clock)
        app.state.proposals = proposals = Proposals(
            store, safety.audit, graph, upstream, configured=settings.understanding.translates, clock=clock
        )
        app.state.experiments = experiments = Experiments(
            conversations,
            settings=company_settings,
            content=safety.content,
            audit=safety.audit,
            writes=settings.understanding.answers,
        )
        turns = TurnRunner(
            conversations,
            upstream,
            content=safety.content,
            new_intents=new_intents,
            graph=graph.live,
            library=library.live,
            pictures=pictures,
            outages=outages,
            experiments=experiments,
            runner=live.replicas.id,
            at_once=settings.turns_at_once,
        )
        app.state.dispatcher = dispatcher = Dispatcher(casework, lambda: live.replicas.leads)
        tokens = Tokens(settings.secret_key())
        uploads = Uploads(
            store,
            settings.uploads_dir,
            max_bytes=settings.upload_max_bytes,
            per_conversation=settings.uploads_per_conversation,
        )
        app.state.rest = rest.RestPorts(
            conversations=conversations,
            company=company,
            library=library.live,
            clock=clock,
            logins_allowed=live.limiter("login", burst=5, per_second=1 / 30),
            addresses_allowed=live.limiter("address", burst=50, per_second=1 / 5),
            secure_cookie=settings.public_url.startswith("https://"),
            demo_inbox=demo_inbox,
            voice=settings.speech.enabled,
            picture_bytes=settings.upload_max_bytes if settings.uploads_per_conversation else 0,
        )
        app.state.chat = ChatPorts(
            conversations=conversations,
            turns=turns,
            tokens=tokens,
            uploads=uploads,
            company=company,
            clock=clock,
            messages_allowed=RateLimiter(burst=100, per_second=20, clock=time.monotonic),
            frames_allowed=RateLimiter(burst=300, per_second=100, clock=time.monotonic),
            conversations_allowed=live.limiter("conversation", burst=1000, per_second=20),
            voice=VoicePorts(upstream, settings.speech),
        )
        app.state.desk = DeskPorts(casework, turns, uploads, safety.audit)
        app.state.desk_rest = rest_desk.DeskRest(
            casework=casework,
            replies=Replies(store),
            reviews=Reviews(store),
            uploads=uploads,
            mailer=Mailer(settings),
            accounts=accounts,
            library=library.live,
            upstream=upstream,
            tokens=tokens,
            translates=settings.understanding.translates,
            summarises=settings.understanding.summaries,
            clock=clock,
        )
        app.state.figures = figures = FiguresKeeper(store, company, clock, releases=settings.releases_dir)
        await graph.live.start(company.kg_dir)
        begun_first = (upstream, live, company_settings, safety, new_intents, learning, outages, proposals)
        for part in (*begun_first, library.live, experiments, turns, figures):
            await part.start()
        dispatcher.start()
        yield
        await dispatcher.close()
        ended_first = (figures, turns, pictures, safety, company_settings, learning, new_intents, outages, proposals)
        for open_part in (experiments, *ended_first, graph.live, library.live, live):
            await open_part.close()
        clients = (accounts_http.aclose(), upstream.close())
        await asyncio.gather(*clients, *([oidc.close()] if oidc else []))
        await store.close()

    app = FastAPI(
        title="Kefu",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
        exception_handlers={RequestValidationError: explain, Refusal: refuse, OperationalError: refuse_storage},
    )
    app.state.documents = DocumentReader()
    for routes in (*ROUTES, *([rest.demo_router] if demo_inbox else [])):
        app.include_router(routes)
    for add in (_add_sockets, _add_health, _add_pages, partial(_add_guards, settings=settings, company=company)):
        add(app)
    return app


def _provider(settings: Settings, clock: Callable[[], datetime]) -> Oidc | None:
    if not settings.oidc.on:
        return None
    return Oidc(settings.oidc, public_url=settings.url, key=settings.secret_key(), clock=clock)


def _add_guards(app: FastAPI, settings: Settings, company: Company) -> None:
    @app.middleware("http")
    async def security_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.public_url.startswith("https://"):
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response

    # Last added, first asked: nothing reads a body before it.
    requests_allowed = RateLimiter(burst=600, per_second=100, clock=time.monotonic)
    app.add_middleware(
        Guard, upload_bytes=settings.upload_max_bytes, allowed=requests_allowed.allow, embedding=lambda: company.origins
    )


def _add_sockets(app: FastAPI) -> None:
    @app.websocket("/ws/chat")
    async def chat_socket(socket: WebSocket) -> None:
        await chat(socket, app.state.chat)

    @app.websocket("/ws/desk")
    async def desk_socket(socket: WebSocket) -> None:
        person = await rest.session_of(app.state.rest, socket.cookies.get(rest.SESSION_COOKIE))
        token = socket.cookies.get(rest.SESSION_COOKIE)
        store = app.state.rest.conversations.store
        watch = asyncio.create_task(close_when_over(store, token if person else None, socket), name="desk session")
        try:
            await desk(socket, person, app.state.desk)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def readyz(only: str = "") -> JSONResponse:
        # ``?only=gateway``: with services away, people are still served by people, so a balancer asks for this.
        services = {} if only == "gateway" else await app.state.upstream.healthy()
        try:
            await app.state.rest.conversations.store.ping()
            services["database"] = True
        except Exception:  # whatever the driver raises means the same here
            logger.exception("the database does not answer")
            services["database"] = False
        status = 200 if all(services.values()) else 503
        bus = app.state.live.bus
        # Redis only makes things faster: without it, the gateway is as ready as with it.
        return JSONResponse(services | ({"redis": bus.connected} if bus else {}), status_code=status)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _add_pages(app: FastAPI) -> None:
    def page(name: str) -> Response:
        path = WEB / name
        if not path.is_file():
            return PlainTextResponse(f"{name} is not built; 'make up' builds the pages\n", status_code=503)
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    @app.get("/", include_in_schema=False)
    @app.get("/help/{article_id}", include_in_schema=False)
    async def help_page(article_id: str = "") -> Response:
        return page("help.html")

    @app.get("/desk", include_in_schema=False)
    async def desk_page() -> Response:
        return page("desk.html")

    @app.get("/admin", include_in_schema=False)
    async def admin_page() -> Response:
        return page("admin.html")

    @app.get("/demo/inbox", include_in_schema=False)
    async def inbox_page() -> Response:
        return page("inbox.html")

    @app.get("/api/docs", include_in_schema=False)
    async def api_docs() -> Response:
        return page("api.html")

    # What other sites embed, and what it loads when the customer talks.
    @app.get("/widget.js", include_in_schema=False)
    @app.get("/voice.js", include_in_schema=False)
    @app.get("/voice-worklet.js", include_in_schema=False)
    async def embedded(request: Request) -> Response:
        response = page(request.url.path.removeprefix("/"))
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    @app.get("/{path:path}", include_in_schema=False)
    async def asset(path: str) -> Response:
        file = (WEB / path).resolve()
        if not file.is_relative_to(WEB.resolve()) or not file.is_file():
            return JSONResponse({"detail": "not found"}, status_code=404)
        return FileResponse(file)
