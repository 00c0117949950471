"""One trace for each turn, through gateway, model service and actions, where `traces_url` names a collector.

Off, nothing of OpenTelemetry is even imported. On, spans go over OTLP (HTTP) from a thread of their own, with a bounded
queue: a collector that is away costs spans and nothing else. A span names the conversation and the turn, never words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    from opentelemetry.sdk.trace import TracerProvider

HEADER = "traceparent"
_EXPORT_DEADLINE_S = 5
_WAITING = 2048
_provider: TracerProvider | None = None
_parent: ContextVar[Any] = ContextVar("span", default=None)


def configure(service: str, address: str) -> Callable[[], None]:
    """Sends spans of ``service`` to the collector at ``address`` from now on; call what it returns at the end."""
    if not address:
        return lambda: None
    global _provider  # noqa: PLW0603 (one process, one collector)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    exporter = OTLPSpanExporter(endpoint=f"{address.rstrip('/')}/v1/traces", timeout=_EXPORT_DEADLINE_S)
    made = TracerProvider(resource=Resource.create({"service.name": f"kefu-{service}"}), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_WAITING))
    _provider = made

    def close() -> None:
        global _provider  # noqa: PLW0603 (see above)
        _provider = None
        made.shutdown()

    return close


@contextmanager
def span(name: str, parent: str | None = None, **attributes: str | int | float | bool) -> Iterator[None]:
    """A span as long as the context lasts, below the one around it or the ``traceparent`` of another process."""
    if _provider is None:
        yield
        return
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    above = TraceContextTextMapPropagator().extract({HEADER: parent}) if parent else _parent.get()
    made = _provider.get_tracer("kefu").start_span(name, context=above, attributes=attributes)
    token = _parent.set(set_span_in_context(made))
    try:
        yield
    except Exception as error:
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

        made.set_status(Status(StatusCode.ERROR, type(error).__name__))  # its text may hold what a customer wrote
        raise
    finally:
        _parent.reset(token)
        made.end()


def carried() -> dict[str, str]:
    """The header that makes another process's spans part of this trace; empty where there is none."""
    if _provider is None or (here := _parent.get()) is None:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, context=here)
    return carrier


def given(headers: Mapping[str, str]) -> str | None:
    """The trace that a request belongs to."""
    return headers.get(HEADER)


async def carry(request: httpx.Request) -> None:
    """An event hook of an HTTP client: every request says which trace it belongs to."""
    request.headers.update(carried())
