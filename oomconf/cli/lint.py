"""oomconf lint: the rules over specs and over the raw files of a repository."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from oomconf import __version__, baseline, outputs
from oomconf.api import chosen_rules, lint_raw, selected_ids
from oomconf.api import lint as lint_spec
from oomconf.cli import EXIT_BUG, EXIT_CALL, EXIT_FINDINGS, EXIT_FINE
from oomconf.cli._shared import colours, complain, exit_code, load, named
from oomconf.dialect import Document
from oomconf.engine import Report, stamped
from oomconf.errors import InputError, WriteError
from oomconf.fixes import Fixed, fix
from oomconf.host.collect import Collected, collect, reason
from oomconf.host.files import STDIN, Disk, Folders, put, read_text, rewrite
from oomconf.location import whole_file
from oomconf.outputs._view import View
from oomconf.outputs.text import statistics, summary
from oomconf.policy import Facts, Policy, Setting
from oomconf.quantity import Size, SizeError
from oomconf.quantity.spec import parse_size


def run(words: list[str]) -> int:
    options = _parser().parse_args(words)
    select, ignore = _ids(options.select), _ids(options.ignore)
    selected_ids(select, ignore)
    try:
        files = _files(options.output)
        ram, swap = _size("--host-ram", options.host_ram), _size("--host-swap", options.host_swap)
    except InputError as error:
        return complain(str(error))
    known = None if options.baseline is None else baseline.load(options.baseline, read_text(options.baseline))
    given = Facts(at=whole_file("the call"), memory_total=ram, swap_total=swap)
    paths = named(options.paths)
    found = collect(paths, options.exclude, gitignore=not options.no_gitignore)
    specs = _Specs()
    for path, disk in found.specs.items():
        specs.take(path, disk, found, select, ignore)
    for path in specs.included & set(found.raw):
        del found.raw[path]
    facts = specs.facts(given)
    passed = {path: why for path, why in found.passed.items() if path not in specs.included}
    listed = Report(not_checked=(*passed.items(), *found.unreadable.items()))

    def lint(texts: Mapping[str, str]) -> Report:
        documents = tuple(Document(path, text) for path, text in texts.items())
        return Report.joined([listed, *specs.reports, lint_raw(documents, Folders(paths), facts, select=select, ignore=ignore)])

    def unknown(texts: Mapping[str, str]) -> Report:
        return lint(texts) if known is None else baseline.apart(lint(texts), known)

    texts = {path: document.text for path, document in found.raw.items()}
    if options.fix or options.diff:
        fixed = fix(
            {path: text for path, text in texts.items() if path != STDIN},
            unknown(texts).findings,
            lambda new: unknown({**texts, **new}).findings,
        )
        if options.diff:
            return _show(fixed, texts)
        texts |= _write(fixed, texts)
    whole = lint(texts)
    if options.write_baseline:
        put(options.write_baseline, baseline.dump(whole.findings))
    if known is not None:
        whole = baseline.apart(whole, known)
    rules = chosen_rules(select, ignore)
    view = View(
        report=whole, texts={**specs.texts, **texts}, rules=rules, specs=len(found.specs), files=len(found.raw), version=__version__
    )
    _say(view, options.format or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"), files)
    if options.statistics:
        sys.stderr.write(statistics(whole))
    for path, why in found.unreadable.items():
        print(f"oomconf: {path}: {why}", file=sys.stderr)
    for rule, slip in whole.crashed:
        print(f"oomconf: the rule {rule} crashed ({type(slip).__name__}: {slip}); please report it", file=sys.stderr)
    code = exit_code(whole.findings, options.fail_on)
    if found.unreadable and not options.allow_partial:
        code = max(code, EXIT_CALL)
    return max(code, EXIT_BUG) if whole.crashed else code


def _write(fixed: Fixed, texts: Mapping[str, str]) -> dict[str, str]:
    """Put fixed texts into their files; gives those that were written."""
    written: dict[str, str] = {}
    for path, text in sorted(fixed.texts.items()):
        try:
            rewrite(path, texts[path], text)
            written[path] = text
        except WriteError as error:
            print(f"oomconf: {error}", file=sys.stderr)
    made = [one for one in fixed.findings if one.at.path in written]
    print(
        f"fixed {len(made)} finding{'' if len(made) == 1 else 's'} in {len(written)} file{'' if len(written) == 1 else 's'}",
        file=sys.stderr,
    )
    _left(fixed)
    return written


def _left(fixed: Fixed) -> None:
    if fixed.left:
        print(f"{len(fixed.left)} left alone, since something else would be found then:", file=sys.stderr)
        for one in fixed.left:
            print(f"  {one.at}: {one.rule}", file=sys.stderr)


def _show(fixed: Fixed, texts: Mapping[str, str]) -> int:
    """Print what --fix would change."""
    for path, text in sorted(fixed.texts.items()):
        lines = difflib.unified_diff(texts[path].splitlines(keepends=True), text.splitlines(keepends=True), f"a/{path}", f"b/{path}")
        for line in lines:
            sys.stdout.write(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    sys.stdout.flush()
    made, files = len(fixed.findings), len(fixed.texts)
    print(f"{made} finding{'' if made == 1 else 's'} in {files} file{'' if files == 1 else 's'} would be fixed", file=sys.stderr)
    _left(fixed)
    return EXIT_FINDINGS if fixed.texts else EXIT_FINE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "oomconf lint",
        description="Find what gets machines killed in specs, unit files, sysctl.d, compose files, quadlets, Kubernetes manifests, "
        "kubelet configuration, and in scripts, Dockerfiles, crontabs, cloud-init and Ansible tasks; 'oomconf rule' lists the rules.",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", default=["."], help="files, or folders to walk (default: .)")
    parser.add_argument("--format", choices=outputs.NAMES, help="on stdout (default: text; github where GITHUB_ACTIONS is true)")
    parser.add_argument("--output", action="append", default=[], metavar="FORMAT=FILE", help="write a format to a file too; repeatable")
    parser.add_argument("--select", action="append", default=[], metavar="ID", help="run these rules only; comma-separated or repeated")
    parser.add_argument("--ignore", action="append", default=[], metavar="ID", help="leave these rules out")
    parser.add_argument("--fail-on", choices=("error", "warning", "note", "never"), default="error")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="pass over what matches in a walk, as in .gitignore"
    )
    parser.add_argument("--fix", action="store_true", help="mend in raw files what can be mended without a choice, then lint")
    parser.add_argument("--diff", action="store_true", help="print what --fix would change, and change nothing; exit 1 if that is anything")
    parser.add_argument("--baseline", metavar="FILE", help="report only what this file does not hold")
    parser.add_argument("--write-baseline", metavar="FILE", help="write what is found now, all of it, as a baseline")
    parser.add_argument("--no-gitignore", action="store_true", help="walk into what .gitignore names too")
    parser.add_argument("--statistics", action="store_true", help="count the findings by rule, on stderr")
    parser.add_argument("--host-ram", metavar="SIZE", help="RAM of the hosts that raw files are for, as 16G; wins over a spec's")
    parser.add_argument("--host-swap", metavar="SIZE", help="swap of those hosts; 0 if they have none")
    parser.add_argument("--allow-partial", action="store_true", help="an input that cannot be read does not fail the run")
    return parser


def _ids(values: list[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _size(option: str, text: str | None) -> Setting[Size] | None:
    if text is None:
        return None
    try:
        return Setting(parse_size(text), whole_file(option))
    except SizeError as error:
        raise InputError(f"{option}: {error.message}" + (f" ({error.hint})" if error.hint else "")) from None


@dataclass(slots=True)
class _Specs:
    """What the specs of a run gave."""

    reports: list[Report] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    included: set[str] = field(default_factory=set)
    policies: list[Policy] = field(default_factory=list)

    def take(self, path: str, disk: Disk, found: Collected, select: list[str], ignore: list[str]) -> None:
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
            self.reports.append(lint_spec(spec, select=select, ignore=ignore))
        self.texts |= {document.path: document.text for document in disk.documents()}

    def facts(self, given: Facts) -> Facts | None:
        """What is known of the hosts that raw files are for: what the call says, else the only host of the specs."""
        if given.memory_total is not None or given.swap_total is not None:
            return given
        hosts = [policy for policy in self.policies if policy.scope == "host"]
        return hosts[0].facts if len(hosts) == 1 else None


def _say(view: View, form: str, files: list[tuple[str, str]]) -> None:
    for name, path in files:
        put(path, outputs.write(name, view))
    sys.stdout.write(outputs.write(form, replace(view, colour=colours(sys.stdout))))
    sys.stdout.flush()
    if form != "json":
        sys.stderr.write(summary(view.report, len(view.rules), view.specs, view.files))


def _files(values: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for value in values:
        name, equals, path = value.partition("=")
        if not equals or not path or name not in outputs.NAMES:
            raise InputError(f"--output {value[:80]}: say FORMAT=FILE, with a format of {', '.join(outputs.NAMES)}")
        found.append((name, path))
    return found
