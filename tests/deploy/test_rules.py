# SPDX-License-Identifier: Apache-2.0
"""Alert rules and scrape configuration: judged by promtool, and each alert has a test and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.prometheus import CONFIG, ROOT, promtool

RULES = CONFIG.parent / "rules" / "sketchwatch.yml"
TESTS = Path(__file__).parent / "rules_test.yml"
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
]


def test_promtool_accepts_the_configuration_and_its_rules() -> None:
    done = promtool("check", "config", CONFIG)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


def test_promtool_passes_the_tests_of_the_rules() -> None:
    done = promtool("test", "rules", TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    checks = [check for test in yaml.safe_load(TESTS.read_text())["tests"] for check in test["alert_rule_test"]]
    assert {check["alertname"] for check in checks if check["exp_alerts"]} == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    page, _, heading = rule["annotations"]["runbook_url"].partition("#")
    headings = [line.strip("# ").lower() for line in (ROOT / page).read_text().splitlines() if line.startswith("#")]
    assert heading == rule["alert"].lower()
    assert heading in headings
