"""docs/asyncapi.yaml names exactly the frames that the sockets serve."""

import re

import yaml

from server.settings import ROOT

SOURCES = {"chat": ROOT / "server/gateway/chat.py", "desk": ROOT / "server/gateway/desk.py"}
ALWAYS = {"hello", "ping"}


def test_every_frame_of_the_clients_is_described():
    described = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text("utf-8"))
    for name, source in SOURCES.items():
        messages = described["channels"][name]["messages"]
        from_clients = {key.removeprefix("from_client_") for key in messages if key.startswith("from_client_")}
        served = set(re.findall(r'^ {12}"(\w+)": self\._\w+,$', source.read_text("utf-8"), re.MULTILINE))
        assert served, "the table of handlers was not found"
        assert from_clients == served | ALWAYS


def test_every_operation_points_to_a_message():
    described = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text("utf-8"))
    for operation in described["operations"].values():
        for reference in operation["messages"]:
            place = described
            for part in reference["$ref"].removeprefix("#/").split("/"):
                place = place[part]
            assert place["payload"]["properties"]["type"]
