"""Policies × rules → findings; silences; a rule that crashes is named after the others have reported."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from oomconf import rules as rulebook
from oomconf.dialect import Entry
from oomconf.finding import Finding, Problem, Related, Severity
from oomconf.ledger import Cell, Status
from oomconf.location import Location, in_file
from oomconf.policy import Fleet, Group, Policy, Workload
from oomconf.rule import Context, Index, Rule
from oomconf.silences import Silence, note, speaks_of


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
        index = next((i for i, silence in enumerate(silences) if silence.reason and speaks_of(silence, finding)), None)
        if index is None:
            kept.append(finding)
        else:
            used.add(index)
            suppressed.append(Suppressed(finding, silences[index]))
    known = rulebook.names()
    notes = [note(silence, ran, known) for i, silence in enumerate(silences) if i not in used]
    return kept, suppressed, [one for one in notes if one is not None]
