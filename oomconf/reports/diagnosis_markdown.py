"""A diagnosis as the skeleton of a post-mortem in Markdown; what stands in the log cannot make links or markup."""

from __future__ import annotations

from collections.abc import Sequence

from oomconf.diagnosis import Diagnosis
from oomconf.quantity import roughly
from oomconf.safe import clean, markdown

__all__ = ["render"]


def render(found: Diagnosis, *, top: int = 10) -> str:
    """Write one event: summary, facts, cause, who held what, order of death, what to change."""
    event = found.event
    lines = [f"## {markdown(found.headline)}", ""]
    facts = [
        ("when", event.at), ("host", event.host), ("killer", event.killer), ("kind", event.kind), ("kernel", event.kernel_text),
        ("log", f"{event.path}:{event.line}"), ("cgroup at its limit", None if event.memcg is None else event.memcg.path),
        ("limit", None if event.memcg is None or event.memcg.limit_kb is None else roughly(event.memcg.limit_kb * 1024)),
    ]  # fmt: skip
    lines += _table(("", ""), [(name, value) for name, value in facts if value])
    lines += _list("Why", found.why)
    lines += _killed(found)
    lines += _memory(found)
    lines += _order(found, top)
    lines += _list("Otherwise", [str(one) for one in found.counterfactuals])
    lines += _list("What to change", [one.text for one in found.advice], [one.command for one in found.advice])
    lines += _list(
        "In the spec",
        [f"{one.at}: {one.service}: {one.key} is {one.value}{f', make it {one.wanted}' if one.wanted else ''}" for one in found.declared],
    )
    for one in found.declared:
        if one.line is not None and one.wanted_line is not None:
            lines += ["```diff", f"- {clean(one.line.strip())}", f"+ {clean(one.wanted_line.strip())}", "```", ""]
    lines += _list("Evidence", [*event.evidence, *(f"against: {text}" for text in event.against)])
    return "\n".join(lines).rstrip("\n") + "\n\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    if not rows:
        return []
    return [
        f"| {' | '.join(head)} |",
        f"|{' --- |' * len(head)}",
        *(f"| {' | '.join(markdown(str(cell)) for cell in row)} |" for row in rows),
        "",
    ]


def _list(title: str, texts: Sequence[str], commands: Sequence[str] = ()) -> list[str]:
    if not texts:
        return []
    out = [f"### {title}", ""]
    for index, text in enumerate(texts):
        command = commands[index] if index < len(commands) else ""
        out.append(f"- {markdown(text)}")
        if command:
            out += ["", f"      {clean(command)}", ""]
    return [*out, ""]


def _killed(found: Diagnosis) -> list[str]:
    rows = [
        (
            victim.name or "", victim.pid or "", victim.owner.unit or victim.owner.container or victim.owner.pod or "",
            "" if victim.anon_rss_kb is None else roughly(victim.anon_rss_kb * 1024),
            "" if victim.oom_score_adj is None else victim.oom_score_adj,
        )
        for victim in found.event.victims
    ]  # fmt: skip
    return ["### Killed", "", *_table(("process", "pid", "unit or container", "anonymous memory", "oom_score_adj"), rows)] if rows else []


def _memory(found: Diagnosis) -> list[str]:
    if not found.holdings:
        return []
    scope = found.scope or sum(one.size for one in found.holdings)
    rows = [(one.name, roughly(one.size), f"{one.size * 100 / scope:.0f}%", one.note) for one in found.holdings]
    return ["### What filled the memory", "", *_table(("what", "size", "share", ""), rows)]


def _order(found: Diagnosis, top: int) -> list[str]:
    page = found.ranking.page_kb * 1024
    rows = [
        (index, row.task.name, row.task.tgid, roughly(row.pages * page), row.task.oom_score_adj, roughly((row.points or 0) * page))
        for index, row in enumerate((row for row in found.ranking.rows if row.points is not None), 1)
    ]
    return ["### Order of death", "", *_table(("", "process", "pid", "held", "oom_score_adj", "weight"), rows[:top])] if rows else []
