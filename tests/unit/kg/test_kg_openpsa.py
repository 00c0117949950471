from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from trees import fault_trees

from kg.analysis import analyse
from kg.cli_api import analyse as analyse_files
from kg.formula import parse
from kg.openpsa import OpenPsaError, read, read_files, write
from kg.tree import FaultTree


def model(inside: str) -> str:
    return f'<?xml version="1.0"?>\n<opsa-mef>{inside}</opsa-mef>'


def chance_of(expression: str, mission_time: float = 8760.0) -> float:
    text = model(
        f'<define-fault-tree name="t"><define-gate name="g"><or><event name="e"/></or></define-gate>'
        f'<define-basic-event name="e">{expression}</define-basic-event>'
        '<define-parameter name="half"><float value="0.5"/></define-parameter>'
        '<define-parameter name="other"><parameter name="half"/></define-parameter></define-fault-tree>'
    )
    return read({"m.xml": text}, mission_time=mission_time).tree.probabilities["e"]


def number(value: float) -> str:
    return f'<float value="{value}"/>'


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (number(0.25), 0.25),
        ('<int value="1"/>', 1.0),
        ('<bool value="true"/>', 1.0),
        ('<parameter name="other"/>', 0.5),
        (f"<exponential>{number(1e-5)}<system-mission-time/></exponential>", 1 - math.exp(-0.0876)),
        (f"<GLM>{number(0)}{number(0.1)}{number(0.3)}{number(2)}</GLM>", 0.25 * (1 - math.exp(-0.8))),
        (f"<Weibull>{number(100)}{number(2)}{number(10)}{number(60)}</Weibull>", 1 - math.exp(-0.25)),
        (f"<Weibull>{number(100)}{number(2)}{number(10)}{number(5)}</Weibull>", 0.0),
        (f"<periodic-test>{number(0.01)}{number(10)}{number(4)}{number(17)}</periodic-test>", 1 - math.exp(-0.03)),
        (f"<uniform-deviate>{number(0.1)}{number(0.3)}</uniform-deviate>", 0.2),
        (f"<normal-deviate>{number(0.1)}{number(0.3)}</normal-deviate>", 0.1),
        (f"<lognormal-deviate>{number(0.2)}{number(3)}{number(0.95)}</lognormal-deviate>", 0.2),
        (f"<lognormal-deviate>{number(-2)}{number(1)}</lognormal-deviate>", math.exp(-1.5)),
        (f"<gamma-deviate>{number(2)}{number(0.1)}</gamma-deviate>", 0.2),
        (f"<beta-deviate>{number(1)}{number(3)}</beta-deviate>", 0.25),
        (
            f"<histogram>{number(0)}<bin>{number(0.2)}{number(3)}</bin><bin>{number(0.4)}{number(1)}</bin></histogram>",
            0.15,
        ),
        (f"<sub>{number(1)}{number(0.25)}{number(0.25)}</sub>", 0.5),
        (f"<ite><lt>{number(1)}{number(2)}</lt>{number(0.3)}{number(0.4)}</ite>", 0.3),
        (f"<switch><case><bool value='false'/>{number(1)}</case>{number(0.4)}</switch>", 0.4),
        (f"<min>{number(0.3)}<div>{number(1)}{number(8)}</div></min>", 0.125),
        ("<div><acos><int value='0'/></acos><pi/></div>", 0.5),
    ],
)
def test_expressions(expression: str, value: float) -> None:
    assert chance_of(expression) == pytest.approx(value)


def test_a_repaired_component_under_periodic_test_fails_less_than_an_unrepaired_one() -> None:
    def at(repair: float) -> float:
        return chance_of(
            f"<periodic-test>{number(0.01)}{number(repair)}{number(10)}{number(4)}{number(17)}</periodic-test>"
        )

    assert at(0.01) > at(0.5) > at(5)
    # Repaired at once it is as good as new after each test.
    assert at(1e6) == pytest.approx(1 - math.exp(-0.03), rel=1e-4)


SYSTEM = model("""
 <define-fault-tree name="pumps">
  <define-gate name="top"><or><gate name="both"/><not><house-event name="powered"/></not></or></define-gate>
  <define-gate name="both"><label>Both  pumps
    fail</label><atleast min="2"><event name="a"/><event name="b"/><gate name="train.c"/></atleast></define-gate>
  <define-component name="train" role="private">
   <define-gate name="c"><or><event name="a"/><event name="d"/></or></define-gate>
   <define-basic-event name="a"><float value="0.5"/></define-basic-event>
  </define-component>
  <define-house-event name="powered"><constant value="true"/></define-house-event>
 </define-fault-tree>""")
EVENTS = model("""<model-data>
  <define-basic-event name="a"><float value="0.1"/></define-basic-event>
  <define-basic-event name="b"><float value="0.2"/></define-basic-event>
  <define-basic-event name="d"><float value="0.3"/></define-basic-event>
 </model-data><define-event-tree name="later"/>""")


def test_two_files_are_one_model_and_components_hide_their_names(tmp_path: Path) -> None:
    (tmp_path / "system.xml").write_text(SYSTEM)
    (tmp_path / "events.xml").write_text(EVENTS)
    files = [tmp_path / "system.xml", tmp_path / "events.xml"]
    found = read_files(files)
    assert found.tree.gates["pumps.train.c"] == parse("pumps.train.a or d")
    assert found.tree.labels["both"] == "Both pumps fail"
    assert "define-event-tree" in found.ignored[0]
    result = analyse_files(files, top="top")
    train = 1 - 0.5 * 0.7
    assert result.probability == pytest.approx(0.1 * 0.2 + 0.1 * 0.8 * train + 0.9 * 0.2 * train)


def test_published_figures_of_a_small_tree_with_rates() -> None:
    def gate(name: str, op: str, *names: str) -> str:
        return f'<define-gate name="{name}"><{op}>{"".join(f"<event name={n!r}/>" for n in names)}</{op}></define-gate>'

    rates = {"e1": 2e-5, "e2": 1e-5, "e3": 2e-5, "e4": 1e-5}
    basics = "".join(
        f'<define-basic-event name="{name}"><exponential><lognormal-deviate>{number(rate)}{number(3)}{number(0.95)}'
        "</lognormal-deviate><system-mission-time/></exponential></define-basic-event>"
        for name, rate in rates.items()
    )
    gates = gate("top", "or", "g1", "g2") + gate("g1", "and", "e1", "e2") + gate("g2", "and", "e3", "e4")
    result = analyse(read({"m": model(f'<define-fault-tree name="t">{gates}{basics}</define-fault-tree>')}).tree)
    assert (round(result.probability or 0, 5), result.minimal_cut_sets) == (0.02678, 2)


def common_cause(kind: str, factors: list[float], members: int) -> FaultTree:
    names = [f"e{i}" for i in range(members)]
    inside = "".join(f'<basic-event name="{name}"/>' for name in names)
    listed = "".join(f'<factor level="{i + 2}">{number(value)}</factor>' for i, value in enumerate(factors))
    return read(
        {
            "m": model(
                f'<define-fault-tree name="t"><define-gate name="top"><and>{inside}</and></define-gate>'
                f'<define-CCF-group name="group" model="{kind}"><members>{inside}</members>'
                f"<distribution>{number(0.1)}</distribution><factors>{listed}</factors></define-CCF-group>"
                "</define-fault-tree>"
            )
        }
    ).tree


@pytest.mark.parametrize(
    ("kind", "factors"),
    [("beta-factor", [0.2]), ("MGL", [0.2, 0.4]), ("alpha-factor", [0.9, 0.06, 0.04]), ("phi-factor", [0.6, 0.1, 0.2])],
)
def test_common_cause_groups_keep_each_members_probability(kind: str, factors: list[float]) -> None:
    tree = common_cause(kind, factors, 3)
    chances = tree.probabilities
    # Rare events: what fails one member sums to about the group's probability (the phi factors: (.6 + 2·.1 + .2) = 1).
    of_first = sum(chance for name, chance in chances.items() if "e0" in name.strip("[]").split())
    assert of_first == pytest.approx(0.1)
    result = analyse(tree, top="top")
    assert result.minimal_cut_sets is not None
    assert (result.probability or 0) > 0.1**3


def test_beta_factor_figures() -> None:
    result = analyse(common_cause("beta-factor", [0.2], 2), top="top")
    assert result.probability == pytest.approx(0.02 + 0.98 * 0.08**2)
    assert result.minimal_cut_sets == 2


@settings(max_examples=60, deadline=None)
@given(fault_trees())
def test_what_is_written_reads_back_the_same(tree: FaultTree) -> None:
    again = read({"m.xml": write(tree)}).tree
    assert again.gates == tree.gates
    assert again.probabilities == tree.probabilities
    assert again.events == tree.events


LAUGHS = """<?xml version="1.0"?><!DOCTYPE opsa-mef [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<opsa-mef><define-fault-tree name="&b;"/></opsa-mef>"""
OUTSIDE = '<!DOCTYPE opsa-mef [<!ENTITY x SYSTEM "file:///etc/hostname">]><opsa-mef>&x;</opsa-mef>'
DEEP = model('<define-fault-tree name="t"><define-gate name="g">' + "<not>" * 400 + "</not>" * 400)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAUGHS, "entities"),
        (OUTSIDE, "entities"),
        (DEEP, "nest deeper"),
        ("<opsa-mef>", "not well-formed"),
        ("not xml", "m.xml:1"),
        ("<html/>", "no Open-PSA model"),
        (model(""), "no gate"),
        (model('<define-fault-tree name="t"><define-gate name="g"/></define-fault-tree>'), "exactly one formula"),
        (model('<define-fault-tree name="t"><define-gate><and/></define-gate></define-fault-tree>'), "has no name"),
        (
            model('<define-gate name="g"><or><event name="x"/></or></define-gate>'),
            '"x" is used here but defined nowhere',
        ),
        (model('<define-gate name="g"><maybe/></define-gate>'), "connective"),
        (
            model('<define-gate name="g"><not><constant value="true"/><constant value="true"/></not></define-gate>'),
            "takes 1",
        ),
        (model('<define-gate name="g"><atleast><basic-event name="e"/></atleast></define-gate>'), 'min="…"'),
        (model('<define-basic-event name="e"><float value="1.5"/></define-basic-event>'), "outside"),
        (model('<define-basic-event name="e"><float value="nan"/></define-basic-event>'), "finite"),
        (
            model('<define-basic-event name="e"><float value="1"/></define-basic-event>' * 2),
            "defined before at m.xml:2",
        ),
        (model('<define-basic-event name="e"><parameter name="p"/></define-basic-event>'), '"p" is defined nowhere'),
        (
            model(
                '<define-parameter name="p"><parameter name="p"/></define-parameter>'
                '<define-basic-event name="e"><parameter name="p"/></define-basic-event>'
            ),
            "circle",
        ),
        (
            model(
                '<define-gate name="g"><or><gate name="h"/></or></define-gate>'
                '<define-gate name="h"><or><gate name="g"/></or></define-gate>'
            ),
            "cycle",
        ),
        (model('<define-basic-event name="e"><log><int value="0"/></log></define-basic-event>'), "no value"),
        (
            model('<define-basic-event name="e"><div><int value="1"/><int value="0"/></div></define-basic-event>'),
            "zero",
        ),
    ],
)
def test_bad_files_are_refused_with_the_place(text: str, says: str) -> None:
    with pytest.raises(OpenPsaError, match=r"m\.xml") as caught:
        read({"m.xml": text})
    assert says in str(caught.value)


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kg.openpsa.MAX_ELEMENTS", 5)
    with pytest.raises(OpenPsaError, match="more than 5 elements"):
        read({"m.xml": SYSTEM})
    monkeypatch.setattr("kg.openpsa.MAX_BYTES", 100)
    with pytest.raises(OpenPsaError, match="larger than"):
        read({"m.xml": SYSTEM})
