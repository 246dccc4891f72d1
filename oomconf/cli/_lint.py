"""The work of oomconf lint: the rules over specs and over the raw files of a repository."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from oomconf import __version__, baseline, outputs
from oomconf.api import chosen_rules, lint_raw, selected_ids
from oomconf.api import lint as lint_spec
from oomconf.cli import EXIT_BUG, EXIT_CALL, EXIT_FINE
from oomconf.cli._lint_fixes import show, write
from oomconf.cli._lint_options import Options, parse
from oomconf.cli._progress import Progress
from oomconf.cli._shared import colours, exit_code, load
from oomconf.dialect import Document
from oomconf.engine import Report, accepting, stamped
from oomconf.errors import InputError
from oomconf.fixes import fix
from oomconf.host import STDIN
from oomconf.host.collect import Collected, collect, reason, tree_around
from oomconf.host.cores import spread
from oomconf.host.files import Disk, Folders, put, read_text
from oomconf.host.ignores import matcher
from oomconf.outputs._view import View
from oomconf.outputs.text import statistics, summary
from oomconf.policy import Facts, Policy
from oomconf.repository import beside
from oomconf.silences import Silence

__all__ = ["run"]


def run(words: list[str]) -> int:
    options = parse(words)
    selected_ids(options.select, options.ignore)
    known = None if options.baseline is None else baseline.load(options.baseline, read_text(options.baseline))
    progress = Progress(sys.stderr)
    found = collect(options.paths, options.exclude, gitignore=options.gitignore, seen=progress.read)
    around = Collected() if options.alone else tree_around(options.paths, options.exclude, gitignore=options.gitignore)
    job = _Job(options, found, around)
    texts = job.texts()
    report: Report | None = None
    if options.fix or options.diff:
        report = job.report(texts)
        open_ = _unknown(report, known).findings
        own = {path: text for path, text in texts.items() if path in found.raw and path != STDIN}
        fixed = fix(own, open_, lambda new: _unknown(job.report({**texts, **new}), known).findings)
        progress.end()
        if options.diff:
            return show(fixed, texts)
        written = write(fixed, texts)
        texts |= written
        if written:
            report = None
    progress.judge(len(texts))
    if report is None:
        report = job.report(texts)
    progress.end()
    if options.write_baseline:
        put(options.write_baseline, baseline.dump(report.findings))
    report = _unknown(report, known)
    _say(job.view(report, texts), options, found)
    for path, why in found.unreadable.items():
        print(f"oomconf: {path}: {why}", file=sys.stderr)
    for rule, slip in report.crashed:
        print(f"oomconf: the rule {rule} crashed ({type(slip).__name__}: {slip}); please report it", file=sys.stderr)
    # what is written as known is no failure
    code = EXIT_FINE if options.write_baseline else exit_code(report.findings, options.fail_on)
    if found.unreadable and not options.allow_partial:
        code = max(code, EXIT_CALL)
    return max(code, EXIT_BUG) if report.crashed else code


class _Job:
    """What was found, and the ways to judge it again with other texts."""

    def __init__(self, options: Options, found: Collected, around: Collected) -> None:
        self.options = options
        self.found = found
        self.around = around
        self.specs = _Specs(options)
        for path, disk in found.specs.items():
            self.specs.take(path, disk, found)
        for path in self.specs.included & set(found.raw):
            del found.raw[path]
        others = _Specs(options)
        for path, disk in around.specs.items():
            others.take(path, disk, around, judged=False)
        self.specs.policies += others.policies
        self.facts = self.specs.facts(options.facts)
        raw = {path: document for path, document in around.raw.items() if path not in others.included}
        self.raw = beside(found.raw, options.paths, raw) | found.raw
        passed = {path: why for path, why in found.passed.items() if path not in self.specs.included}
        self.listed = Report(not_checked=(*passed.items(), *found.unreadable.items()))

    def texts(self) -> dict[str, str]:
        """The raw files as they stand, those that are only looked at too."""
        return {path: document.text for path, document in self.raw.items()}

    def report(self, texts: Mapping[str, str]) -> Report:
        """Judge specs and raw files of these texts."""
        documents = tuple(Document(path, text) for path, text in texts.items())
        options = self.options
        sources = Folders((*options.paths, ".") if self.around.raw else options.paths)
        raw = lint_raw(
            documents,
            sources,
            self.facts,
            select=options.select,
            ignore=options.ignore,
            silences=tuple(_per_path(options, documents)),
            each=spread,
        )
        others = frozenset(texts) - frozenset(self.found.raw)
        return Report.joined([self.listed, *self.specs.reports, raw.without(others) if others else raw])

    def view(self, report: Report, texts: Mapping[str, str]) -> View:
        """What the outputs are made from."""
        return View(
            report=report,
            texts={**self.specs.texts, **texts},
            rules=chosen_rules(self.options.select, self.options.ignore),
            specs=len(self.found.specs),
            files=len(self.found.raw),
            version=__version__,
        )


@dataclass(slots=True)
class _Specs:
    """What the specs of a run gave."""

    options: Options
    reports: list[Report] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    included: set[str] = field(default_factory=set)
    policies: list[Policy] = field(default_factory=list)

    def take(self, path: str, disk: Disk, found: Collected, *, judged: bool = True) -> None:
        try:
            disk.named(path)
        except InputError as error:
            found.unreadable[path] = reason(path, error)
            return
        spec, _, findings = load((path,), disk)
        self.included |= {document.path for document in disk.documents()} - {STDIN}
        if spec is None:
            self.reports.append(Report(findings=tuple(stamped(findings))))
        else:
            self.policies += spec.fleet.policies
            if not judged:
                return
            report = lint_spec(spec, select=self.options.select, ignore=self.options.ignore)
            self.reports.append(accepting(report, tuple(_per_path(self.options, disk.documents()))))
        self.texts |= {document.path: document.text for document in disk.documents()}

    def facts(self, given: Facts) -> Facts | None:
        """What is known of the hosts that raw files are for: what the call says, else the only host of the specs."""
        if given.memory_total is not None or given.swap_total is not None:
            return given
        hosts = [policy for policy in self.policies if policy.scope == "host"]
        return hosts[0].facts if len(hosts) == 1 else None


def _unknown(report: Report, known: baseline.Baseline | None) -> Report:
    """Leave out what a baseline holds."""
    return report if known is None else baseline.apart(report, known)


def _per_path(options: Options, documents: tuple[Document, ...]) -> list[Silence]:
    """What the settings accept, by path."""
    found: list[Silence] = []
    for row in options.per_path:
        matches = matcher(row.path)
        paths = frozenset(document.path for document in documents if matches(document.path))
        found += [Silence.of_paths(rule, row.reason, paths) for rule in row.ignore]
    return found


def _say(view: View, options: Options, found: Collected) -> None:
    form = options.format or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text")
    for name, path in options.files:
        put(path, outputs.write(name, view))
    sys.stdout.write(outputs.write(form, replace(view, colour=colours(sys.stdout))))
    sys.stdout.flush()
    # where nothing could be read, what follows says all
    all_unreadable = not view.specs and not view.files and {path for path, _ in view.report.not_checked} == set(found.unreadable) != set()
    if form != "json" and not all_unreadable:
        sys.stderr.write(summary(view.report, len(view.rules), view.specs, view.files))
    if options.statistics:
        sys.stderr.write(statistics(view.report))
