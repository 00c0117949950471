"""How well and how fast diagnoses end: the engine against a plain run down the support manual's order.

    uv run python -m benchmarks.diagnosis [--cases 1000] [--unsure 0.2] [--misread 0.1] [--seed 1]
    uv run python -m benchmarks.diagnosis --scale        # compile, load and step times as graphs grow

A simulated customer (`benchmarks.phone`) with 1 to 9 faults at once answers from the true state of the phone, is not
sure of a share of the checks, and carries out fixes. A step is one message that asks for a check, a fix or a
confirmation.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.phone import FAULTS, ONLY_A_PERSON, Phone, broken_phone
from kg.compiled import Knowledge
from kg.diagnose import Answer, answer, start
from kg.load import load, load_texts
from kg.model import Who
from kg.next_step import next_step

DATA = Path(__file__).resolve().parent.parent / "kg" / "data"
GUARD = 200


@dataclass
class Result:
    """How one case ended."""

    ok: bool
    steps: int
    outcome: str
    milliseconds: list[float]


def by_engine(
    knowledge: Knowledge,
    symptom: str,
    phone: Phone,
    unsure: float,
    dice: random.Random,
    *,
    misread: float = 0.0,
    log: bool = False,
) -> Result:
    """One case led by the engine. `misread` is the share of answers in which one fact is taken for another."""
    hopeless = bool(phone.faults & ONLY_A_PERSON)
    state = start(knowledge, symptom)
    times: list[float] = []
    steps = 0
    for _ in range(GUARD):
        began = time.perf_counter()
        step = next_step(knowledge, state)
        times.append(1000 * (time.perf_counter() - began))
        asked = step.who is Who.CUSTOMER or step.kind == "confirm" or step.retest
        steps += asked and step.kind in ("check", "fix", "confirm")
        if log:
            print(
                steps,
                step.kind,
                step.id,
                step.reason,
                sorted(phone.faults),
                [(h, round(p, 2)) for h, p in step.hypotheses],
            )
        if step.kind == "solved":
            return Result(not phone.suffers(symptom), steps, "solved", times)
        if step.kind == "handoff":
            return Result(hopeless, steps, f"handoff:{step.reason}", times)
        if step.kind == "confirm":
            state = answer(knowledge, state, Answer("confirm", step.node, result="yes"))
        elif step.kind == "fix":
            phone.do(step.id)
            result = "done" if not step.retest else "still" if phone.suffers(symptom) else "solved"
            state = answer(knowledge, state, Answer("fix", step.node, result=result))
        elif step.node == symptom:
            state = answer(
                knowledge, state, Answer("check", step.node, result="still" if phone.suffers(symptom) else "solved")
            )
        elif step.who is Who.CUSTOMER and dice.random() < unsure:
            state = answer(knowledge, state, Answer("check", step.node, result="unsure"))
        else:
            shown = phone.look(step.id)
            if step.who is Who.CUSTOMER and dice.random() < misread:
                facet = dice.choice(list(shown))
                shown[facet] = dice.choice(list(knowledge.graph.checks[step.node].facets[facet].outcomes))
            state = answer(knowledge, state, Answer("check", step.node, outcomes=shown))
    return Result(False, steps, "endless", times)


# What the manual goes through, in its order: check, what it has to show, fixes. Checks without the customer are free.
_SERVICE = [
    ("check_status_bar", "airplane", {"on"}, ["toggle_airplane_mode"]),
    ("check_sim_status", "", {"missing"}, ["reseat_sim_card"]),
    ("check_sim_status", "", {"locked"}, ["handoff"]),
    ("check_apn_settings", "apn", {"incorrect"}, ["reset_apn_settings", "reboot_device"]),
    ("get_line", "status", {"contract_ended"}, ["handoff"]),
    ("get_bills", "", {"overdue"}, ["confirm", "send_payment_request", "confirm", "resume_line", "reboot_device"]),
    ("get_line", "status", {"suspended"}, ["confirm", "resume_line", "reboot_device"]),
]
_DATA = [
    ("check_network_status", "data", {"off"}, ["toggle_data"]),
    ("check_network_status", "roaming", {"off"}, ["toggle_roaming"]),
    ("get_line", "roaming", {"off"}, ["confirm", "set_roaming"]),
    ("check_data_restriction_status", "", {"on"}, ["toggle_data_saver_mode"]),
    ("check_vpn_status", "", {"connected"}, ["disconnect_vpn"]),
    ("get_data_usage", "", {"used_up"}, ["confirm", "refuel_data"]),
    ("check_network_mode_preference", "", {"2g", "3g"}, ["set_network_mode_preference"]),
]
_MMS = [
    ("check_network_mode_preference", "", {"2g"}, ["set_network_mode_preference"]),
    ("check_apn_settings", "mmsc", {"missing"}, ["reset_apn_settings", "reboot_device"]),
    ("check_wifi_calling_status", "", {"on"}, ["toggle_wifi_calling"]),
    ("check_app_permissions", "storage", {"denied"}, ["grant_app_permission"]),
    ("check_app_permissions", "sms", {"denied"}, ["grant_app_permission"]),
]
MANUAL = {
    "no_service": _SERVICE,
    "mobile_data_unavailable": _SERVICE + _DATA,
    "slow_data": _SERVICE + _DATA,
    "mms_fails": _SERVICE + _DATA[:3] + _DATA[5:6] + _MMS,
}
_SILENT = {
    "get_line",
    "get_bills",
    "get_data_usage",
    "set_roaming",
    "refuel_data",
    "send_payment_request",
    "resume_line",
}
_WITH_RETEST = {"set_roaming", "refuel_data", "send_payment_request"}


def by_manual(symptom: str, phone: Phone, unsure: float, dice: random.Random) -> Result:
    """One case led down the manual's order: every section's check, its fix where the fault shows, then a re-test."""
    hopeless = bool(phone.faults & ONLY_A_PERSON)
    steps = 0
    last = ""
    shown: dict[str, str] | None = None
    for check, facet, bad, fixes in MANUAL[symptom]:
        if check != last:  # what one section asks, the next one asks again
            last = check
            silent = check in _SILENT
            steps += not silent
            shown = None if not silent and dice.random() < unsure else phone.look(check)
        if shown is None or shown[facet] not in bad:
            continue
        for fix in fixes:
            if fix == "handoff":
                return Result(hopeless, steps, "handoff", [])
            steps += fix not in _SILENT or fix in _WITH_RETEST
            phone.do(fix)
        if not phone.suffers(symptom):
            return Result(True, steps, "solved", [])
    return Result(hopeless, steps, "exhausted", [])


def compare(cases: int, unsure: float, misread: float, seed: int) -> dict[str, object]:
    """Both on the same random cases."""
    knowledge = Knowledge(load([DATA]))
    knowledge.compile_all()
    dice = random.Random(seed)
    engine, manual = [], []
    for _ in range(cases):
        symptom, number = dice.choice(list(FAULTS)), dice.randint(1, 9)
        case = dice.randrange(2**31)
        phone = broken_phone(symptom, number, random.Random(case))
        engine.append(by_engine(knowledge, symptom, phone, unsure, random.Random(case), misread=misread))
        manual.append(
            by_manual(symptom, broken_phone(symptom, number, random.Random(case)), unsure, random.Random(case))
        )
    times = sorted(ms for result in engine for ms in result.milliseconds)
    mean = statistics.fmean(result.steps for result in engine)
    plain = statistics.fmean(result.steps for result in manual)
    outcomes: dict[str, int] = {}
    for result in engine:
        key = result.outcome + ("" if result.ok else " (wrong)")
        outcomes[key] = outcomes.get(key, 0) + 1
    return {
        "cases": cases,
        "unsure": unsure,
        "misread": misread,
        "engine_right": sum(result.ok for result in engine) / cases,
        "manual_right": sum(result.ok for result in manual) / cases,
        "engine_steps": round(mean, 2),
        "manual_steps": round(plain, 2),
        "ratio": round(mean / plain, 3),
        "engine_most_steps": max(result.steps for result in engine),
        "step_ms_p50": round(times[len(times) // 2], 2),
        "step_ms_p99": round(times[int(len(times) * 0.99)], 2),
        "outcomes": outcomes,
    }


# --------------------------------------------------------------------------- scale


def synthetic(trees: int, faults: int, seed: int = 1) -> str:
    """YAML of many trees: each fault with a check and a fix, some checks over several faults, some causes in pairs."""
    dice = random.Random(seed)
    text = {"zh": "文字", "en": "text"}

    def many(number: int) -> list[dict[str, str]]:
        return [{"zh": f"文字{i}", "en": f"text {i}"} for i in range(number)]

    symptoms, faulty, checks, fixes = {}, {}, {}, {}
    for t in range(trees):
        names = [f"t{t}f{i}" for i in range(faults)]
        parts = names[: faults - 2 * (faults // 10)]
        parts += [f"({a} and {b})" for a, b in zip(names[len(parts) :: 2], names[len(parts) + 1 :: 2], strict=False)]
        symptoms[f"t{t}"] = {"name": text, "caused_by": " or ".join(parts), "works": many(1)}
        for i, name in enumerate(names):
            faulty[name] = {"name": text, "prior": round(dice.uniform(0.005, 0.1), 4)}
            shown = [name] if i % 3 else names[i : i + 3]
            outcomes = {"bad": {"label": text, "when": " or ".join(shown)}, "good": {"label": text}}
            checks[f"c_{name}"] = {"name": text, "ask": many(2), "outcomes": outcomes}
            fixes[f"x_{name}"] = {
                "name": text,
                "do": many(2),
                "repairs": {name: 0.95},
                "cost": round(dice.uniform(1, 3), 2),
            }
    return json.dumps({"symptoms": symptoms, "faults": faulty, "checks": checks, "fixes": fixes}, ensure_ascii=False)


def measure(trees: int, faults: int) -> dict[str, object]:
    """Times of one size of graph."""
    began = time.perf_counter()
    knowledge = Knowledge(load_texts({"synthetic.yaml": synthetic(trees, faults)}))
    parsed = time.perf_counter()
    knowledge.compile_all()
    compiled = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.json"
        knowledge.save(path)
        megabytes = path.stat().st_size / 1e6
        saved = time.perf_counter()
        knowledge = Knowledge.load(path)
        loaded = time.perf_counter()
    times = []
    for t in range(min(trees, 20)):
        state = start(knowledge, f"t{t}")
        for _ in range(12):
            began_step = time.perf_counter()
            step = next_step(knowledge, state)
            times.append(1000 * (time.perf_counter() - began_step))
            if step.kind == "check":
                facet = knowledge.graph.facets[step.node]
                state = answer(knowledge, state, Answer("check", step.node, outcomes={"": facet.normal}))
            elif step.kind == "fix":
                state = answer(knowledge, state, Answer("fix", step.node, result="still"))
            else:
                break
    times.sort()
    return {
        "trees": trees,
        "faults": trees * faults,
        "yaml_s": round(parsed - began, 2),
        "compile_s": round(compiled - parsed, 2),
        "file_mb": round(megabytes, 1),
        "load_s": round(loaded - saved, 2),
        "step_ms_p50": round(times[len(times) // 2], 2),
        "step_ms_max": round(times[-1], 2),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--unsure", type=float, action="append")
    parser.add_argument("--misread", type=float, default=0.0, help="share of answers with a fact taken for another")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", action="store_true")
    options = parser.parse_args()
    if options.scale:
        for trees, faults in ((1, 10), (1, 100), (1, 300), (10, 10), (100, 10), (1000, 10)):
            print(json.dumps(measure(trees, faults)), flush=True)
        return
    for unsure in options.unsure or (0.0, 0.2):
        print(json.dumps(compare(options.cases, unsure, options.misread, options.seed), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
