"""Graphs in files: every format there and back, and files that are wrong, hostile or in another encoding."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

import orjson
import pytest

import kg
from kg.editing import Content, apply
from kg.files import FORMATS, MAX_BYTES, decode, read, write
from kg.load import GraphError, load
from kg.problems import Reader

GRAPH = load([Path(kg.__file__).parent / "data"])
DEMO = Content.of_graph(GRAPH, {"hdmi_loose": (3, 4)})


@pytest.mark.parametrize("kind", ["yaml", "json", "graphml", "csv"])
def test_a_whole_graph_comes_back(kind):
    back = read(kind, write(kind, DEMO))
    checked = Reader().check(back)
    assert not checked.errors
    assert checked.graph == GRAPH
    assert checked.graph.version == GRAPH.version
    if kind in ("json", "graphml"):
        assert back.layout == {"hdmi_loose": (3.0, 4.0)}


def test_fault_trees_come_back_with_their_probabilities():
    back = Reader().check(read("xml", write("xml", DEMO))).graph
    assert back.symptoms.keys() == GRAPH.symptoms.keys()
    assert {name: back.faults[name].prior for name in GRAPH.faults} == {
        name: pytest.approx(fault.prior) for name, fault in GRAPH.faults.items()
    }


@pytest.mark.parametrize("kind", FORMATS)
def test_a_graph_with_errors_is_not_written(kind):
    broken = apply(DEMO, [{"op": "remove", "node": "tv_box"}])
    with pytest.raises(GraphError, match="tv_box"):
        write(kind, broken)


# --------------------------------------------------------------------------- tables


def row(*cells: str) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([("id", "kind", "field", "zh", "en", "value"), cells])
    return out.getvalue()


def data(text: str, name: str) -> dict:
    return dict(read("csv", text.encode(), DEMO).nodes[name].data)


def test_rows_change_only_the_fields_that_they_name():
    changed = read("csv", row("hdmi_loose", "", "name", "线松", "Loose", "").encode(), DEMO)
    assert changed.nodes["hdmi_loose"].data == {
        **DEMO.nodes["hdmi_loose"].data, "name": {"zh": "线松", "en": "Loose"}
    }  # fmt: skip
    assert {name: node for name, node in changed.nodes.items() if name != "hdmi_loose"} == {
        name: node for name, node in DEMO.nodes.items() if name != "hdmi_loose"
    }
    assert changed.layout == DEMO.layout


def test_rows_add_and_remove_nodes_and_fields():
    assert data(row("spare", "fault", "prior", "", "", "0.25"), "spare") == {"prior": 0.25}
    assert "component" not in data(row("hdmi_loose", "", "component", "", "", ""), "hdmi_loose")
    assert "hdmi_loose" not in read("csv", row("hdmi_loose", "", "-", "", "", "").encode(), DEMO).nodes
    phrases = data(row("tv_stutters", "", "phrases.en", "", "", r"it stops | one \| two"), "tv_stutters")["phrases"]
    assert phrases["en"] == ["it stops", "one | two"]
    assert (
        data(row("tv_stutters", "", "works.0", "好了？", "Better?", ""), "tv_stutters")["works"][0]["en"] == "Better?"
    )


def test_cells_that_a_spreadsheet_would_calculate_are_guarded():
    text = "=1+1"
    odd = apply(DEMO, [{"op": "set", "node": "hdmi_loose", "path": ["name", "en"], "value": text}])
    table = write("csv", odd).decode("utf-8-sig")
    assert not any(cell.startswith("=") for line in csv.reader(io.StringIO(table)) for cell in line)
    assert read("csv", table.encode(), DEMO).nodes["hdmi_loose"].data["name"]["en"] == text


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a,b,c\n1,2,3\n", "line 1: the columns are id,kind,field,zh,en,value"),
        ("", "line 1: the columns"),
        (row("a b", "", "name", "", "", "x"), "line 2: 'a b' cannot be an id"),
        (row("nobody", "", "name", "", "", "x"), 'line 2: "nobody" is new and needs a kind'),
        (row("hdmi_loose", "fix", "name", "", "", "x"), 'line 2: "hdmi_loose" is a fault, not a fix'),
        (row("hdmi_loose", "", "", "", "", "x"), 'line 2: a row names its "field"'),
        (row("hdmi_loose", "", "name", "中", "", "x"), "line 2: a row has either texts"),
        (row("hdmi_loose", "", "prior.x", "", "", "x"), "line 2: .* leads nowhere"),
        (row("nobody", "", "-", "", "", ""), "line 2: there is no node 'nobody'"),
        ('id,kind,field,zh,en,value\na,"b\n', "not readable as CSV"),
    ],
)
def test_rows_that_cannot_be_are_named(table, message):
    with pytest.raises(GraphError, match=message):
        read("csv", table.encode(), DEMO)


def test_every_wrong_row_is_named_and_none_is_applied():
    table = row("hdmi_loose", "", "prior", "", "", "0.5") + "\r\n".join(f"x y {n},,name,,,z" for n in range(3))
    with pytest.raises(GraphError) as refused:
        read("csv", table.encode(), DEMO)
    assert len(refused.value.problems) == 3


# --------------------------------------------------------------------------- wrong and hostile files

BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><{root}>&c;</{root}>"""
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><{root}>&f;</{root}>'


@pytest.mark.parametrize("text", [BOMB, OUTSIDE])
@pytest.mark.parametrize(("kind", "root"), [("graphml", "graphml"), ("xml", "opsa-mef")])
def test_entities_are_never_expanded(kind, root, text):
    with pytest.raises(GraphError) as refused:
        read(kind, text.replace("{root}", root).encode())
    assert "root:" not in str(refused.value)


def test_aliases_are_never_expanded():
    with pytest.raises(GraphError, match="aliases"):
        read("yaml", b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 1000,
        b"PK\x03\x04" + bytes(range(256)) * 20,
        "症状: 没信号".encode("gb18030"),
        b"[" * 100_000,
        b"{" * 5_000 + b"}" * 5_000,
        b"<a>" * 50_000,
        b"!!python/object/apply:os.system ['true']",
        b'{"nodes": [{"id": "a", "kind": "fault", "data": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}]}",
        b"null",
        b"id,kind,field,zh,en,value\n" + b'"' * 9999,
    ],
)
def test_nonsense_is_refused_with_a_sentence(kind, content):
    with pytest.raises(GraphError) as refused:
        read(kind, content, DEMO)
    assert 0 < len(str(refused.value)) < 12_000


@pytest.mark.parametrize("kind", FORMATS)
def test_a_large_file_is_refused_before_it_is_read(kind):
    with pytest.raises(GraphError, match="larger than 8 MB"):
        read(kind, b" " * (MAX_BYTES + 1))


def test_text_is_utf_8_or_marked_utf_16():
    assert decode("图".encode("utf-8-sig")) == "图"
    assert decode(codecs.BOM_UTF16_LE + "图".encode("utf-16-le")) == "图"
    with pytest.raises(GraphError, match="line 2: this is no UTF-8 text"):
        decode("ok\n电视没有画面".encode("gb18030"))


def test_a_half_written_node_is_refused_with_its_place():
    document = orjson.loads(write("json", DEMO))
    document["nodes"][3]["data"].pop("name")
    with pytest.raises(GraphError, match=r'nodes\[3\].data: .* lacks the field "name"'):
        read("json", orjson.dumps(document))
    graphml = write("graphml", DEMO).decode().replace(">{", ">{{", 1)
    with pytest.raises(GraphError, match='its "data" is not readable as JSON'):
        read("graphml", graphml.encode())
