"""What templates and variables put into scripts: unknown and never judged, or known where the script alone says it."""

from __future__ import annotations

import pytest
from script_files import findings, reading

from oomconf.policy import Setting

TEMPLATED = [
    ("t.yml", "- shell: docker run -d -m {{ mem }} --memory-swap {{ mem }} nginx\n"),
    ("t.yml", "- shell: docker run -m '{{ m['x'] }}' --memory-swap \"{{ m['y'] | default('1g') }}\" nginx\n"),
    ("t.yml", "- command: systemd-run -p MemoryMax={{ mem }} -p OOMScoreAdjust={{ adj }} x\n"),
    ("t.yml", "- command: sysctl -w vm.swappiness={{ sw }}\n"),
    ("t.yml", "- shell: echo {{ lim }} > /sys/fs/cgroup/x/memory.max\n"),
    ("t.yml", "- command: systemctl set-property x.service MemoryMax={{ m }}\n"),
    ("t.yml", '- command: {argv: [docker, run, -m, "{{ mem }}", x]}\n'),
    ("t.yml", '- command: {argv: [systemd-run, -p, "MemoryMax={{ mem }}", x]}\n'),
    ("x.sh", "docker run -m {{ .Values.mem }} --oom-score-adj {{ .Values.adj }} x\n"),
    ("x.sh", "docker run -m @MEM@ --memory-swap @SWAP@ --oom-score-adj=@ADJ@ x\n"),
    ("x.sh", "docker run -m %MEM% --memory-swap=%SWAP% x\n"),
    ("x.sh", "docker run -m <%= mem %> --memory-swap <%= swap %> x\n"),
    ("x.sh", "docker run {% if a %}-m {{ a }}{% endif %} x\n"),
    ("x.sh", "docker run {% if a %} -m 1g {% else %} -m 2g {% endif %} --memory-swap 1500m x\n"),
    ("x.sh", "docker run {{ if .a }} -m 1g {{ else }} -m 2g {{ end }} --memory-swap 1500m x\n"),
    ("x.sh", "echo <%= lim %> > /sys/fs/cgroup/x/memory.max\necho @ADJ@ > /proc/self/oom_score_adj\n"),
    ("x.sh", "sysctl -w vm.overcommit_memory=@MODE@\nchoom -n %ADJ% -- x\n"),
    ("etc/systemd/system/x.service", "[Service]\nExecStart=/bin/java -Xmx@HEAP@\nMemoryMax=@MEM@\nOOMScoreAdjust=%ADJ%\n"),
    (
        "compose.yaml",
        "services:\n  x:\n    image: x\n    mem_limit: '{{ mem }}'\n    memswap_limit: '@MEM@'\n    oom_score_adj: '{{ a }}'\n",
    ),
]


@pytest.mark.parametrize(("path", "text"), TEMPLATED)
def test_what_a_template_puts_in_is_unknown_and_never_judged(path: str, text: str) -> None:
    assert [(one.rule, one.message) for one in findings(path, text) if one.rule not in ("no-limit", "restart-loop")] == []


def test_the_words_around_an_expression_stay_in_their_places() -> None:
    (policy,) = reading("x.sh", "docker run -m {{ mem }} --memory-swap {{ swap | int }} --oom-score-adj -5 nginx -m 5\n").policies
    (workload,) = policy.workloads
    assert workload.image == "nginx"
    assert (workload.memory_max, workload.oom_score_adj) == (Setting(None), Setting(-5))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('MEM=512Mi\ndocker run -m "$MEM" x\n', [2]),
        ("export MEM=512Mi\ndocker run --memory=${MEM} x\n", [2]),
        ("docker run -m ${MEM:-512Mi} x\n", [1]),
        ('MEM=${1:-512Mi}\ndocker run -m "$MEM" x\n', [2]),
        ("MEM=2GB\nsystemd-run --scope -p MemoryMax=$MEM x\n", [2]),
        ("HEAP=512mb\njava -Xmx$HEAP -jar a.jar\n", [2]),
        ("L=1GB\ntee /sys/fs/cgroup/x/memory.max <<< $L\n", [2]),
        # what may be another value by then
        ("MEM=512Mi\nMEM=512m\ndocker run -m $MEM x\n", []),
        ("MEM=512Mi\nread MEM\ndocker run -m $MEM x\n", []),
        ("MEM=512Mi\n. ./env\ndocker run -m $MEM x\n", []),
        ("for MEM in 512Mi; do docker run -m $MEM x; done\n", []),
        ("test -z $A && MEM=512Mi\ndocker run -m $MEM x\n", []),
        ("if true; then\n  MEM=512Mi\nfi\ndocker run -m $MEM x\n", []),
        ("MEM=512Mi true\ndocker run -m $MEM x\n", []),
        ("MEM=512Mi\nMEM+=b\ndocker run -m $MEM x\n", []),
        ("MEM=$(cat limit)\ndocker run -m $MEM x\n", []),
        ('OPTIONS="-m 512Mi"\ndocker run $OPTIONS x\n', []),
        ("tee /sys/fs/cgroup/x/memory.max <<< ${LIMIT:?}\n", []),
        ("UNIT=m\ndocker run -m @MEM@$UNIT x\n", []),
    ],
)
def test_a_variable_is_judged_where_the_script_alone_says_it(text: str, lines: list[int]) -> None:
    assert [one.at.line for one in findings("x.sh", text) if one.rule == "ignored-value"] == lines


def test_a_finding_on_a_variable_shows_where_it_is_set() -> None:
    (found,) = [one for one in findings("x.sh", "MEM=512Mi\ndocker run -m $MEM x\n") if one.rule == "ignored-value"]
    assert [place.at[:3] for place in found.related] == [("x.sh", 1, 1)]


def test_a_quoted_here_document_is_judged_as_it_stands() -> None:
    text = "cat > /etc/systemd/system/x.service <<'E'\n[Service]\nExecStart=/x\nMemoryMax=${M}\nE\n"
    assert [(one.rule, one.at.line) for one in findings("x.sh", text)] == [("ignored-value", 4)]
