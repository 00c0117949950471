"""What operators are given names figures that exist, and every alarm says what to do."""

import json
import re
from importlib import import_module
from pathlib import Path

import yaml
from prometheus_client import generate_latest

from server.settings import ROOT

DEPLOY = ROOT / "deploy"
OF_MODELS = re.compile(r'"(kefu_(?:model|llm)\w+)"')
NAME = re.compile(r"\bkefu_\w+")


def known() -> set[str]:
    """Names of the gateway's and the model service's figures, without what Prometheus appends."""
    for module in ("server.gateway.metrics", "server.storage.database"):
        import_module(module)  # which registers its figures
    names = {line.split()[2] for line in generate_latest().decode().splitlines() if line.startswith("# TYPE")}
    for source in ("server/models/app.py", "server/llm/engine.py", "server/llm/writer.py"):
        names |= set(OF_MODELS.findall(Path(ROOT / source).read_text("utf-8")))
    return {re.sub(r"_total$", "", name) for name in names}


def test_dashboard_and_alarms_use_figures_that_exist():
    texts = [(DEPLOY / "grafana/kefu.json").read_text("utf-8"), (DEPLOY / "prometheus/alerts.yml").read_text("utf-8")]
    used = {re.sub(r"_(total|bucket|count|sum)$", "", name) for text in texts for name in NAME.findall(text)}
    assert used
    assert used - known() == set()


def test_every_alarm_has_a_run_book_and_every_run_book_an_alarm():
    groups = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text("utf-8"))["groups"]
    alarms = [rule["alert"] for group in groups for rule in group["rules"]]
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text("utf-8"), re.MULTILINE)
    assert sections == alarms
    assert all(rule["annotations"]["summary"] and rule["expr"] for group in groups for rule in group["rules"])


def test_the_dashboard_shows_each_panel_once():
    panels = json.loads((DEPLOY / "grafana/kefu.json").read_text("utf-8"))["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels) == len({panel["id"] for panel in panels})
    assert all(panel["targets"] for panel in panels)
