"""Scripts of every kind: what they run and write, with the places that it has in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from script_files import findings, reading, sysctls

from oomconf.api import lint_raw
from oomconf.dialect import Document, NoSources
from oomconf.dialects._nested import relocated
from oomconf.dialects._script_kind import kind_of
from oomconf.dialects.systemd import DIALECT as SYSTEMD
from oomconf.location import Location
from oomconf.policy import Facts, Setting
from oomconf.quantity import Size

KINDS = [
    ("setup.sh", "", "shell"),
    ("bin/setup", "#!/usr/bin/env bash\n", "shell"),
    ("bin/setup", "#!/usr/bin/python3\n", None),
    ("Dockerfile", "", "dockerfile"),
    ("app/Dockerfile.prod", "", "dockerfile"),
    ("web.dockerfile", "", "dockerfile"),
    ("Dockerfiles/readme.txt", "", None),
    ("etc/crontab", "", "crontab"),
    ("etc/cron.d/report", "", "crontab"),
    ("etc/cron.daily/report", "", "shell"),
    ("etc/cron.d/README.md", "", None),
    ("user-data", "#cloud-config\nruncmd: []\n", "cloud-init"),
    ("vm.yaml", "#cloud-config\n", "cloud-init"),
    ("tasks/main.yml", "- name: x\n  ansible.builtin.shell: true\n", "ansible"),
    ("tasks/main.yml", "- name: x\n  debug: {msg: x}\n", None),
    ("values.yaml", "shell: /bin/sh\n", None),
]


@pytest.mark.parametrize(("path", "text", "kind"), KINDS)
def test_a_file_is_known_by_its_path_or_its_first_lines(path: str, text: str, kind: str | None) -> None:
    assert kind_of(Document(path, text)) == kind


SYSCTLS = [
    ("sysctl -w vm.swappiness=10", {"vm.swappiness": "10"}),
    ("sudo sysctl vm.swappiness=10 vm/overcommit_memory=1", {"vm.swappiness": "10", "vm.overcommit_memory": "1"}),
    ("sysctl vm.swappiness", {}),
    ("sysctl -w vm.swappiness=$N", {}),
    ("echo 10 > /proc/sys/vm/swappiness", {"vm.swappiness": "10"}),
    ("echo 10 | sudo tee /proc/sys/vm/swappiness", {"vm.swappiness": "10"}),
    ("printf '%s\\n' 10 > /proc/sys/vm/swappiness", {"vm.swappiness": "10"}),
    ("printf '10\\n' > /proc/sys/vm/swappiness", {"vm.swappiness": "10"}),
    ("tee /proc/sys/vm/swappiness <<< 10", {"vm.swappiness": "10"}),
    ("sudo sh -c 'echo 10 > /proc/sys/vm/swappiness'", {"vm.swappiness": "10"}),
    ('bash -ec "sysctl -w vm.swappiness=10"', {"vm.swappiness": "10"}),
    ("if true; then sysctl -w vm.swappiness=10; fi", {"vm.swappiness": "10"}),
    ("A=b timeout 5 nice -n 3 sysctl -w vm.swappiness=10", {"vm.swappiness": "10"}),
    ("echo sysctl -w vm.swappiness=10", {}),
    ("# sysctl -w vm.swappiness=10", {}),
    ("cat <<'EOF'\nsysctl -w vm.swappiness=10\nEOF", {}),
    ("sysctl -w vm.swappiness=10\nsysctl -w vm.swappiness=20", {"vm.swappiness": "20"}),
    ("echo 3 > /proc/sys/vm/drop_caches", {}),
]


@pytest.mark.parametrize(("text", "expected"), SYSCTLS)
def test_sysctls_are_found_where_a_command_sets_them(text: str, expected: dict[str, str]) -> None:
    assert sysctls("setup.sh", text) == expected


def test_a_value_has_the_place_that_it_has_in_the_file() -> None:
    (policy,) = reading("x.sh", "true\n  sysctl -w \\\n    vm.swappiness=10\n").policies
    assert policy.sysctls["vm.swappiness"].at == Location("x.sh", 3, 19, 3, 21)


PLACES = [
    ("Dockerfile", "FROM x\nRUN true && \\\n  # why\n  sysctl -w vm.swappiness=10\n", (4, 27)),
    ("Dockerfile", "FROM x\nRUN <<EOF\nsysctl -w vm.swappiness=10\nEOF\n", (3, 25)),
    ("Dockerfile", "FROM x\nRUN --mount=type=cache,target=/x sysctl -w vm.swappiness=10\n", (2, 58)),
    ("etc/cron.d/x", "SHELL=/bin/sh\n@reboot root sysctl -w vm.swappiness=400\n", (2, 38)),
    ("etc/cron.d/x", "*/5 1-3 * jan mon root sysctl -w vm.swappiness=400\n", (1, 48)),
    ("x.yaml", "#cloud-config\nruncmd:\n  - [sysctl, -w, vm.swappiness=400]\n", (3, 32)),
    ("x.yaml", "#cloud-config\nruncmd:\n  - |\n    true\n    sysctl -w vm.swappiness=400\n", (5, 29)),
    ("x.yaml", '#cloud-config\nbootcmd:\n  - "sysctl -w vm.swappiness=400"\n', (3, 30)),
    ("x.yaml", "#cloud-config\nwrite_files:\n- path: /etc/sysctl.d/9.conf\n  content: |\n    # x\n    vm.swappiness = 400\n", (6, 21)),
    ("t.yml", "- name: x\n  ansible.posix.sysctl:\n    name: vm.swappiness\n    value: 400\n", (4, 12)),
    ("t.yml", "- hosts: all\n  tasks:\n    - block:\n        - shell: sysctl -w vm.swappiness=400\n", (4, 42)),
    ("t.yml", "- lineinfile:\n    path: /etc/sysctl.conf\n    line: vm.swappiness=400\n", (3, 25)),
    ("t.yml", "- command: {argv: [sysctl, -w, vm.swappiness=400]}\n", (1, 46)),
    ("x.sh", "cat > /etc/sysctl.d/x.conf <<EOF\nvm.swappiness = 400\nEOF\n", (2, 17)),
    ("x.sh", "echo 'vm.swappiness=400' >> /etc/sysctl.conf\n", (1, 21)),
    ("x.sh", "sudo sh -c 'sysctl -w vm.swappiness=400'\n", (1, 12)),
]


@pytest.mark.parametrize(("path", "text", "place"), PLACES)
def test_a_finding_stands_where_the_value_stands(path: str, text: str, place: tuple[int, int]) -> None:
    (found,) = [one for one in findings(path, text) if one.rule in ("sysctl-out-of-range", "set-while-building")]
    assert found.at[:3] == (path, *place)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("docker run -m 512m --name db postgres", {"memory_max": 512 << 20}),
        ("podman --log-level debug container run --memory=1g x", {"memory_max": 1 << 30}),
        ("sudo -E docker run -dm512m --oom-score-adj -5 x", {"memory_max": 512 << 20, "oom_score_adj": -5}),
        ("systemd-run --scope -p MemoryMax=2G x", {"memory_max": 2 << 30}),
        ("systemd-run --unit=x --property MemoryHigh=1G --slice=batch /bin/x", {"memory_high": 1 << 30, "slice": "batch.slice"}),
        ("systemctl set-property --runtime x.service MemoryMax=2G", {"memory_max": 2 << 30}),
        ("echo 1G > /sys/fs/cgroup/x/memory.max", {"memory_max": 1 << 30}),
        ("echo 1G | sudo tee -a $CG/memory.high", {"memory_high": 1 << 30}),
    ],
)
def test_limits_are_read_from_commands(text: str, fields: dict[str, object]) -> None:
    (workload,) = [workload for policy in reading("x.sh", text).policies for workload in policy.workloads]
    assert {name: getattr(workload, name).value for name in fields} == fields


def test_what_the_shell_puts_in_is_unknown_and_never_judged() -> None:
    text = (
        "docker run -m $M x\nsystemd-run --scope -p MemoryMax=$M x\ncat > /etc/systemd/system/x.service <<E\n[Service]\nMemoryMax=${M}\nE\n"
    )
    assert not [one for one in findings("x.sh", text) if one.rule == "ignored-value"]


def test_a_sysctl_file_of_an_image_that_boots_is_judged_and_of_others_is_not() -> None:
    run = "RUN echo 'vm.swappiness = 400' > /etc/sysctl.d/90-x.conf\n"
    assert [one.rule for one in findings("Containerfile", f"FROM quay.io/fedora/fedora-bootc:42\n{run}")] == ["sysctl-out-of-range"]
    assert findings("Containerfile", f"FROM debian\n{run}") == []


FAULTS = [
    ("x.sh", "systemd-run -p MemroyMax=1G -p OOMScoreAdj=-5 x\n", [("unknown-key", "MemroyMax"), ("unknown-key", "OOMScoreAdj")]),
    ("x.sh", "systemctl set-property x.service MemroyMax=1G\n", [("unknown-key", "MemroyMax")]),
    ("x.sh", "systemctl set-property x.service MemoryLimit=1G\n", [("deprecated-key", "MemoryLimit=")]),
    ("x.sh", "systemctl set-property x.socket MemoryMax=1GB\n", [("ignored-value", "MemoryMax")]),
    ("x.sh", "kubectl set resources deploy/x --limits=cpu=1,memory=512m\n", [("ignored-value", "memory '512m' is a fraction of a byte")]),
    ("x.sh", "kubectl -n a set resources deploy x --requests memory=1GB\n", [("ignored-value", "'1GB'")]),
    ("x.sh", "kubectl set resources deploy/x --limits=memory=512Mi,cpu=500m --requests=memory=$M\n", []),
    ("x.sh", "kubectl set image deploy/x --limits=memory=512m\n", []),
    ("x.sh", "systemd-run -p TasksMax=5 -p CPUQuota=20% -p Type=oneshot -p MemoryMax=1G x\n", []),
    ("t.yml", "- docker_container: {name: a, image: x, memory: 1g, memory_swap: 1x}\n", [("ignored-value", "memory_swap: '1x'")]),
    ("t.yml", "- docker_container: {name: a, image: x, memory: 1g, memory_swap: 1m}\n", [("ignored-value", "is a total of 1M")]),
    ("t.yml", "- docker_container: {name: a, image: x, memory: 1g, oom_score_adj: 5000}\n", [("ignored-value", "between")]),
    ("t.yml", "- containers.podman.podman_container: {name: a, image: x, memory: 1x}\n", [("ignored-value", "memory: the module fails")]),
    ("t.yml", "- docker_container: {name: a, image: x, memory: 1g, memory_swap: '{{ s }}', oom_score_adj: '{{ o }}'}\n", []),
    ("t.yml", "- docker_container: {name: a, image: x, memory: 1g, memory_swap: unlimited, oom_score_adj: -5}\n", []),
]


@pytest.mark.parametrize(("path", "text", "expected"), FAULTS)
def test_what_a_command_or_a_module_refuses_is_found(path: str, text: str, expected: list[tuple[str, str]]) -> None:
    found = [one for one in findings(path, text) if one.rule not in ("no-limit", "limit-above-ram")]
    assert [one.rule for one in found] == [rule for rule, _ in expected]
    assert all(words in one.message for one, (_, words) in zip(found, expected, strict=True))


def test_manifests_that_a_script_applies_are_linted() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  - name: x\n    resources: {limits: {memory: 512m}}\n"
    found = findings("x.sh", f"kubectl apply -f - <<EOF\n{pod}EOF\n")
    assert ("ignored-value", 8) in [(one.rule, one.at.line) for one in found]


UNIT = "[Service]\nExecStart=/bin/x\nMemoryMax=2GB\nOOMScoreAdjust=-1000\n"


def test_a_relocated_reading_says_the_same_elsewhere() -> None:
    assert SYSTEMD.read is not None
    plain = SYSTEMD.read([Document("etc/systemd/system/x.service", UNIT)], NoSources())
    there = relocated(plain, Location("x.sh", 11, 5, 11, 5))
    assert there.policies == plain.policies
    assert [one.at[1:] for one in there.entries] == [
        (one.at.line + 10, one.at.column + 4, one.at.end_line + 10, one.at.end_column + 4) for one in plain.entries
    ]
    assert {one.at.path for one in there.entries} == {"x.sh"}


words = st.sampled_from(
    [
        "sudo",
        "sh",
        "-c",
        "sysctl",
        "-w",
        "vm.swappiness=1",
        "echo",
        ">",
        ">>",
        "/proc/sys/vm/x",
        "|",
        "tee",
        "<<EOF",
        "EOF",
        "for",
        "do",
        "done",
        "$(",
        ")",
        "`",
        '"',
        "'",
        "\\",
        "docker",
        "run",
        "-m",
        "1g",
        "-p",
        "MemoryMax=1",
        "systemd-run",
        "choom",
        "-n",
        "-1000",
        "--",
        "xargs",
        "/sys/fs/cgroup/a/memory.max",
        "%",
        "*",
        "@reboot",
        "root",
        "RUN",
        "FROM",
        "#cloud-config",
        "runcmd:",
        "write_files:",
        "-",
        "content:",
        "path:",
        "tasks:",
        "shell:",
        "copy:",
        "swapoff",
        "-a",
        ";",
        "&&",
        "{",
        "}",
        "$X",
        "${X",
    ]
)
texts = st.one_of(st.text(max_size=60), st.lists(st.one_of(words, st.sampled_from([" ", "\n", "\t", "  "])), max_size=60).map("".join))
paths = st.sampled_from(
    ["x.sh", "Dockerfile", "etc/cron.d/x", "x.yaml", "tasks/x.yml", "bin/x", "Makefile", ".github/workflows/x.yml", ".gitlab-ci.yml"]
)


@given(
    paths,
    st.sampled_from(["", "#cloud-config\n", "#!/bin/sh\n", "- name: x\n  shell: ", "jobs: {x: {steps: [run: ", "x:\n  script: "]),
    texts,
)
def test_no_script_makes_the_reader_raise_or_point_outside_of_it(path: str, first: str, text: str) -> None:
    whole = first + text
    found = reading(path, whole)
    lines = len(whole.split("\n"))
    for at in (*(one.at for one in found.entries), *(one.at for one in found.nested)):
        assert at.path == path
        assert 0 <= at.line <= lines + 1
    findings(path, whole)


def test_the_documents_on_disk_are_found_by_the_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from oomconf.cli import main

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tune").write_text("#!/bin/sh\nsysctl -w vm.swappiness=400\n", "utf-8")
    (tmp_path / "notes").write_text("sysctl -w vm.swappiness=400\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["lint", ".", "--format", "concise"]) == 1
    assert capsys.readouterr().out.startswith("bin/tune:2:25: error:")


def test_an_ignore_above_a_continued_command_speaks_of_all_its_lines() -> None:
    text = "# oomconf: ignore[ignored-value] the engine is patched\ndocker run \\\n  --name a \\\n  -m 1Gi x\ndocker run -m 1Gi y\n"
    assert [(one.rule, one.at.line) for one in findings("x.sh", text) if one.rule != "no-limit"] == [("ignored-value", 5)]


@pytest.mark.parametrize("score", ["--5", "\u00b2", "9" * 5000, "-", "1.5"])
def test_a_score_that_is_no_number_is_unknown(score: str) -> None:
    text = f"- name: a\n  community.docker.docker_container: {{name: a, image: x, oom_score_adj: '{score}'}}\n"
    (workload,) = [one for policy in reading("t.yml", text).policies for one in policy.workloads]
    assert workload.oom_score_adj is not None
    assert workload.oom_score_adj.value is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("x.sh", "docker run -d -m 1g --oom-score-adj=-1001 x\n"),
        ("x.sh", "podman run -d -m 1g --oom-score-adj -2000 x\n"),
        ("t.yml", "- community.docker.docker_container: {name: x, image: x, memory: 1g, oom_score_adj: -1001}\n"),
    ],
)
def test_a_score_that_no_process_can_have_is_told_and_weighed_by_no_rule(path: str, text: str) -> None:
    facts = Facts(memory_total=Setting(Size(8 << 30)), swap_total=Setting(Size(0)))
    run = lint_raw([Document(path, text)], NoSources(), facts=facts)
    assert run.crashed == ()
    assert "ignored-value" in [one.rule for one in run.findings]


@pytest.mark.parametrize("size", ["\u00b2%", "9" * 5000 + "%", "150%", "%", "banana"])
def test_a_tmpfs_of_no_known_size_is_unknown(size: str) -> None:
    (workload,) = [one for policy in reading("x.sh", f"docker run --tmpfs '/tmp:size={size}' x").policies for one in policy.workloads]
    (one,) = workload.tmpfs
    assert one.size is not None
    assert one.size.value is None


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("tune.sh", "swapoff -a\n", "until the next boot"),
        ("tune.sh", "swapoff -a\nsed -i '/ swap / d' /etc/fstab\n", "stays off"),
        ("tune.sh", "swapoff -a\nsystemctl mask dev-sda2.swap\n", "stays off"),
        ("scripts/ci-free-disk.sh", "swapoff -a\n", None),
        (".github/actions/free/run.sh", "swapoff -a\n", None),
        ("circle/special.sh", "swapoff -a\n", "until the next boot"),
    ],
)
def test_swap_stays_off_only_where_something_keeps_it_off(path: str, text: str, words: str | None) -> None:
    said = [one.message for one in findings(path, text) if one.rule == "swap-turned-off"]
    assert len(said) == (words is not None)
    assert all((words or "") in one for one in said)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ('echo $$ > "${x}/cgroup/tasks"\n', ["deprecated-key"]),
        ("echo $$ > /sys/fs/cgroup/net_cls/web/tasks\n", []),
        ("echo $$ > /sys/fs/cgroup/freezer/web/tasks\n", []),
        ('x=$(grep ^cgroup /proc/mounts | cut -d" " -f2)\necho $$ > "${x}/cgroup/tasks"\n', []),
        ('x=$(awk "/cgroup/ {print}" /proc/mounts)\necho 1G > "$x/memory.limit_in_bytes"\n', []),
        ("echo 1G > /sys/fs/cgroup/memory/web/memory.limit_in_bytes # freezer\n", ["deprecated-key"]),
    ],
)
def test_a_script_that_looks_for_cgroup_v1_writes_its_files(text: str, rules: list[str]) -> None:
    assert [one.rule for one in findings("join.sh", text)] == rules
