"""Policies × rules → findings; silences; a rule that crashes is named after the others have reported."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from oomconf.dialect import Document, Entry
from oomconf.finding import Edit, Finding, Problem, Related, Severity
from oomconf.ledger import Cell, Status
from oomconf.location import Location, in_file, whole_file
from oomconf.policy import Fleet, Group, Policy, Workload
from oomconf.rule import Context, Index, Rule


@dataclass(frozen=True, slots=True)
class Silence:
    """A request to accept a finding: by line, or by object in the spec's `lint.ignore`."""

    rule: str
    reason: str
    at: Location
    line: int | None = None
    """The line it speaks of; None if it speaks of objects."""
    where: str | None = None
    until: int | None = None
    """The last line of a command that a shell joins from several."""
    removal: Edit | None = None
    """Takes the comment away, where it names this rule alone."""
    paths: frozenset[str] | None = None
    """The files that it speaks of; None if it speaks of lines, or of objects wherever they are."""

    @classmethod
    def of_paths(cls, rule: str, reason: str, paths: frozenset[str]) -> Silence:
        """Accept a rule's findings in whole files."""
        return cls(rule, reason, whole_file("settings"), paths=paths)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that somebody accepted, and why."""

    finding: Finding
    silence: Silence


@dataclass(frozen=True, slots=True)
class Report:
    """What a run of the rules gives: findings in order of place, and what it did not look at."""

    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    skipped: dict[str, int] = field(default_factory=dict)
    """Rules that lacked a fact, with the number of subjects passed over."""
    crashed: tuple[tuple[str, BaseException], ...] = ()
    not_checked: tuple[tuple[str, str], ...] = ()
    """Paths that were not examined, each with the reason."""
    known: tuple[Finding, ...] = ()
    """Findings that a baseline holds."""
    lacking: frozenset[str] = frozenset()
    """The facts that skipped rules lacked."""

    @classmethod
    def joined(cls, reports: Iterable[Report]) -> Report:
        """Put reports of several runs behind one another; a rule that crashed in several is named once."""
        every = tuple(reports)
        skipped: Counter[str] = Counter()
        for one in every:
            skipped.update(one.skipped)
        return cls(
            tuple(finding for one in every for finding in one.findings),
            tuple(suppressed for one in every for suppressed in one.suppressed),
            dict(sorted(skipped.items())),
            tuple({crash[0]: crash for one in every for crash in one.crashed}.values()),
            tuple(path for one in every for path in one.not_checked),
            lacking=frozenset(need for one in every for need in one.lacking),
        )

    def without(self, paths: frozenset[str]) -> Report:
        """Leave out what is of these files alone; a finding there that points at another file stays."""

        def stays(finding: Finding) -> bool:
            return finding.at.path not in paths or any(one.at.path and one.at.path not in paths for one in finding.related)

        return replace(
            self,
            findings=tuple(one for one in self.findings if stays(one)),
            suppressed=tuple(one for one in self.suppressed if stays(one.finding)),
            not_checked=tuple(one for one in self.not_checked if one[0] not in paths),
        )

    def worst(self) -> Severity | None:
        return max((finding.severity for finding in self.findings), default=None)


_COMMENT: Final = re.compile(r"#\s*oomconf:\s*ignore\[([A-Za-z0-9_, -]*)\][ \t]*(.*)$")


def silences_in(document: Document) -> tuple[Silence, ...]:
    """Find `# oomconf: ignore[rule-id] reason`: alone on a line it speaks of the next line that says something, else of its own.

    A line that goes on behind a backslash is one with those that follow.

    Only YAML has comments behind a value; in units and sysctl.d such a one is part of the value, and accepts nothing.
    """
    trailing = document.path.endswith((".yaml", ".yml")) or document.path.startswith("<")
    if "oomconf:" not in document.text:
        return ()
    lines = document.text.splitlines()
    found: list[Silence] = []
    for number, line in enumerate(lines, 1):
        match = _COMMENT.search(line)
        if match is None:
            continue
        if line[: match.start()].strip() and not trailing:
            continue
        about = number if line[: match.start()].strip() else _next_said(lines, number)
        at = Location(document.path, number, match.start() + 1, number, len(line) + 1)
        words = match[1].split(",")
        removal = _removal(document.path, number, line, match.start()) if len(words) == 1 else None
        until = None if trailing else _joined(lines, about)
        found += [Silence(word.strip(), match[2].strip(), at, about, until=until, removal=removal) for word in words]
    return tuple(found)


def _removal(path: str, number: int, line: str, start: int) -> Edit:
    said = line[:start].rstrip()
    if said:
        return Edit(Location(path, number, len(said) + 1, number, len(line) + 1), "", line[len(said) :])
    return Edit(Location(path, number, 1, number + 1, 1), "", f"{line}\n")


def _joined(lines: Sequence[str], number: int) -> int:
    """The last of the lines that a backslash at the end joins to one."""
    while number < len(lines) and lines[number - 1].endswith("\\"):
        number += 1
    return number


def _next_said(lines: Sequence[str], number: int) -> int:
    for later in range(number, len(lines)):
        text = lines[later].strip()
        if text and not text.startswith("#"):
            return later + 1
    return number


def lint(
    fleet: Fleet,
    rules: Iterable[Rule[Any]],
    *,
    silences: Iterable[Silence] = (),
    entries: Iterable[Entry] = (),
    found: Iterable[Finding] = (),
) -> Report:
    """Offer every subject to every rule that is for it; `found` are findings made elsewhere, silenced like the rest."""
    chosen = tuple(rules)
    run = find_in(fleet, chosen, entries=entries)
    ran = {rule.id for rule in chosen}
    return silenced([*run.findings, *found], tuple(silences), ran, run)


def silenced(
    findings: Iterable[Finding],
    silences: tuple[Silence, ...],
    ran: set[str],
    run: Report,
) -> Report:
    """Number findings, take out what is accepted, and note what of that accepts nothing; `ran` are the rules that were asked.

    What else `run` says is kept.
    """
    kept, suppressed, notes = _silenced(stamped(findings), silences, ran)
    return replace(run, findings=tuple(sorted((*kept, *notes), key=order)), suppressed=tuple(suppressed))


def find_in(fleet: Fleet, rules: Iterable[Rule[Any]], *, entries: Iterable[Entry] = ()) -> Report:
    """Offer every subject to every rule that is for it; findings as they come, nothing silenced or numbered."""
    run = _Run()
    chosen = tuple(rules)
    raw = tuple(entries)
    index = Index(fleet)
    for policy in fleet.policies:
        context = Context(policy, fleet, index)
        for rule in chosen:
            run.offer(rule, _subjects(rule, policy), context)
    if fleet.policies or raw:
        context = Context(fleet.policies[0] if fleet.policies else Policy(name=""), fleet, index)
        for rule in chosen:
            if rule.on is Fleet and fleet.policies:
                run.offer(rule, (fleet,), context)
            elif rule.on is Entry:
                run.offer(rule, raw, context)
    return Report(tuple(run.findings), (), dict(sorted(run.skipped.items())), tuple(run.crashed), lacking=frozenset(run.lacking))


def accepting(report: Report, silences: tuple[Silence, ...]) -> Report:
    """Take out of a report what these silences accept too."""
    kept, suppressed, _ = _silenced(list(report.findings), silences, set())
    return replace(report, findings=tuple(kept), suppressed=(*report.suppressed, *suppressed))


def order(finding: Finding) -> tuple[Any, ...]:
    """Findings stand in order of place, then of rule."""
    return (finding.at.path, finding.at.line, finding.at.column, finding.rule, finding.object, finding.message)


def inexpressible(ledger: Iterable[Cell], *, strict: bool = False) -> Iterator[Finding]:
    """Make a finding of every cell that is not exact; a note, or an error where `strict` asks for exactness."""
    severity = Severity.ERROR if strict else Severity.NOTE
    for cell in ledger:
        if cell.status is not Status.EXACT:
            word = "only approximates" if cell.status is Status.APPROXIMATED else "cannot say"
            message = (
                f"{cell.target} {word} {cell.field.replace('_', '.', 1) if cell.field.startswith('memory_') else cell.field}: {cell.note}"
            )
            yield Finding(
                "not-expressible",
                severity,
                cell.object,
                cell.setting.at,
                message,
                "accept it with a reason in lint.ignore, or place the service elsewhere",
            )


def _subjects(rule: Rule[Any], policy: Policy) -> Sequence[Any]:
    if rule.on is Workload:
        return policy.workloads
    if rule.on is Group:
        return policy.groups
    return (policy,) if rule.on is Policy else ()


class _Run:
    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.skipped: Counter[str] = Counter()
        self.lacking: set[str] = set()
        self.crashed: list[tuple[str, BaseException]] = []

    def offer(self, rule: Rule[Any], subjects: Sequence[Any], context: Context) -> None:
        if rule.check is None or not subjects:
            return
        unknown = [need for need in rule.needs if _unknown(context, need)]
        if unknown:
            if context.policy.scope != "cluster":  # which has no facts of its own to lack
                self.skipped[rule.id] += len(subjects)
                self.lacking.update(unknown)
            return
        try:
            for subject in subjects:
                for problem in rule.check(subject, context):
                    self.findings.append(_finding(rule, problem, subject, context.policy))
        except Exception as error:  # noqa: BLE001  a rule that crashes must not silence the others
            self.crashed.append((rule.id, error))


def _unknown(context: Context, need: str) -> bool:
    setting = getattr(context.facts, need)
    return setting is None or setting.value is None


def _finding(rule: Rule[Any], problem: Problem, subject: object, policy: Policy) -> Finding:
    name = problem.object or getattr(subject, "object", "") or "fleet"
    at, related = _in_a_file(problem, policy)
    return Finding(rule.id, rule.severity, name, at, problem.message, problem.help, related, problem.fix)


def _in_a_file(problem: Problem, policy: Policy) -> tuple[Location, tuple[Related, ...]]:
    """Place what only an option of the call says at the nearest file: code scanning refuses a result without one."""
    if in_file(problem.at):
        return problem.at, problem.related
    said = (*(one.at for one in problem.related), *_places(policy))
    at = next((one for one in said if in_file(one)), problem.at)
    if at is problem.at:
        return at, problem.related
    own = (Related(problem.at, "it is declared here"),) if problem.at.path else ()
    return at, (*own, *problem.related)


def _places(policy: Policy) -> Iterator[Location]:
    """Where a policy says something."""
    parts = (policy.kubelet, policy.oomd, *policy.sysctls.values(), *policy.swaps, *policy.groups, *policy.workloads)
    return (part.at for part in parts if part is not None)


def stamped(findings: Iterable[Finding]) -> list[Finding]:
    """Drop what several policies saw at one place, and number like ones for the fingerprint."""
    seen: dict[Finding, None] = dict.fromkeys(sorted(findings, key=order))
    count: Counter[tuple[str, str, str]] = Counter()
    stamped: list[Finding] = []
    for finding in seen:
        key = (finding.rule, finding.at.path, finding.object)
        text = "\0".join((*key, str(count[key])))
        count[key] += 1
        stamped.append(replace(finding, fingerprint=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]))
    return stamped


def _silenced(
    findings: list[Finding], silences: tuple[Silence, ...], ran: set[str]
) -> tuple[list[Finding], list[Suppressed], list[Finding]]:
    used: set[int] = set()
    kept: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding in findings:
        index = next((i for i, silence in enumerate(silences) if silence.reason and _speaks_of(silence, finding)), None)
        if index is None:
            kept.append(finding)
        else:
            used.add(index)
            suppressed.append(Suppressed(finding, silences[index]))
    notes = [_note(silence, ran) for i, silence in enumerate(silences) if i not in used]
    return kept, suppressed, [note for note in notes if note is not None]


def _speaks_of(silence: Silence, finding: Finding) -> bool:
    if silence.rule != finding.rule:
        return False
    if silence.paths is not None and finding.at.path not in silence.paths:
        return False
    if silence.line is not None:
        last = silence.line if silence.until is None else silence.until
        return silence.at.path == finding.at.path and silence.line <= finding.at.line <= last
    where = silence.where
    return where is None or finding.object == where or finding.object.startswith(where + ".") or fnmatchcase(finding.object, where)


def _note(silence: Silence, ran: set[str]) -> Finding | None:
    if not silence.reason:
        message = f"the ignore of {silence.rule or 'nothing'} gives no reason and silences nothing"
        return Finding(
            "ignore-without-reason", Severity.ERROR, silence.where or "spec", silence.at, message, "write the reason behind the bracket"
        )
    if silence.paths is not None and silence.where is None:
        return None
    if silence.rule not in ran and silence.rule != "not-expressible":
        return None
    message = f"nothing to ignore: {silence.rule} finds nothing here"
    fix = () if silence.removal is None else (silence.removal,)
    return Finding("unused-ignore", Severity.NOTE, silence.where or "spec", silence.at, message, "remove it", fix=fix)
