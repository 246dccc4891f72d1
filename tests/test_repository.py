"""Which dialect a file is in, which files speak of one host, and what is not examined."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oomconf import repository
from oomconf.api import lint_raw
from oomconf.cli import main
from oomconf.dialect import Document, Mapped
from oomconf.policy import Facts, Setting
from oomconf.quantity import Size

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: i, resources: {limits: {memory: 1Gi}}}]\n"
LIMITS = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: l%s}\nspec:\n  limits: [{type: Container, max: {memory: 512Mi}}]\n"


def lint(files: dict[str, str], *select: str, facts: Facts | None = None) -> list[tuple[str, str, int]]:
    documents = [Document(path, text) for path, text in files.items()]
    report = lint_raw(documents, Mapped(files), facts, select=select)
    return [(finding.rule, finding.at.path, finding.at.line) for finding in report.findings]


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("etc/systemd/system/a.service", "", "systemd"),
        ("roles/x/files/a.service.d/b.conf", "", "systemd"),
        ("etc/sysctl.d/10.conf", "", "sysctl"),
        ("sysctl.conf", "", "sysctl"),
        ("a.container", "", "quadlet"),
        ("etc/default/grub.d/50-memory.cfg", "", "cmdline"),
        ("boot/firmware/cmdline.txt", "", "cmdline"),
        ("etc/default/docker", "", None),
        ("host/etc/fstab", "", "fstab"),
        ("etc/systemd/system/tmp.mount.d/size.conf", "", "systemd"),
        ("docker-compose.prod.yml", "", "compose"),
        ("stack.yml", "services:\n  a:\n    image: b\n", "compose"),
        ("ci.yml", "services:\n  - docker:dind\njobs: {}\n", None),
        ("a.yaml", POD, "kubernetes"),
        ("a.json", '{"kind":"Pod","apiVersion":"v1"}', "kubernetes"),
        ("package.json", '{"name": "kind", "version": "1"}', None),
        ("kubelet.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n", "kubelet"),
        ("values.yaml", "image: a\n", None),
        ("README.md", POD, None),
    ],
)
def test_a_file_is_known_by_its_path_or_its_content(path: str, text: str, name: str | None) -> None:
    assert repository.dialect_of(Document(path, text)) == name


def test_files_below_one_root_are_of_one_host_and_others_are_not() -> None:
    files = {
        "db/etc/sysctl.d/10-a.conf": "vm.overcommit_memory = 2\n",
        "db/etc/systemd/system/redis.service": "[Service]\nExecStart=/usr/bin/redis-server\n",
        "web/etc/sysctl.d/10-a.conf": "vm.swappiness = 10\n",
    }
    assert lint(files, "overcommit-conflict") == [("overcommit-conflict", "db/etc/sysctl.d/10-a.conf", 1)]
    files["web/etc/systemd/system/redis.service"] = files.pop("db/etc/systemd/system/redis.service")
    assert lint(files, "overcommit-conflict") == []


def test_a_limitrange_without_a_namespace_speaks_of_its_own_file_alone() -> None:
    assert lint({"pod.yaml": POD, "limits.yaml": LIMITS % ""}, "outside-limitrange") == []
    assert lint({"both.yaml": f"{POD}---\n{LIMITS % ''}"}, "outside-limitrange") == [("outside-limitrange", "both.yaml", 5)]
    named = {"a/pod.yaml": POD.replace("{name: p}", "{name: p, namespace: n}"), "b/limits.yaml": LIMITS % ", namespace: n"}
    assert lint(named, "outside-limitrange") == [("outside-limitrange", "a/pod.yaml", 5)]


def test_the_same_object_in_two_folders_is_of_two_clusters() -> None:
    pod = POD.replace("{name: p}", "{name: p, namespace: n}")
    files = {"staging/pod.yaml": pod, "prod/pod.yaml": pod, "staging/limits.yaml": LIMITS % ", namespace: n"}
    assert lint(files, "outside-limitrange") == [("outside-limitrange", "staging/pod.yaml", 5)]


def test_what_a_template_or_a_variable_puts_in_is_not_judged() -> None:
    files = {
        "etc/sysctl.d/1.conf": "vm.swappiness = {{ swappiness }}\n",
        "etc/systemd/system/a.service": "[Service]\nExecStart=/a\nMemoryMax={{ max }}\n",
        "compose.yaml": "services:\n  a:\n    image: b\n    mem_limit: ${LIMIT}\n    memswap_limit: ${SWAP}\n    oom_score_adj: ${ADJ}\n",
        "pod.yaml": POD.replace("1Gi", "'{{ .Values.memory }}'"),
        ".env.example": "LIMIT=\nSWAP=\n",
    }
    assert lint(files) == []
    del files[".env.example"]
    assert lint(files) == [("limit-without-default", "compose.yaml", 4), ("limit-without-default", "compose.yaml", 5)]


def test_a_template_that_is_no_yaml_is_passed_over_and_a_broken_manifest_is_not() -> None:
    broken = POD + "  volumes: [\n"
    files = {"t.yaml": f"{{{{- if .Values.on }}}}\n{POD}\n{{{{- end }}}}\n", "m.yaml": broken}
    report = lint_raw([Document(*one) for one in files.items()], Mapped(files))
    assert [(one.rule, one.at.path) for one in report.findings] == [("not-yaml", "m.yaml")]
    assert [path for path, _ in report.not_checked] == ["t.yaml"]


KIND = """\
docker run -d --name registry registry:2
cat > kind.yaml <<EOF
apiVersion: kind.x-k8s.io/v1alpha4
kind: Cluster
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
  imageGCHighThresholdPercent: 90
containerdConfigPatches:
- |-
$(patches)
  [plugins]
EOF
"""
KUBELET = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"


@pytest.mark.parametrize(
    ("path", "text", "count"),
    [
        ("setup.sh", KIND, 0),
        ("kind.yaml", KIND.partition("EOF\n")[2].partition("EOF")[0].replace("$(patches)\n", ""), 0),
        ("etc/kubernetes/kubelet.conf.d/5.conf", KUBELET, 0),
        ("patches/kubelet.yaml", f"{KUBELET}maxPods: 20\n", 0),
        ("patches/kubelet.yaml", f"{KUBELET}failSwapOn: true\n", 1),
        ("var/lib/kubelet/config.yaml", f"{KUBELET}maxPods: 20\n", 1),
    ],
)
def test_only_a_whole_configuration_leaves_fail_swap_on_to_its_default(path: str, text: str, count: int) -> None:
    known = Facts(swap_total=Setting(Size(2 << 30)))
    assert len(lint({path: text}, "kubelet-swap-conflict", facts=known)) == count


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: @NAME@}\n", "a template"),
        ("apiVersion: v1\nkind: Pod\nspec:\n  cidr: {IPv6}/128\n", "a template"),
        ("MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--//\n\napiVersion: v1\nkind: Pod\n", "user data of several parts"),
    ],
)
def test_what_becomes_yaml_elsewhere_is_listed_as_not_checked(text: str, why: str) -> None:
    report = lint_raw([Document("t.yaml", text)], Mapped({}))
    assert report.findings == ()
    assert [(path, reason.partition(",")[0]) for path, reason in report.not_checked] == [("t.yaml", why)]


def test_facts_of_the_call_reach_raw_files() -> None:
    files = {"compose.yaml": "services:\n  a:\n    image: b\n    mem_limit: 64g\n"}
    known = Facts(memory_total=Setting(Size(16 << 30)))
    assert lint(files, "limit-above-ram", facts=known) == [("limit-above-ram", "compose.yaml", 4)]
    report = lint_raw([Document(*one) for one in files.items()], Mapped(files), select=("limit-above-ram",))
    assert report.skipped == {"limit-above-ram": 1}
    assert report.lacking == {"memory_total"}


def test_a_cluster_has_no_facts_to_lack() -> None:
    pods = lint_raw([Document("pod.yaml", POD)], Mapped({"pod.yaml": POD}), Facts(memory_total=Setting(Size(1 << 30))))
    assert (pods.skipped, pods.lacking) == ({}, frozenset())


UNIT = "[Service]\nExecStart=/a\n%sMemoryMax=2GB%s\n"


@pytest.mark.parametrize(
    ("before", "behind", "left"),
    [
        ("# oomconf: ignore[ignored-value] known\n", "", []),
        ("# oomconf: ignore[ignored-value]\n", "", ["ignore-without-reason", "ignored-value"]),
        ("", " # oomconf: ignore[comment-is-value] known", ["comment-is-value"]),
    ],
)
def test_an_ignore_stands_above_its_line_in_a_unit(before: str, behind: str, left: list[str]) -> None:
    found = lint({"etc/systemd/system/a.service": UNIT % (before, behind)})
    assert sorted(rule for rule, _, _ in found) == left


def test_a_walk_survives_what_lies_in_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import os

    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.service").symlink_to("nowhere")
    (tmp_path / "self.service").symlink_to("self.service")
    os.mkfifo(tmp_path / "pipe.service")
    (tmp_path / "data.json").write_bytes(b"\xff\xfe\xff")
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(1 << 30)
    (tmp_path / "a.service").write_text("[Service]\nMemoryMax=2GB\n")
    (tmp_path / "alias.service").symlink_to("a.service")
    assert main(["lint", "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert [(one["rule"], one["path"], one["line"]) for one in data["findings"]] == [("ignored-value", "a.service", 2)]
    assert [one["path"] for one in data["not_checked"]] == ["data.json", "huge.yaml"]
    (tmp_path / "b.service").write_bytes(b"[Service]\nMemoryMax=\xff\n")
    assert main(["lint"]) == 2
    assert "b.service" in capsys.readouterr().err
    assert main(["lint", "--allow-partial"]) == 1


def test_a_named_pipe_that_nobody_writes_to_does_not_hang(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import os

    os.mkfifo(tmp_path / "compose.yaml")
    assert main(["lint", str(tmp_path / "compose.yaml")]) == 2
    assert "is a pipe" in capsys.readouterr().err


def test_a_pipe_of_the_shell_is_read(tmp_path: Path) -> None:
    import os
    import threading

    reading, writing = os.pipe()
    thread = threading.Thread(target=lambda: (os.write(writing, b"version: 1\nhosts: {}\n"), os.close(writing)))
    thread.start()
    assert main(["check", f"/dev/fd/{reading}"]) == 0
    thread.join()
    os.close(reading)


def test_the_only_host_of_a_spec_in_the_tree_gives_the_facts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "oomconf.yaml").write_text("version: 1\nhosts: {h: {ram: 8G, swap: 1G}}\n")
    (tmp_path / "compose.yaml").write_text("services:\n  a:\n    image: b\n    mem_limit: 64g\n")
    assert main(["lint", str(tmp_path), "--select", "limit-above-ram"]) == 1
    assert "compose.yaml:4:16: error: a may use 64G, but the machine has 8G" in capsys.readouterr().out
    assert main(["lint", str(tmp_path), "--select", "limit-above-ram", "--host-ram", "128G"]) == 0
    assert main(["lint", str(tmp_path), "--host-ram", "12GB"]) == 2
    assert "--host-ram" in capsys.readouterr().err


def test_a_walk_passes_over_what_git_ignores_and_what_the_call_excludes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil
    import subprocess

    monkeypatch.chdir(tmp_path)
    for name in (
        "a.service",
        "build/b.service",
        "build/keep/c.service",
        "sub/d.service",
        "sub/e.service",
        "sub/deep/f.service",
        "vendor/g.service",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("[Service]\nMemoryMax=2GB\n")
    (tmp_path / ".gitignore").write_text("/build/\n*.service\n!a.service\n!g.service\n")
    (tmp_path / "sub/.gitignore").write_text("!d.service\n")

    def found(*words: str) -> list[str]:
        main(["lint", "--format", "concise", *words])
        return [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]

    assert found() == ["a.service", "sub/d.service", "vendor/g.service"]
    if shutil.which("git"):
        subprocess.run(["git", "init", "-q"], check=True)
        listed = subprocess.run(
            ["git", "ls-files", "-o", "--exclude-standard", "*.service"], check=True, capture_output=True, text=True
        ).stdout
        assert listed.split() == found()
        assert found("sub") == ["sub/d.service"]
    assert found("--exclude", "vendor/", "--exclude", "d.*") == ["a.service"]
    assert len(found("--no-gitignore")) == 7
    assert found("sub/e.service") == ["sub/e.service"]


def test_statistics_count_by_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.service").write_text("[Service]\nMemoryMax=2GB\nMemoryHigh=1GB\nMemoryLimit=1G\n")
    assert main(["lint", str(tmp_path), "--statistics"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "skipped" not in line][-2:] == ["2  error    ignored-value", "1  warning  deprecated-key"]
