"""Executes the examples on every rule's page: bad finds exactly the marked lines, good finds nothing."""

from __future__ import annotations

import pytest
from harness import Case, cases, run

from oomconf import rules
from oomconf.policy import Group, Policy, Workload

EVERY = list(rules.discover())
CASES = [(rule, case) for rule in EVERY for case in cases(rule)]


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[case.id for _, case in CASES])
def test_an_example_finds_what_it_says(rule, case: Case) -> None:
    found = {(finding.at.path, finding.at.line) for finding in run(case, rule)}
    assert found == case.expected
    assert bool(case.expected) == (case.verdict == "bad")


@pytest.mark.parametrize("rule", EVERY, ids=[rule.id for rule in EVERY])
def test_a_rule_has_a_page_with_a_bad_and_a_good_example(rule) -> None:
    assert rule.summary.endswith("."), "the first line is one sentence"
    assert len(rule.page.split("\n\n")) > 2, "the page says why"
    verdicts = [case.verdict for case in cases(rule)]
    assert "bad" in verdicts
    assert "good" in verdicts
    specs = [case for case in cases(rule) if case.is_spec and case.verdict == "bad"]
    assert specs or "A spec cannot make this mistake" in rule.page, "one bad example is a spec"


@pytest.mark.parametrize("rule", [rule for rule in EVERY if rule.on in (Workload, Group, Policy)], ids=lambda rule: rule.id)
def test_a_problem_names_its_remedy(rule) -> None:
    for case in cases(rule):
        for finding in run(case, rule):
            assert finding.help, "help says what to do"
            assert finding.message[0] == finding.message[0].lower() or not finding.message[0].isalpha()
            assert not finding.message.endswith(".")


@pytest.mark.parametrize("rule", EVERY, ids=[rule.id for rule in EVERY])
def test_the_remedy_for_a_raw_file_is_not_in_the_words_of_a_spec(rule) -> None:
    helps = [finding.help for case in cases(rule) if not case.is_spec for finding in run(case, rule)]
    assert not [text for text in helps if "processes:" in text or "debug: true" in text or "oom_policy:" in text]
