"""Traces over OTLP to a real collector's door, and logs as JSON: who is meant, and never what was said."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from server import traces
from server.logs import JsonFormatter, about, about_request, carried
from tests.support.collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        yield server


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
    spans = {one.name: one for one in collector.spans}
    turn, parse, models, action = (spans[name] for name in names)
    assert len({one.trace for one in collector.spans}) == 1
    assert (parse.parent, models.parent) == (turn.id, parse.id)
    assert action.parent == models.id
    assert turn.attributes == {"conversation": "c1", "turn": 2}
    assert "secret" not in action.text
    assert action.status == "ValueError"


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


def test_another_process_says_the_same_conversation_and_turn_and_believes_no_nonsense():
    def written() -> dict[str, object]:
        record = logging.makeLogRecord({"msg": "here", "levelname": "INFO"})
        return {key: value for key, value in json.loads(JsonFormatter("%(message)s").format(record)).items()
                if key in {"conversation", "turn"}}  # fmt: skip

    assert carried() == {}
    with about(conversation="c1", turn=2):
        headers = carried()
    assert written() == {}
    with about_request(headers):
        assert written() == {"conversation": "c1", "turn": 2}
    for nonsense in ({}, {"x-kefu-about": "c1"}, {"x-kefu-about": "my number is 19900000101"}):
        with about_request(nonsense):
            assert written() == {}
