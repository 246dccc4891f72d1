"""Specs made from files: they load, they say the same, and what they leave out is listed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import generated
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oomconf import dialects
from oomconf.api import import_spec
from oomconf.cli import main
from oomconf.dialect import Document, Mapped, NoSources, Rendered
from oomconf.importer import Imported
from oomconf.loader import load_spec
from oomconf.placement import DockerContainer, SystemdUnit
from oomconf.policy import WORKLOAD_FIELDS, Fleet, Policy, Setting, Workload
from oomconf.quantity import Size
from oomconf.repository import read
from oomconf.resolver import resolve
from oomconf.spec.policies import policies
from oomconf.templating import Templates

TEMPLATES = Templates()
BASES = Mapped({"deploy/compose.yaml": generated.BASE})


def spec_of(text: str) -> Fleet:
    loaded = load_spec(("oomconf.yaml",), Mapped({"oomconf.yaml": text}))
    assert loaded.spec is not None, [(one.at, one.message) for one in loaded.findings] + [text]
    assert loaded.tree is not None
    return policies(loaded.spec, loaded.tree, "oomconf.yaml")


def workloads(found: Fleet | tuple[Policy, ...]) -> dict[str, Workload]:
    every = found.policies if isinstance(found, Fleet) else found
    return {one.placement.identities[0]: one for policy in every for one in policy.workloads}


def raw(documents: list[Document], sources: Mapped) -> tuple[Policy, ...]:
    return tuple(policy for fleet, _ in read(documents, sources).fleets for policy in fleet.policies)


def said(workload: Workload) -> dict[str, object]:
    found = {name: getattr(workload, name) for name in WORKLOAD_FIELDS}
    return {name: one.value for name, one in found.items() if one is not None and one.value is not None}


@st.composite
def systemd(draw) -> Policy:  # type: ignore[no-untyped-def]
    made = [draw(generated.workloads(SystemdUnit(unit=f"{name}.service"), name)) for name in ("web", "db")]
    return Policy(name="h", object="hosts.h", workloads=tuple(made))


DRAWN = {
    "systemd": systemd(),
    "docker": generated.docker(),
    "compose": generated.compose(),
    "quadlet": generated.quadlet(),
    "kubernetes": generated.kubernetes(),
}


@pytest.mark.parametrize("name", DRAWN)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(data=st.data())
def test_rendering_what_was_imported_says_what_was_read(name: str, data: st.DataObject) -> None:
    policy = data.draw(DRAWN[name])
    dialect = dialects.find(name)
    assert dialect is not None
    assert dialect.render is not None
    assert dialect.read is not None
    made = dialect.render(policy, Rendered(TEMPLATES, BASES)).artifacts
    documents = [Document(one.path.removeprefix("root/"), one.text) for one in made if not one.path.endswith((".args", ".update.sh"))]
    if name == "compose":
        documents = [
            Document("deploy/compose.yaml", generated.BASE),
            *(Document("deploy/compose.oomconf.yaml", one.text) for one in documents),
        ]
    before = raw(documents, BASES)
    imported = import_spec(documents, BASES)
    fleet = spec_of(imported.text)
    left = {one.at for one in imported.left}
    kept = workloads(fleet)
    for identity, workload in workloads(before).items():
        for field in WORKLOAD_FIELDS:
            setting: Setting[object] | None = getattr(workload, field)
            if setting is None or setting.value is None or setting.at in left:
                continue
            if field in ("memory_high", "memory_max") and not isinstance(setting.value, str) and setting.value == generated.INFINITY:
                continue  # what a spec does not say has no limit either
            assert identity in kept, (identity, imported.left, imported.text)
            assert getattr(kept[identity], field) == setting, (field, imported.text)
    # and once more through the renderer
    again: list[Document] = []
    for one in fleet.policies:
        artifacts = dialect.render(replace(resolve(one), facts=policy.facts), Rendered(TEMPLATES, BASES)).artifacts
        again += [
            Document(made.path.removeprefix("root/"), made.text) for made in artifacts if not made.path.endswith((".args", ".update.sh"))
        ]
    if name == "compose":
        again = [Document("deploy/compose.yaml", generated.BASE), *(Document("deploy/compose.oomconf.yaml", one.text) for one in again)]
    second = workloads(raw(again, BASES))
    for identity, workload in kept.items():
        wanted = {key: value for key, value in said(workload).items() if key in said(workloads(before).get(identity, workload))}
        for key, value in wanted.items():
            if identity in second and key in said(second[identity]):
                assert said(second[identity])[key] == value


FILES = {
    "etc/systemd/system/web.service": "[Service]\nExecStart=/usr/bin/web\nMemoryMax=2G\nMemoryLow=1G\nOOMScoreAdjust=-1000\nSlice=apps.slice\n",
    "etc/systemd/system/db@15.service": "[Service]\nExecStart=/usr/bin/db\nMemoryMax=4GB\nRestart=on-abort\nOOMPolicy=kill\n",
    "etc/systemd/system/apps.slice": "[Slice]\nMemoryMax=8G\n",
    "etc/systemd/system/system.slice.d/x.conf": "[Slice]\nMemoryMax=8G\n",
    "etc/systemd/system/plain.service": "[Service]\nExecStart=/usr/bin/plain\n",
    "etc/sysctl.d/90-vm.conf": "vm.swappiness = 10\nnet.ipv4.ip_forward = 1\n",
    "etc/systemd/oomd.conf": "[OOM]\nSwapUsedLimit=90%\n",
    "app/compose.yaml": "services:\n  web:\n    image: registry.example/web\n    mem_limit: 512m\n    environment: {JAVA_TOOL_OPTIONS: -Xmx256m}\n",
    "k8s/api.yaml": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api, namespace: prod}\nspec:\n  replicas: 2\n  template:\n    spec:\n"
        "      containers:\n      - name: api\n        image: registry.example/api\n        resources: {requests: {memory: 1Gi, cpu: 500m}, limits: {memory: 1Gi}}\n"
        "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: prod}\nspec: {limits: [{type: Container, default: {memory: 2Gi}}]}\n"
    ),
    "user-data.yaml": "#cloud-config\nswap: {filename: /swapfile, size: 2G}\n",
}


def imported(**sizes: int) -> Imported:
    given = {key: Setting(Size(value)) for key, value in sizes.items()}
    return import_spec([Document(path, text) for path, text in FILES.items()], NoSources(), given)


def test_a_repository_becomes_one_spec() -> None:
    made = imported()
    found = workloads(spec_of(made.text))
    assert said(found["web.service"]) == {
        "slice": "apps.slice",
        "memory_max": 2 << 30,
        "memory_low": 1 << 30,
        "oom_score_adj": -1000,
        "memory_swap_max": generated.INFINITY,
    }
    assert said(found["db@15.service"]) == {"oom_policy": "kill"}
    assert said(found["compose:app/compose.yaml:web"]) == {"memory_max": 512 << 20, "memory_swap_max": 512 << 20}
    assert said(found["Deployment/prod/api/api"]) == {"memory_max": 1 << 30, "memory_request": 1 << 30, "cpu_request": 500}
    assert "plain" not in made.text
    why = {(one.at.path, one.what): one.why for one in made.left}
    assert why["etc/systemd/system/system.slice.d/x.conf", "system.slice"].startswith("oomconf never touches")
    assert why["etc/systemd/system/db@15.service", "db@15.service: 4GB"] == "its consumer passes over it"
    assert any("JAVA_TOOL_OPTIONS" in what for _, what in why)
    assert any("on-abort" in reason for reason in why.values())


def test_hosts_take_over_sysctls_swap_and_oomd() -> None:
    fleet = spec_of(imported().text)
    hosts = {policy.name: policy for policy in fleet.policies if policy.scope == "host"}
    assert {key: one.value for key, one in hosts["host"].sysctls.items()} == {"net.ipv4.ip_forward": "1", "vm.swappiness": "10"}
    assert hosts["host"].oomd is not None
    assert [(one.path, one.size) for policy in hosts.values() for one in policy.swaps] == [("/swapfile", Setting(Size(2 << 30)))]


def test_what_the_call_says_of_the_host_is_in_the_spec() -> None:
    fleet = spec_of(imported(ram=16 << 30, swap=0).text)
    policy = next(policy for policy in fleet.policies if policy.name == "host")
    assert policy.facts.memory_total == Setting(Size(16 << 30))
    assert policy.facts.swap_total == Setting(Size(0))


def test_a_file_is_written_once_and_never_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["import", ".", "-o", "oomconf.yaml"]) == 0
    assert "not taken over: " in capsys.readouterr().err
    assert main(["check", "oomconf.yaml"]) == 0
    assert main(["import", ".", "-o", "oomconf.yaml"]) == 2
    assert main(["import", "missing"]) == 2
    assert "oomconf.yaml" in os.listdir(tmp_path)  # noqa: PTH208


def test_an_empty_repository_gives_an_empty_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import"]) == 0
    assert spec_of(capsys.readouterr().out).policies == ()


def test_a_number_of_any_length_is_taken_over_as_text() -> None:
    made = import_spec([Document("etc/sysctl.d/90-x.conf", f"kernel.x = {'9' * 5000}\n")], NoSources())
    assert made.text


COMPOSE = "services:\n  web:\n    image: x\n    mem_limit: 512m\n"


@pytest.mark.parametrize(
    ("out", "file"), [("spec.yaml", "app/compose.yaml"), ("app/spec.yaml", "compose.yaml"), ("app/deep/../spec.yaml", "compose.yaml")]
)
def test_paths_of_compose_files_are_relative_to_the_spec(
    out: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app/deep").mkdir(parents=True)
    (tmp_path / "app/compose.yaml").write_text(COMPOSE, "utf-8")
    monkeypatch.chdir(tmp_path)
    for number, path in enumerate(("app", str(tmp_path / "app"))):
        named = out.replace("spec", f"spec{number}")
        assert main(["import", path, "-o", named]) == 0
        assert list(workloads(spec_of(Path(named).read_text("utf-8")))) == [f"compose:{file}:web"]
        assert "not taken over" not in capsys.readouterr().err


def test_a_compose_file_that_is_not_below_the_spec_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "app/compose.yaml").write_text(COMPOSE, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["import", "app", "-o", "elsewhere/spec.yaml"]) == 0
    assert "web: app/compose.yaml is not below the folder of the spec" in capsys.readouterr().err
    assert not workloads(spec_of(Path("elsewhere/spec.yaml").read_text("utf-8")))


VARIANTS = {
    "compose.yaml": "services:\n  app: {image: x, mem_limit: 1g}\n",
    "compose.override.yaml": "services:\n  app: {mem_limit: 3g}\n",
    "compose.prod.yaml": "services:\n  app: {mem_limit: 6g}\n",
}


@pytest.mark.parametrize(
    ("named", "limit", "listed"), [(["."], "3G", "compose.prod.yaml: "), (["compose.yaml", "compose.prod.yaml"], "6G", "")]
)
def test_a_variant_of_a_compose_file_counts_where_it_is_named(
    named: list[str], limit: str, listed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without -f compose takes compose.override.yaml and no other (compose-spec, merge)."""
    monkeypatch.chdir(tmp_path)
    for path, text in VARIANTS.items():
        Path(path).write_text(text, "utf-8")
    assert main(["import", *named]) == 0
    said = capsys.readouterr()
    assert f"max: {limit}" in said.out
    assert listed in said.err


PASSED = {
    "Makefile": "db:\n\tdocker run -d --name db -m 1g postgres:16\n",
    ".github/workflows/ci.yaml": "jobs:\n  a:\n    steps:\n      - run: docker run -d --name db -m 1g postgres:16\n",
    ".gitlab-ci.yml": "a:\n  script:\n    - docker run -d --name db -m 1g postgres:16\n",
}


@pytest.mark.parametrize("path", PASSED)
def test_what_a_build_or_a_pipeline_runs_is_listed(path: str) -> None:
    made = import_spec((Document(path, PASSED[path]),), NoSources())
    assert "db" not in made.text
    assert list(made.passed) == [path]


def test_an_unknown_sysctl_that_is_taken_over_is_not_listed() -> None:
    made = import_spec((Document("etc/sysctl.d/9.conf", "net.core.somaxconn = 2048\n"),), NoSources())
    assert "net.core.somaxconn: 2048" in made.text
    assert made.left == ()


def test_what_docker_runs_is_in_the_spec() -> None:
    line = "docker run -dit --name web --init -m 512m -p 80:80 --env A=b registry.example/web:1 serve --port '8 0'"
    made = import_spec([Document("run.sh", f"#!/bin/sh\n{line}\n")], NoSources())
    place = next(iter(workloads(spec_of(made.text)).values())).placement
    assert isinstance(place, DockerContainer)
    assert place.options == ("-dit", "--init", "-p", "80:80", "--env", "A=b")
    assert (place.image, place.command) == ("registry.example/web:1", ("serve", "--port", "8 0"))
    assert not made.left


@pytest.mark.parametrize(
    ("text", "ram", "listed"),
    [
        ("MemorySwapMax=50%", 0, "web.service: memory.swap_max 50%: a share of the host's RAM, which is not known: give --host-ram"),
        ("MemorySwapMax=50%", 16 << 30, "web.service: memory.swap_max 50%: a spec takes no share of RAM here, and says 8G"),
        ("Slice=-.slice", 0, "services.web: slice -.slice: a spec puts nothing into the root slice"),
        ("Restart=on-abort", 0, "services.web.restart: 'on-abort' is none of no, on-failure, on-abnormal, always"),
    ],
)
def test_the_list_says_each_thing_once(text: str, ram: int, listed: str) -> None:
    given = {"ram": Setting(Size(ram))} if ram else {}
    made = import_spec([Document("etc/systemd/system/web.service", f"[Service]\nMemoryMax=1G\n{text}\n")], NoSources(), given)
    assert [f"{one.what}: {one.why}" for one in made.left] == [listed]


def test_a_scope_is_listed_under_its_own_name() -> None:
    made = import_spec([Document("run.sh", "#!/bin/sh\nsystemd-run --scope --unit=job -p MemoryMax=1G /bin/x\n")], NoSources())
    assert [(one.what, one.why) for one in made.left] == [("job.scope", "systemd.unit: 'job.scope' is not a service unit's name")]


def test_a_slice_with_a_share_of_ram_for_its_swap_wants_the_ram() -> None:
    made = import_spec([Document("etc/systemd/system/a.slice", "[Slice]\nMemoryMax=1G\nMemorySwapMax=10%\n")], NoSources())
    assert [(one.what, one.why) for one in made.left] == [
        ("a.slice: memory.swap_max 10%", "a share of the host's RAM, which is not known: give --host-ram")
    ]
