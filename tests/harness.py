"""Runs the fenced examples of a rule's page exactly as the command line would."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from oomconf import dialects
from oomconf.api import ignores, lint_raw
from oomconf.dialect import Document, Mapped
from oomconf.engine import Report, inexpressible, lint
from oomconf.finding import Finding
from oomconf.loader import load_spec
from oomconf.policy import Facts, Fleet, Setting
from oomconf.quantity import Size
from oomconf.renderer import render
from oomconf.resolver import resolve
from oomconf.rule import Rule
from oomconf.silences import silences_in
from oomconf.templating import Templates

MARK = "⟵"
_FENCE = re.compile(r"^```(\S+) (bad|good|with) (\S+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SIZES = {"memory_total", "swap_total", "reserved"}


@dataclass
class Case:
    """One example: files, the facts that its fence gives, and the lines that are to be found."""

    rule: str
    number: int
    verdict: str
    path: str
    files: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    expected: set[tuple[str, int]] = field(default_factory=set)

    @property
    def id(self) -> str:
        return f"{self.rule}-{self.number}-{self.verdict}-{self.path.rpartition('/')[2]}"

    @property
    def is_spec(self) -> bool:
        return self.path.endswith(("oomconf.yaml", "oomconf.yml"))


def cases(rule: Rule[Any]) -> list[Case]:
    found: list[Case] = []
    for match in _FENCE.finditer(rule.page):
        _, verdict, path, rest, body = match.groups()
        text = "".join(f"{line.partition(MARK)[0].rstrip() if MARK in line else line}\n" for line in body.splitlines())
        marked = {(path, number) for number, line in enumerate(body.splitlines(), 1) if MARK in line}
        if verdict == "with":
            found[-1].files[path] = text
            found[-1].expected |= marked
            continue
        facts = dict(word.split("=", 1) for word in rest.split())
        found.append(Case(rule.id, len(found) + 1, verdict, path, {path: text}, facts, marked))
    return found


def run(case: Case, rule: Rule[Any]) -> list[Finding]:
    return [finding for finding in report(case, rule).findings if finding.rule == rule.id]


def report(case: Case, rule: Rule[Any]) -> Report:
    sources = Mapped(case.files)
    if case.is_spec:
        loaded = load_spec((case.path,), sources)
        if loaded.spec is None or loaded.tree is None:
            return Report(loaded.findings)
        from oomconf.spec.policies import policies

        fleet = Fleet(policies=tuple(resolve(policy) for policy in policies(loaded.spec, loaded.tree, case.path).policies))
        silences = [*(s for path, text in case.files.items() for s in silences_in(Document(path, text))), *ignores(loaded.spec)]
        found = ()
        if rule.id == "not-expressible":
            every = [dialect for dialect in dialects.discover() if dialect.render is not None]
            found = tuple(inexpressible(render(fleet, every, Templates(), sources).ledger))
        return lint(fleet, (rule,), silences=silences, found=found)
    documents = [Document(path, text) for path, text in case.files.items()]
    return lint_raw(documents, sources, _facts(case.facts) if case.facts else None, select=(rule.id,))


def _facts(given: dict[str, str]) -> Facts:
    values: dict[str, Any] = {
        name: Setting(
            Size(int(text)) if name in _SIZES else int(text) if text.isdigit() else text == "true" if text in ("true", "false") else text
        )
        for name, text in given.items()
    }
    return Facts(**values, of_nodes=True)
