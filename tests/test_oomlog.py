"""Logs of kills: every era and carrier, real reports against their index, and laws that no text may break."""

from __future__ import annotations

import csv
import random
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oom_reports import CARRIERS, ERAS, Era, Row, report

from oomconf.diagnosis import explain
from oomconf.oomlog import OomEvent, read
from oomconf.oomlog.needles import EVERY, hits
from oomconf.oomlog.ranking import rank
from oomconf.reports import diagnosis_json, diagnosis_markdown, diagnosis_text
from oomconf.reports._terminal import Paper

DATA = Path(__file__).parent / "data" / "oomlogs"
RECORDED = sorted(DATA.glob("*/*.log"))
ROWS = (
    Row(pid=301, name="systemd-journal", rss=300, adj=-250, uid=0),
    Row(pid=400, name="postgres", rss=90_000, adj=-900),
    Row(pid=402, name="java", rss=200_000),
    Row(pid=403, name="sshd", rss=120, adj=-1000, uid=0),
    Row(pid=404, name="batch", rss=30_000, adj=100),
)
HOSTILE = [") (a] 1", "tmux: server", "runc:[2:INIT]", "((sd-pam))", "531", "kworker/0:2", ",pid=1,uid=0", ",task=x,pid=2,u", ") total-vm:9kB,",
           "<b>x</b>", "a|b`c*", "Комм", "%s%n", "'; rm -rf /", "oom-kill:", "x) score 3 or"]  # fmt: skip


def text_of(path: Path) -> list[str]:
    return path.read_bytes().decode("utf-8", "backslashreplace").split("\n")


def one(lines: list[str]) -> OomEvent:
    events = list(read(lines))
    assert len(events) == 1, [(event.line, event.killer, event.outcome) for event in events]
    return events[0]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("era", ERAS, ids=[era.release for era in ERAS])
@pytest.mark.parametrize("memcg", [None, "/system.slice/app.service"], ids=["global", "memcg"])
def test_every_era_is_read_from_every_carrier(era: Era, carrier: str, memcg: str | None) -> None:
    event = one(CARRIERS[carrier](report(era, ROWS, ROWS[2], ROWS[4], memcg=memcg, limit_kb=1_500_000)))
    assert (event.kind, event.outcome, event.killer) == ("memcg" if memcg else "global", "killed", "kernel")
    assert (event.trigger.name, event.trigger.pid, event.trigger.kind, event.trigger.oom_score_adj) == ("batch", 404, "allocation", 100)
    assert event.kernel_text == era.release
    victim = event.victims[0]
    assert (victim.pid, victim.name, victim.total_vm_kb, victim.anon_rss_kb) == (402, "java", 820_000, 800_000)
    assert [(task.pid, task.name, task.rss, task.oom_score_adj) for task in event.tasks] == [
        (row.pid, row.name, row.rss, row.adj) for row in ROWS
    ]
    assert event.page_kb == 4
    if memcg:
        assert event.memcg is not None
        assert (event.memcg.path, event.memcg.limit_kb, event.memcg.swap_limit_kb) == (memcg, 1_500_000, None)
        assert victim.owner.unit == "app.service"
    else:
        assert event.machine is not None
        assert (event.machine.managed_pages, event.machine.swap_total_kb) == (1_300_000, 0)
    assert event.host in ("web-1", None)
    assert event.at is not None or carrier in ("bare", "journal json bytes", "dmesg reltime")
    best = rank(event).predicted
    assert best is not None
    assert best.task.pid == 402


@pytest.mark.parametrize("carrier", CARRIERS)
def test_lines_may_carry_their_ends(carrier: str) -> None:
    lines = CARRIERS[carrier](report(ERAS[3], ROWS, ROWS[2], ROWS[4]))
    assert list(read(f"{line}\n" for line in lines)) == list(read(f"{line}\r\n" for line in lines)) == list(read(lines))


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("era", ERAS, ids=[era.release for era in ERAS])
@pytest.mark.parametrize("carrier", ["bare", "dmesg", "syslog", "journal json", "kmsg"])
def test_a_name_is_only_a_name(name: str, era: Era, carrier: str) -> None:
    victim = replace(ROWS[2], name=name)
    event = one(CARRIERS[carrier](report(era, [ROWS[0], victim], victim, victim)))
    assert [(v.pid, v.name) for v in event.victims] == [(402, name)]
    assert [task.name for task in event.tasks] == ["systemd-journal", name]
    assert event.trigger.name == name


def test_a_group_dies_as_one_event() -> None:
    event = one(CARRIERS["dmesg"](report(ERAS[4], ROWS, ROWS[2], ROWS[2], memcg="/shop", limit_kb=1000, group=True)))
    assert event.group == "/shop"
    assert [victim.pid for victim in event.victims] == [402, 301, 400, 404]


def test_a_member_of_a_group_that_was_dying_already_is_no_event_of_its_own() -> None:
    dying = "[  105.5] Out of memory: OOM victim {} ({}) is already exiting. Skip killing the task"
    whole = text_of(DATA / "6.12/memcg-group.log")
    last = max(number for number, line in enumerate(whole) if "Killed process" in line)
    pid, name = re.search(r"Killed process (\d+) \((.*?)\)", whole[last]).groups()  # type: ignore[union-attr]
    before = one(whole)
    for who in ((before.victims[0].pid, before.victims[0].name), (pid, name), (99, "other")):
        after = one([*whole[: last + 1], dying.format(*who), *whole[last + 1 :]])
        assert after.victims == before.victims
        assert after.group == before.group


def test_hosts_that_log_into_one_file_are_kept_apart() -> None:
    first = [line.replace("web-1", "web-1") for line in CARRIERS["syslog"](report(ERAS[3], ROWS, ROWS[2], ROWS[2]))]
    other = [line.replace("web-1", "db-7") for line in CARRIERS["syslog"](report(ERAS[4], ROWS, ROWS[1], ROWS[1]))]
    mixed = [line for pair in zip(first, other, strict=False) for line in pair] + first[len(other) :] + other[len(first) :]
    found = {event.host: event for event in read(mixed)}
    assert {host: event.victims[0].pid for host, event in found.items()} == {"web-1": 402, "db-7": 400}
    assert all(len(event.tasks) == len(ROWS) for event in found.values())


def test_a_program_that_quotes_the_kernel_is_not_the_kernel() -> None:
    lines = [f"Nov 23 01:02:03 web-1 agent[77]: {line}" for line in report(ERAS[4], ROWS, ROWS[2], ROWS[2])]
    assert list(read(lines)) == []


def test_a_memory_report_that_is_no_kill_is_none() -> None:
    lines = [
        "stress: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), nodemask=(null)",
        "Mem-Info:",
        "1310720 pages RAM",
        "OOM killer disabled.",
        "OOM killer enabled.",
    ]
    assert list(read(CARRIERS["dmesg"](lines))) == []


@pytest.mark.parametrize("width", [60, 72, 76, 80, 100])
@pytest.mark.parametrize("era", ERAS, ids=[era.release for era in ERAS])
def test_what_a_mail_has_wrapped_is_put_together(era: Era, width: int) -> None:
    import textwrap

    lines = CARRIERS["dmesg"](report(era, ROWS, ROWS[2], ROWS[4]))
    soft = [
        piece
        for line in lines
        for piece in (textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False, drop_whitespace=True) or [""])
    ]
    event = one(soft)
    assert (event.victims[0].pid, event.victims[0].name, event.victims[0].total_vm_kb) == (402, "java", 820_000)
    assert {task.pid for task in event.tasks} == {row.pid for row in ROWS}
    assert event.trigger.oom_score_adj == 100


@pytest.mark.parametrize("path", RECORDED, ids=[f"{path.parent.name}-{path.stem}" for path in RECORDED])
def test_recorded_kernels_are_read_whole(path: Path) -> None:
    text = text_of(path)
    events = list(read(text, path.name))
    joined = "\n".join(text)
    assert len([event for event in events if event.header]) == joined.count(" invoked oom-killer")
    killed = {int(pid) for pid in re.findall(r"Killed process (\d+) ", joined)}
    assert {victim.pid for event in events for victim in event.victims} == killed
    for event in events:
        assert event.kernel_text is None or path.parent.name in event.kernel_text
        assert event.trigger.pid is not None
        if (predicted := rank(event).predicted) is not None and event.victims:
            assert event.victims[0].pid in (predicted.task.pid, predicted.task.tgid)


def test_how_many_victims_the_formula_names(capsys: pytest.CaptureFixture[str]) -> None:
    tried = right = 0
    for path in RECORDED:
        for event in read(text_of(path)):
            predicted = rank(event).predicted
            if predicted is not None and event.victims:
                tried += 1
                right += event.victims[0].pid in (predicted.task.pid, predicted.task.tgid)
    with capsys.disabled():
        print(f"\nvictims of recorded kernels that the formula names: {right} of {tried}")
    assert right == tried >= 25


# ── real reports of others ───────────────────────────────────────────────────────────────────────────────────────────────


def chosen(row: dict[str, str], events: list[OomEvent]) -> OomEvent:
    kept = [event for event in events if event.header != (row["victim_of"] == "orphan")]
    return kept[0]


def test_real_reports_say_what_their_index_says(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    differing = []
    count = predicted = right = 0
    with (corpus / "oom/index.tsv").open(encoding="utf-8") as file:
        index = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in index:
        events = list(read(text_of(corpus / "oom" / row["file"]), row["file"]))
        event = chosen(row, events)
        victim = event.victims[0] if event.victims else None
        outcome = row["outcome"].split("+")[0]
        told: dict[str, object] = {
            "kind": event.kind,
            "constraint_text": event.constraint,
            "victim_pid": None if victim is None else victim.pid,
            "victim_name": None if victim is None else victim.name,
            "total_vm_kb": None if victim is None else victim.total_vm_kb,
            "anon_rss_kb": None if victim is None else victim.anon_rss_kb,
            "limit_kb": None if event.memcg is None else event.memcg.limit_kb,
            "oom_memcg": None if event.memcg is None else event.memcg.path,
            "outcome": event.outcome or "none-in-text",
            "invoked_lines": sum(one.header for one in events),
        }
        wanted = {**row, "kind": row["kind"].rstrip("?"), "outcome": outcome}
        if event.header:
            told["trigger"] = event.trigger.name
        if event.header and event.kernel_text:
            told["kernel"] = event.kernel_text
        count += len(told)
        differing += [
            (row["file"], key, wanted[key], value) for key, value in told.items() if wanted[key] != ("" if value is None else str(value))
        ]
        ranked = rank(event).predicted
        if ranked is not None and victim is not None:
            predicted += 1
            first = event.selected or victim
            right += first.pid in (ranked.task.pid, ranked.task.tgid)
    with capsys.disabled():
        print(
            f"\n{len(index)} real reports: {count - len(differing)} of {count} fields as in the index; the formula names {right} of {predicted} victims"
        )
    assert not differing
    assert right == predicted


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def printed(event: OomEvent) -> str:
    found = explain(event)
    return diagnosis_text.render(found, Paper()) + diagnosis_json.render(found) + diagnosis_markdown.render(found)


CUTS = ("drop", "double", "swap", "cut", "digits", "control", "insert", "truncate")


def mutated(lines: list[str], dice: random.Random) -> list[str]:
    """Spoil a report as logs are spoilt; nothing of it adds a kill."""
    lines = list(lines)
    for _ in range(dice.randint(1, 12)):
        at = dice.randrange(len(lines))
        match dice.choice(CUTS):
            case "drop":
                lines[at] = ""
            case "double":
                lines.insert(at, lines[at])
            case "swap":
                lines[at], lines[at - 1] = lines[at - 1], lines[at]
            case "cut":
                lines[at] = lines[at][: dice.randint(0, max(1, len(lines[at])))]
            case "digits":
                huge = dice.choice(["0", "99999999999999999999999999999", "-1", "18446744073709551615"])
                lines[at] = re.sub(r"(?<=[:= ])\d{4,}(?=kB)", lambda _, huge=huge: huge, lines[at])
            case "control":
                lines[at] = lines[at].replace("a", dice.choice(["\x1b[31m", "\x00", "\x9b", "\u202e", "\udc80"]), 1)
            case "insert":
                lines.insert(
                    at,
                    dice.choice(
                        [
                            "[ 1.0] audit: type=1400",
                            "garbage",
                            "<script>alert(1)</script>",
                            "{}",
                            '{"MESSAGE": 5}',
                            "__CURSOR=x",
                            "> >",
                            "\x1b]0;x\x07",
                        ]
                    ),
                )
            case "truncate":
                del lines[max(1, at) :]
    return lines


@given(st.integers(0, 2**32), st.sampled_from(RECORDED), st.sampled_from(sorted(CARRIERS)))
def test_spoilt_reports_never_crash_and_never_gain_a_victim(seed: int, path: Path, carrier: str) -> None:
    dice = random.Random(seed)
    lines = text_of(path)[:400] if path.stem != "memcg-none" else text_of(path)[:120]
    lines = mutated(CARRIERS[carrier]([re.sub(r"^\[[^\]]*\] ", "", line) for line in lines]), dice)
    before = "\n".join(lines)
    killed = {int(pid) for pid in re.findall(r"Killed process (\d+)", before)} | {
        int(pid) for pid in re.findall(r",pid=(\d+),uid=", before)
    }
    killed |= {int(pid) for pid in re.findall(r"OOM victim (\d+)", before)}
    for event in read(lines):
        text = printed(event)
        assert text.replace("\n", "").isprintable()
        if event.killer == "kernel" and carrier != "journal json bytes":
            assert {victim.pid for victim in event.victims} <= killed


@given(st.lists(st.text(max_size=120), max_size=40))
def test_any_text_is_read(lines: list[str]) -> None:
    for event in read(lines):
        assert printed(event).replace("\n", "").isprintable()


@given(st.sampled_from(ERAS), st.permutations(ROWS), st.sampled_from(ROWS))
def test_ranking_is_a_total_order_and_ties_go_by_the_version(era: Era, rows: list[Row], like: Row) -> None:
    twins = [replace(like, pid=900 + n, rss=700_000, adj=0) for n in range(2)]
    event = one(CARRIERS["dmesg"](report(era, [*rows[:2], *twins, *rows[2:]], twins[0], twins[0])))
    ranking = rank(event)
    points = [row.points for row in ranking.rows if row.points is not None]
    assert points == sorted(points, reverse=True)
    newest = tuple(int(part) for part in era.release.split(".")[:2]) >= (5, 2)
    assert [row.task.pid for row in ranking.rows[:2]] == ([901, 900] if newest else [900, 901])
    assert all(a.points is not None or b.points is None for a, b in pairwise(ranking.rows))


@given(st.lists(st.tuples(st.integers(1, 300_000), st.integers(-999, 1000)), min_size=2, max_size=8))
def test_what_is_said_to_turn_the_choice_turns_it(tasks: list[tuple[int, int]]) -> None:
    rows = [Row(pid=500 + n, name=f"p{n}", rss=rss, adj=adj) for n, (rss, adj) in enumerate(tasks)]
    ranking = rank(one(CARRIERS["dmesg"](report(ERAS[4], rows, rows[0], rows[0]))))
    event = one(CARRIERS["dmesg"](report(ERAS[4], rows, next(row for row in rows if row.pid == ranking.rows[0].task.pid), rows[0])))
    for other in explain(event).counterfactuals:
        changed = [replace(row, adj=other.oom_score_adj) if row.name == other.name else row for row in rows]
        again = rank(one(CARRIERS["dmesg"](report(ERAS[4], changed, rows[0], rows[0]))))
        assert again.rows[0].task.pid == other.instead_pid


@given(st.sampled_from(RECORDED))
def test_a_fast_look_finds_every_report(path: Path) -> None:
    data = path.read_bytes()
    places = hits(data, len(data), EVERY)
    for event in read(text_of(path)):
        line_end = sum(len(line) + 1 for line in data.split(b"\n")[: event.line])
        assert any(place < line_end for place in places)
