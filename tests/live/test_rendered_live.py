"""What real consumers understand of rendered artefacts: their numbers equal the policy's."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import generated
import pytest
from consumers import compose as compose_oracle
from consumers import docker as docker_oracle
from consumers import folder
from consumers import kubernetes as kubernetes_oracle
from consumers import quadlet as quadlet_oracle
from consumers import shell as shell_oracle
from consumers import systemd as systemd_oracle
from hypothesis import HealthCheck, given, settings

import oomconf
from oomconf import dialects
from oomconf.dialect import Mapped, Rendered
from oomconf.dialects._shell import word
from oomconf.dialects._swap_names import unit_name
from oomconf.dialects._yaml_write import quoted, scalar
from oomconf.ledger import Rendering, Status
from oomconf.placement import DockerContainer
from oomconf.policy import Policy, Workload
from oomconf.quantity import INFINITY
from oomconf.templating import Templates

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*/oomconf.yaml"))
TEMPLATES = Templates()
BASES = Mapped({"deploy/compose.yaml": generated.BASE})
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def rendered(name: str, policy: Policy) -> Rendering:
    dialect = dialects.find(name)
    assert dialect is not None
    assert dialect.render is not None
    return dialect.render(policy, Rendered(TEMPLATES, BASES))


def exact(rendering: Rendering, identity: str) -> dict[str, object]:
    return {cell.field: cell.setting.value for cell in rendering.ledger if cell.status is Status.EXACT and cell.identity == identity}


def script_words(script: str) -> list[str]:
    """What a rendered script executes, by running it with a docker that prints its words."""
    with folder({"docker": "#!/bin/sh\nprintf '%s\\0' \"$@\"\n"}) as bin_:
        (bin_ / "docker").chmod(0o755)
        shown = subprocess.run(["sh", "-c", script], env={"PATH": f"{bin_}:/usr/bin:/bin"}, capture_output=True, check=True).stdout
    return shown.decode().split("\0")[:-1]


@pytest.mark.live("docker")
@SLOW
@given(generated.docker())
def test_the_docker_client_posts_the_policys_numbers(policy: Policy) -> None:
    rendering = rendered("docker", policy)
    (run,) = [artifact for artifact in rendering.artifacts if artifact.path.endswith(".run.sh")]
    argv = script_words(run.text)
    posted = docker_oracle.host_config(["docker", *argv])
    host, said = posted["HostConfig"], exact(rendering, "docker:api")
    place = policy.workloads[0].placement
    assert isinstance(place, DockerContainer)
    assert (posted.get("Cmd") or []) == list(place.command)
    assert host.get("Memory", 0) == said.get("memory_max", 0)
    if "memory_swap_max" in said:
        swap = said["memory_swap_max"]
        assert host["MemorySwap"] == (-1 if swap == INFINITY else said["memory_max"] + swap)  # type: ignore[operator]
    assert host.get("MemoryReservation", 0) == said.get("memory_low", host.get("MemoryReservation", 0))
    assert host.get("OomScoreAdj", 0) == said.get("oom_score_adj", 0)
    assert host.get("CgroupParent", "") == said.get("slice", "")
    if "restart" in said:
        assert host["RestartPolicy"]["Name"] == said["restart"]


@pytest.mark.live("docker")
@SLOW
@given(generated.docker())
def test_docker_update_posts_the_same_numbers(policy: Policy) -> None:
    rendering = rendered("docker", policy)
    update = [artifact for artifact in rendering.artifacts if artifact.path.endswith(".update.sh")]
    said = exact(rendering, "docker:api")
    if not update:
        assert "memory_max" not in said
        return
    posted = docker_oracle.host_config(["docker", *script_words(update[0].text)])
    assert posted.get("Memory", 0) == said.get("memory_max", 0)


HOSTILE = ["a b", "$(touch /tmp/pwned)", "`id`", "'", '"', "\\", "-rf", "a\nb", "%s", "é", "*", "~", "#x", "a;b", "&&", "$HOME", ""]


@pytest.mark.live("shell")
@pytest.mark.parametrize("shell", [["sh"], ["dash"], ["busybox", "sh"]], ids=["sh", "dash", "busybox"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_word_reaches_a_shell_as_it_was(shell: list[str], text: str) -> None:
    shown = subprocess.run([*shell, "-c", f"printf %s {word(text)}"], capture_output=True, check=True).stdout
    assert shown.decode() == text


@pytest.mark.live("compose")
@pytest.mark.parametrize("text", [*HOSTILE, "yes", "1e9", "null", "~", "0x10", "2024-01-01", "é\u2028\x85", "\x7f", "a: b", "!x", "😀"])
def test_a_scalar_reaches_go_as_it_was(text: str) -> None:
    files = {
        "compose.yaml": f"services:\n  a:\n    image: x\n    labels:\n      k: {quoted(text.replace('$', '$$'))}\n      l: {scalar(text.replace('$', '$$'))}\n"
    }
    labels = compose_oracle.config(files)["services"]["a"]["labels"]
    # the binary prints what it would read again, with its dollars doubled
    assert labels["k"].replace("$$", "$") == text
    assert labels["l"].replace("$$", "$") == text


@pytest.mark.live("compose")
@SLOW
@given(generated.compose())
def test_compose_merges_the_override_to_the_policys_numbers(policy: Policy) -> None:
    rendering = rendered("compose", policy)
    files = {"compose.yaml": generated.BASE}
    for artifact in rendering.artifacts:
        files["over.yaml"] = artifact.text
    merged = compose_oracle.config(files, list(files))["services"]
    for workload in policy.workloads:
        said = exact(rendering, workload.placement.identities[0])
        service = merged[workload.name]
        limit = service.get("deploy", {}).get("resources", {}).get("limits", {}).get("memory") or service.get("mem_limit")
        if "memory_max" in said:
            assert int(limit) == said["memory_max"]
        if "memory_swap_max" in said:
            swap = said["memory_swap_max"]
            assert int(service["memswap_limit"]) == (-1 if swap == INFINITY else said["memory_max"] + swap)  # type: ignore[operator]
        if said.get("memory_low"):
            low = service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("memory") or service.get("mem_reservation")
            assert int(low) == said["memory_low"]
        assert service.get("oom_score_adj", 0) == said.get("oom_score_adj", 0)
        assert service.get("cgroup_parent") == said.get("slice")


@pytest.mark.live("quadlet", "systemd")
@SLOW
@given(generated.quadlet())
def test_podman_and_systemd_understand_a_quadlet(policy: Policy) -> None:
    rendering = rendered("quadlet", policy)
    place = policy.workloads[0].placement
    user = place.user  # type: ignore[union-attr]
    files = {"api.container": "[Container]\nImage=registry.example/api\n"}
    for artifact in rendering.artifacts:
        if "/containers/" in artifact.path:
            files["api.container.d/60-oomconf.conf"] = artifact.text
    unit = quadlet_oracle.generated(files, user=user)["api.service"]
    said = exact(rendering, place.identities[0])
    score = re.search(r"--oom-score-adj=(-?\d+)", unit)
    assert (int(score[1]) if score else None) == said.get("oom_score_adj")
    if user:
        return
    dropins = {artifact.path: artifact.text for artifact in rendering.artifacts if "/systemd/system/" in artifact.path}
    back = systemd_oracle.effective({"api.service": unit, **dropins})["api.service"]
    for field, name in (
        ("memory_max", "MemoryMax"),
        ("memory_high", "MemoryHigh"),
        ("memory_low", "MemoryLow"),
        ("memory_swap_max", "MemorySwapMax"),
    ):
        if field in said:
            assert back[name] == (str(systemd_oracle.UNLIMITED) if said[field] == INFINITY else str(int(said[field]))), name  # type: ignore[call-overload]


def base_of(policy: Policy) -> str:
    """The manifests that a component patches."""
    pods: dict[tuple[str, str], list[Workload]] = {}
    for workload in policy.workloads:
        pods.setdefault((workload.placement.kind, workload.placement.namespace or ""), []).append(workload)  # type: ignore[union-attr]
    found = []
    for (kind, namespace), members in pods.items():
        spec = {"containers": [], "initContainers": [], "restartPolicy": "OnFailure" if kind in ("Job", "CronJob") else "Always"}
        for member in members:
            place = member.placement
            one = {"name": place.container, "image": "registry.example/a"}  # type: ignore[union-attr]
            section = "containers" if place.role == "container" else "initContainers"  # type: ignore[union-attr]
            if one not in spec[section]:  # type: ignore[operator]
                spec[section].append(one)  # type: ignore[attr-defined]
        if not spec["containers"]:
            spec["containers"].append({"name": "main", "image": "registry.example/a"})  # type: ignore[attr-defined]
        meta = {"name": "api", **({"namespace": namespace} if namespace else {})}
        template = {"metadata": {"labels": {"app": "api"}}, "spec": spec}
        more = {"selector": {"matchLabels": {"app": "api"}}} if kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet") else {}
        more |= {"serviceName": "api"} if kind == "StatefulSet" else {}
        body = (
            spec
            if kind == "Pod"
            else {"schedule": "@daily", "jobTemplate": {"spec": {"template": template}}}
            if kind == "CronJob"
            else {**more, "template": template}
        )
        from oomconf.dialects.kubernetes.render import API

        found.append({"apiVersion": API[kind], "kind": kind, "metadata": meta, "spec": body})
    import json

    return "\n---\n".join(json.dumps(one) for one in found)


@pytest.mark.live("kubernetes")
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(policy=generated.kubernetes())
def test_kustomize_and_the_apis_schemas_take_a_component(policy: Policy) -> None:
    rendering = rendered("kubernetes", policy)
    for artifact in rendering.artifacts:
        if "/patch-" not in artifact.path and not artifact.path.endswith("kustomization.yaml"):
            assert kubernetes_oracle.schema_errors(artifact.text) == []
    for namespace in {artifact.path.partition("/")[0] for artifact in rendering.artifacts}:
        mine = [workload for workload in policy.workloads if (workload.placement.namespace or "default") == namespace]  # type: ignore[union-attr]
        if not mine:
            continue
        from dataclasses import replace

        own = replace(policy, workloads=tuple(mine))
        files = {
            "base.yaml": base_of(own),
            "kustomization.yaml": f"resources: [base.yaml]\ncomponents: [{namespace}]\n",
            **{artifact.path: artifact.text for artifact in rendering.artifacts if artifact.path.startswith(f"{namespace}/")},
        }
        merged = kubernetes_oracle.kustomize(files)
        back = {}
        dialect = dialects.find("kubernetes")
        assert dialect is not None
        assert dialect.read is not None
        import json

        from oomconf.dialect import Document

        for thing in merged:
            assert kubernetes_oracle.schema_errors(thing) == []
            for read in dialect.read([Document("m.json", json.dumps(thing))], BASES).policies:
                for workload in read.workloads:
                    back[workload.placement.identities[0]] = workload
        for workload in mine:
            identity = workload.placement.identities[0]
            said = exact(rendering, identity)
            for field in ("memory_max", "memory_request", "cpu_limit", "cpu_request"):
                if said.get(field):
                    assert getattr(back[identity], field).value == said[field]


@pytest.mark.live("systemd", "shell")
@pytest.mark.parametrize("path", EXAMPLES, ids=[path.parent.name for path in EXAMPLES])
def test_every_unit_and_script_of_an_example_is_taken(path: Path) -> None:
    output = oomconf.render(oomconf.load(path))
    units = {artifact.path.partition("/")[2]: artifact.text for artifact in output.artifacts if "/etc/systemd/system/" in artifact.path}
    if units:
        assert systemd_oracle.verify(units) == []
    scripts = [artifact for artifact in output.artifacts if artifact.text.startswith("#!")]
    for artifact in scripts:
        assert artifact.mode & stat.S_IXUSR
        assert shell_oracle.check(artifact.text) == [], artifact.path


@pytest.mark.live("systemd")
@pytest.mark.parametrize(
    "path", ["/swapfile", "/swap/swapfile", "/var/swap-1", "/.hidden", "/swap.img", "/mnt/a b%c", "/dev/disk/by-uuid/x"]
)
def test_a_swap_unit_bears_the_name_that_systemd_wants(path: str) -> None:
    shown = subprocess.run(["systemd-escape", "-p", "--suffix=swap", path], capture_output=True, text=True, check=True).stdout
    assert unit_name(path) == shown.strip()


@pytest.mark.live("systemd")
def test_the_sysctl_file_is_read_in_its_place() -> None:
    order = systemd_oracle.cat_config_order(
        {"etc/sysctl.d/90-oomconf.conf": "a=1\n", "usr/lib/sysctl.d/50-default.conf": "a=2\n", "etc/sysctl.d/99-local.conf": "a=3\n"}
    )
    assert [name.rpartition("/")[2] for name in order] == ["50-default.conf", "90-oomconf.conf", "99-local.conf"]


@pytest.mark.live("shell")
def test_the_swap_script_makes_a_file_once(tmp_path: Path) -> None:
    spec = tmp_path / "oomconf.yaml"
    target = tmp_path / "swapfile"
    spec.write_text(f"version: 1\nhosts: {{h: {{ram: 1G, swap: [{{file: {target}, size: 1M, priority: 5}}]}}}}\n")
    script = next(
        artifact.text for artifact in oomconf.render(oomconf.load(spec), target=["swap"]).artifacts if artifact.text.startswith("#!")
    )
    tools = tmp_path / "bin"
    tools.mkdir()
    log = tmp_path / "log"
    for name, body in {
        "swapon": f'echo swapon "$@" >>{log}', "swapoff": f'echo swapoff "$@" >>{log}', "id": "echo 0", "sync": ":",
        # a file system that may not hold swap is not the matter here
        "stat": "echo ext2/ext3",
    }.items():  # fmt: skip
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)

    def run(verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", script, "oomconf-swap", verb],
            env={"PATH": f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    first = run("up")
    assert first.returncode == 0, first.stderr
    assert target.stat().st_size == 1 << 20
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert b"SWAPSPACE2" in target.read_bytes()[:4096]
    made = target.stat().st_ino
    assert run("up").returncode == 0
    assert target.stat().st_ino == made, "the second time changes nothing"
    assert log.read_text() == f"swapon -p 5 {target}\n" * 2
    target.write_bytes(b"x" * (1 << 20))
    refused = run("up")
    assert refused.returncode == 1
    assert "is no swap file" in refused.stderr
    assert not list(tmp_path.glob("*.oomconf-new"))
