"""A named file is judged with what can matter to it, and finds what a run over its whole tree finds of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oomconf.cli import _lint, main

POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: prod}}\nspec:\n  containers:\n    - name: a\n      image: b\n{rest}"
RANGE = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: r, namespace: prod}\nspec:\n  limits: [{type: Container, max: {memory: 1Gi}}]\n"
UNIT = "[Service]\nExecStart=/usr/bin/{0}\n"
TREE = {
    "hosts/a/etc/systemd/system/web.service": UNIT.format("web"),
    "hosts/a/etc/systemd/system/web.service.d/score.conf": "[Service]\nOOMScoreAdjust=-1000\n",
    "hosts/a/etc/systemd/system/web.service.d/limit.conf": "[Service]\nMemoryMax=2GB\n",
    "hosts/a/etc/sysctl.d/10-vm.conf": "vm.overcommit_memory = 2\nvm.overcommit_ratio = 50\n",
    "hosts/a/etc/sysctl.d/20-vm.conf": "vm.overcommit_kbytes = 100000\nvm.overcommit_memory = 0\n",
    "hosts/b/etc/systemd/system/web.service": UNIT.format("web") + "OOMScoreAdjust=-1000\n",
    "hosts/c/etc/default/grub": 'GRUB_CMDLINE_LINUX="systemd.unified_cgroup_hierarchy=0 hugepages=3000"\n',
    "hosts/c/etc/systemd/system/api.service": UNIT.format("api") + "EnvironmentFile=/etc/default/api\nMemoryHigh=1G\nMemoryMax=3G\n",
    "hosts/c/etc/default/api": "GOMEMLIMIT=1G\n",
    "hosts/c/etc/fstab": "tmpfs /tmp tmpfs size=20g 0 0\n",
    "hosts/c/etc/systemd/system/free.service": "[Service]\nExecStart=/sbin/sysctl vm.drop_caches=3\n",
    "hosts/c/etc/systemd/system/free.timer": "[Timer]\nOnCalendar=daily\n",
    "home/joe/.config/systemd/user/sync.service": UNIT.format("sync") + "OOMScoreAdjust=-500\n",
    "units/job.service": UNIT.format("job") + "MemoryMax=1GB\n",
    "shop/compose.yaml": "services:\n  web:\n    build: ./image\n    mem_limit: 64m\n    env_file: web.env\n",
    "shop/web.env": "JAVA_TOOL_OPTIONS=-Xmx4g\n",
    "shop/image/Dockerfile": "FROM x\n",
    "lone/compose.yaml": "services:\n  web:\n    build: ./image\n    mem_limit: 64m\n    memswap_limit: 64m\n",
    "lone/image/Dockerfile": 'FROM x\nENV JAVA_TOOL_OPTIONS="-Xmx2g"\nCMD ["java", "-jar", "a.jar"]\n',
    "shop/compose.override.yaml": "services:\n  web:\n    mem_reservation: 128m\n",
    "base/common.yml": "services:\n  app:\n    image: x\n    mem_limit: 1g\n    memswap_limit: 512m\n",
    "other/compose.yaml": "services:\n  app:\n    extends: {file: ../base/common.yml, service: app}\n    mem_reservation: 2g\n",
    "k8s/one/pod.yaml": POD.format(name="one", rest="      resources: {limits: {memory: 4Gi}, requests: {memory: 4Gi}}\n"),
    "k8s/two/pod.yaml": POD.format(name="two", rest=""),
    "k8s/range.yaml": RANGE,
    "k8s/maps/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: env, namespace: prod}\ndata: {JAVA_TOOL_OPTIONS: -Xmx5g}\n",
    "k8s/maps/pod.yaml": POD.format(
        name="map", rest="      envFrom: [{configMapRef: {name: env}}]\n      resources: {limits: {memory: 1Gi}, requests: {memory: 1Gi}}\n"
    ),
    "run.sh": "#!/bin/sh\ndocker run -m 1Gi x\nsysctl -w vm.swappiness=400\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    for path, text in TREE.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *paths: str) -> list[dict[str, object]]:
    main(["lint", *paths, "--format", "json", "--host-ram", "8G", "--host-swap", "1G", "--fail-on", "never"])
    rows: list[dict[str, object]] = json.loads(capsys.readouterr().out)["findings"]
    for row in rows:
        del row["fingerprint"]
    return rows


@pytest.mark.usefixtures("tree")
def test_a_named_file_finds_what_its_tree_finds_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    whole = found(capsys)
    assert len({str(row["path"]) for row in whole}) >= 10
    for path in TREE:
        wanted = [row for row in whole if row["path"] == path or any(one["path"] == path for one in row["related"])]  # type: ignore[attr-defined]
        assert [row for row in found(capsys, path) if row in wanted] == wanted, path


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("path", "beside"),
    [
        ("hosts/b/etc/systemd/system/web.service", {"hosts/b/etc/systemd/system/web.service"}),
        ("hosts/a/etc/sysctl.d/10-vm.conf", {path for path in TREE if path.startswith("hosts/a/")}),
        ("other/compose.yaml", {"other/compose.yaml"}),
        ("base/common.yml", {"base/common.yml", "other/compose.yaml"}),
        ("k8s/range.yaml", {path for path in TREE if path.startswith("k8s/")}),
        ("run.sh", {"run.sh"}),
        ("shop/web.env", {"shop/compose.yaml", "shop/compose.override.yaml"}),
    ],
)
def test_only_what_can_matter_to_a_named_file_is_judged(path: str, beside: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    judged: set[str] = set()
    judge = _lint.lint_raw
    monkeypatch.setattr(
        _lint,
        "lint_raw",
        lambda documents, *given, **named: judged.update(one.path for one in documents) or judge(documents, *given, **named),
    )
    main(["lint", path])
    assert judged == beside
