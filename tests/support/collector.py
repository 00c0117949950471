"""A collector of OpenTelemetry traces: takes spans over OTLP (HTTP, protobuf) as a real one does, and keeps them."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One span: ids as bytes, ``parent`` empty at the root, everything that was sent with it as ``text``."""

    service: str
    name: str
    trace: bytes
    id: bytes
    parent: bytes
    attributes: dict[str, Any]
    status: str
    text: str


class Collector(ThreadingHTTPServer):
    """Listens on a free port while the context lasts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Span] = []
        self._came = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="collector")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def take(self, body: bytes) -> None:
        given = ExportTraceServiceRequest.FromString(body)
        with self._came:
            for resource in given.resource_spans:
                about = {one.key: one.value.string_value for one in resource.resource.attributes}
                for scope in resource.scope_spans:
                    for one in scope.spans:
                        attributes = {
                            each.key: each.value.string_value or each.value.int_value for each in one.attributes
                        }
                        self.spans.append(
                            Span(about["service.name"], one.name, one.trace_id, one.span_id, one.parent_span_id,
                                 attributes, one.status.message, str(one))
                        )  # fmt: skip
            self._came.notify_all()

    def trace_of(self, names: set[str], *, deadline_s: float, **attributes: Any) -> list[Span]:
        """The whole trace whose root has these attributes, once it has spans of all these names. Blocks."""
        with self._came:

            def found() -> list[Span]:
                roots = {
                    one.trace for one in self.spans if not one.parent and attributes.items() <= one.attributes.items()
                }
                return [one for one in self.spans if one.trace in roots]

            if not self._came.wait_for(lambda: names <= {one.name for one in found()}, deadline_s):
                raise AssertionError(f"{names} did not all come, only {sorted({one.name for one in found()})}")
            return found()


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.server.take(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""
