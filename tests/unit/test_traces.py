"""Traces over OTLP to a real collector's door, and logs as JSON: who is meant, and never what was said."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from server import traces
from server.logs import JsonFormatter, about


class Collector(HTTPServer):
    """Takes spans as a collector does, and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: dict[str, object] = {}
        self.service = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        given = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        for resource in given.resource_spans:
            self.server.service = resource.resource.attributes[-1].value.string_value
            for scope in resource.scope_spans:
                self.server.spans |= {one.name: one for one in scope.spans}
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_the_spans_of_two_processes_are_one_trace(collector):
    close = traces.configure("gateway", collector.url)
    assert traces.carried() == {}, "outside of every span"
    with traces.span("turn", conversation="c1", turn=2):
        with traces.span("parse"):
            carried = traces.carried()
        # What the model service and the action server do with what they were given.
        with (
            pytest.raises(ValueError, match="secret"),
            traces.span("models /parse", parent=traces.given(carried)),
            traces.span("action answer"),
        ):
            raise ValueError("a secret that a customer wrote")
    close()
    assert traces.carried() == {}
    names = ("turn", "parse", "models /parse", "action answer")
    turn, parse, models, action = (collector.spans[name] for name in names)
    assert len({one.trace_id for one in collector.spans.values()}) == 1
    assert (parse.parent_span_id, models.parent_span_id) == (turn.span_id, parse.span_id)
    assert action.parent_span_id == models.span_id
    assert {one.key for one in turn.attributes} == {"conversation", "turn"}
    assert "secret" not in str(action)
    assert action.status.message == "ValueError"


def test_without_a_collector_nothing_is_imported():
    code = "import sys; from server import traces; traces.configure('gateway', '')\nwith traces.span('x'): pass\n"
    code += "print(sorted(name for name in sys.modules if name.startswith('opentelemetry')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_line_of_json_says_what_it_is_about_and_nothing_personal():
    record = logging.makeLogRecord({"msg": "could not call %s\nat once", "args": ("199 0000 0101",), "levelno": 30})
    record.levelname = "WARNING"
    with about(conversation="c1"), about(turn=2):
        line = JsonFormatter("%(message)s").format(record)
    assert "\n" not in line
    written = json.loads(line)
    assert (written["conversation"], written["turn"], written["level"]) == ("c1", 2, "warning")
    assert written["message"].startswith("could not call <PHONE>")
