"""What loops of tasks write, and what is read in two ways, stands at its place and is told once."""

from __future__ import annotations

import pytest
from script_files import findings

LOOP = "- lineinfile:\n    path: /etc/sysctl.d/9.conf\n    line: '{}'\n  {}: {}\n"


@pytest.mark.parametrize(
    ("line", "loop", "items", "columns"),
    [
        ("{{ item }}", "with_items", "[vm.swappiness = 500]", [("sysctl-out-of-range", 4, 32)]),
        ("{{item}}", "loop", "[vm.swappiness = 10, 'vm.swappiness']", [("ignored-value", 4, 31)]),
        ("{{ item }}", "loop", "'{{ wanted }}'", []),
        ("{{ item }}", "loop", "['{{ wanted }}']", []),
        ("{{ item.key }} {{ item.value }}", "loop", "[{key: a, value: b}]", []),
    ],
)
def test_a_loop_over_plain_values_writes_each_of_them(line: str, loop: str, items: str, columns: list[tuple[str, int, int]]) -> None:
    assert [(one.rule, one.at.line, one.at.column) for one in findings("t.yml", LOOP.format(line, loop, items))] == columns


TUNED = "echo 500 > /proc/self/oom_score_adj; {}"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n    - name: a\n      image: x\n      command: {}\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/systemd/system/a.service", '[Service]\nExecStart=/bin/sh -c "COMMAND"\nMemoryMax=1G\n'),
        ("etc/systemd/system/a.service", '[Service]\nExecStart=/bin/sh -c \\\n  "COMMAND"\nMemoryMax=1G\n'),
        ("compose.yaml", 'services:\n  a:\n    image: x\n    command: [sh, -c, "COMMAND"]\n'),
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    command:\n      - sh\n      - -c\n      - |\n        set -e\n        COMMAND\n",
        ),
        ("pod.yaml", POD.format('[sh, -c, "COMMAND"]')),
        ("pod.yaml", POD.format("\n        - sh\n        - -c\n        - |\n          COMMAND\n")),
    ],
)
@pytest.mark.parametrize("command", ["exec java -Xmx512mb -jar a.jar", "GOMEMLIMIT=1G exec /serve", "exec memcached -m 1g"])
def test_a_heap_in_a_command_that_is_read_twice_is_told_once(path: str, text: str, command: str) -> None:
    found = [one for one in findings(path, text.replace("COMMAND", TUNED.format(command))) if one.rule == "ignored-value"]
    assert len(found) == 1, found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.container", "[Container]\nImage=x\nPodmanArgs=--oom-score-adj=-1001\n"),
        ("t.yml", "- community.docker.docker_container: {name: x, image: x, oom_score_adj: -1001}\n"),
        ("x.sh", "docker run --oom-score-adj=-1001 x\n"),
    ],
)
def test_a_score_out_of_range_is_told_once(path: str, text: str) -> None:
    assert [one.rule for one in findings(path, text)].count("ignored-value") == 1


@pytest.mark.parametrize(
    ("path", "text", "lines"),
    [
        ("x.sh", "echo MemoryMax=2G >> /etc/systemd/system/b.service\n", []),
        ("x.sh", "echo '[Service]' > /etc/systemd/system/b.service\necho MemoryMax=2G | tee -a /etc/systemd/system/b.service\n", []),
        ("x.sh", "cat >> /etc/systemd/system/b.service <<EOF\n# more\nMemoryMax=2G\nEOF\n", []),
        ("x.sh", "echo MemoryMax=2G > /etc/systemd/system/b.service\n", [1]),
        ("x.sh", "cat >> /etc/systemd/system/b.service <<EOF\n[Unit]\nMemoryMax=2G\nEOF\n", [3]),
        ("t.yml", "- lineinfile: {path: /etc/systemd/system/b.service, insertafter: Service, line: MemoryMax=2G}\n", []),
        ("t.yml", "- lineinfile: {path: /etc/systemd/system/b.service, line: '{{ item }}'}\n  loop: [MemoryMax=2G]\n", []),
        ("t.yml", "- blockinfile:\n    path: /etc/systemd/system.conf\n    block: |\n      DefaultOOMPolicy=stop\n", []),
        ("t.yml", "- copy: {dest: /etc/systemd/system/b.service, content: MemoryMax=2G}\n", [1]),
    ],
)
def test_a_line_that_is_put_into_a_unit_stands_in_a_section_that_is_not_known(path: str, text: str, lines: list[int]) -> None:
    assert [one.at.line for one in findings(path, text) if one.rule == "misplaced-key"] == lines
