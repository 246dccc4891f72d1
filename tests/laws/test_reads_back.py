"""What a target renders, its own reader reads back: exactly where the ledger says exact, and nothing that was not said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import generated
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oomconf import dialects
from oomconf.dialect import Document, Mapped, Rendered
from oomconf.kernel.sysctls import check_value
from oomconf.ledger import Rendering, Status
from oomconf.policy import WORKLOAD_FIELDS, Policy, Setting
from oomconf.templating import Templates

TEMPLATES = Templates()
BASES = Mapped({"deploy/compose.yaml": generated.BASE})
SAID = {"docker": generated.docker(), "compose": generated.compose(), "quadlet": generated.quadlet(), "kubernetes": generated.kubernetes()}


def rendered(name: str, policy: Policy) -> Rendering:
    dialect = dialects.find(name)
    assert dialect is not None
    assert dialect.render is not None
    return dialect.render(policy, Rendered(TEMPLATES, BASES))


def read(name: str, documents: list[Document]) -> dict[tuple[str, str], Any]:
    dialect = dialects.find(name)
    assert dialect is not None
    assert dialect.read is not None
    found: dict[tuple[str, str], Any] = {}
    for policy in dialect.read(documents, BASES).policies:
        for workload in policy.workloads:
            for identity in workload.placement.identities:
                for field in WORKLOAD_FIELDS:
                    setting = getattr(workload, field)
                    if setting is not None:
                        found[identity, field] = setting.value
        for group in policy.groups:
            for word, thing in (("limitrange", group.limit_range), ("resourcequota", group.resource_quota)):
                for field in getattr(thing, "__slots__", ()):
                    setting = getattr(thing, field)
                    if isinstance(setting, Setting):
                        found[f"Namespace/{group.name}", f"{word}.{field}"] = setting.value
        for field in getattr(policy.kubelet, "__slots__", ()):
            setting = getattr(policy.kubelet, field)
            if isinstance(setting, Setting):
                found["KubeletConfiguration", field] = setting.value
        for signal, setting in ({} if policy.kubelet is None else policy.kubelet.signals).items():
            found["KubeletConfiguration", f"eviction_hard.{signal}"] = setting.value
    return found


def documents(name: str, rendering: Rendering) -> list[Document]:
    if name == "docker":
        return [Document(artifact.path, artifact.text) for artifact in rendering.artifacts if artifact.path.endswith(".run.sh")]
    if name == "compose":
        over = [Document("deploy/compose.oomconf.yaml", artifact.text) for artifact in rendering.artifacts]
        return [Document("deploy/compose.yaml", generated.BASE), *over]
    return [Document(artifact.path, artifact.text) for artifact in rendering.artifacts]


# where one signal is said, the kubelet drops its defaults for the others
EVICTION = {
    "eviction_hard": 100 << 20,
    "eviction_hard.nodefs.available": "10%",
    "eviction_hard.nodefs.inodesFree": "5%",
    "eviction_hard.imagefs.available": "15%",
    "eviction_hard.imagefs.inodesFree": "5%",
}


# what a consumer does by itself, so that saying it leaves no trace in the artefact
SILENT = {
    "docker": {("oom_policy", "continue"), ("memory_low", 0)},
    "compose": {("oom_policy", "continue"), ("memory_low", 0)},
    "quadlet": set(),
    "kubernetes": {("oom_policy", "kill"), ("memory_request", 0)},
}


@pytest.mark.parametrize("name", list(SAID))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_is_exact_reads_back(name: str, data: st.DataObject) -> None:
    policy = data.draw(SAID[name])
    rendering = rendered(name, policy)
    assert rendering == rendered(name, policy), "the same policy gives the same bytes"
    back = read(name, documents(name, rendering))
    said = {(cell.identity, cell.field): cell for cell in rendering.ledger}
    for key, cell in said.items():
        if cell.status is Status.EXACT and (cell.field, cell.setting.value) not in SILENT[name]:
            assert back.get(key, "nothing") == cell.setting.value, (key, cell.note)
    base = read("compose", [Document("deploy/compose.yaml", generated.BASE)]) if name == "compose" else {}
    for key, value in back.items():
        assert key in said or base.get(key) == value, f"{key} = {value} was not said"


@pytest.mark.parametrize("name", list(SAID))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_every_said_value_has_one_cell(name: str, data: st.DataObject) -> None:
    policy = data.draw(SAID[name])
    cells = [(cell.identity, cell.field) for cell in rendered(name, policy).ledger]
    assert len(cells) == len(set(cells))
    for workload in policy.workloads:
        for identity in workload.placement.identities:
            for field in WORKLOAD_FIELDS:
                assert ((identity, field) in cells) == (getattr(workload, field) is not None), field


@given(generated.kubelets)
def test_a_kubelet_reads_back(kubelet) -> None:
    policy = Policy(name="n", object="hosts.n", source="oomconf.yaml", kubelet=kubelet)
    rendering = rendered("kubelet", policy)
    back = read("kubelet", [Document(artifact.path, artifact.text) for artifact in rendering.artifacts])
    exact = {(cell.identity, cell.field): cell.setting.value for cell in rendering.ledger if cell.status is Status.EXACT}
    filled = {("KubeletConfiguration", key): value for key, value in EVICTION.items() if kubelet.eviction_hard or kubelet.signals}
    assert back == {**filled, **exact}


@given(
    st.dictionaries(
        st.sampled_from(["vm.swappiness", "vm.overcommit_ratio", "kernel.panic", "net.ipv4.conf.all/1.x"]), st.integers(-5, 300)
    )
)
def test_sysctls_read_back(values) -> None:
    policy = Policy(name="h", object="hosts.h", source="oomconf.yaml", sysctls={key: Setting(str(value)) for key, value in values.items()})
    dialect = dialects.find("sysctl")
    assert dialect is not None
    assert dialect.read is not None
    rendering = rendered("sysctl", policy)
    reading = dialect.read([Document(artifact.path, artifact.text) for artifact in rendering.artifacts], BASES)
    back = reading.policies[0].sysctls if reading.policies else {}
    exact = {cell.field: cell.setting.value for cell in rendering.ledger if cell.status is Status.EXACT}
    assert {key: setting.value for key, setting in back.items()} == exact
    assert {cell.field for cell in rendering.ledger} == set(values)
    assert [key for key in values if key not in exact] == [key for key, value in values.items() if check_value(key, str(value)) is not None]


READERS = [(name, path) for name, path in [
    ("docker", "docker/api.run.sh"), ("compose", "compose.yaml"), ("quadlet", "api.container"), ("kubernetes", "k8s/a.yaml"),
    ("kubelet", "kubelet.conf.d/a.conf"), ("sysctl", "etc/sysctl.d/a.conf"),
]]  # fmt: skip
SEEDS = {
    "docker": "#!/bin/sh\nexec docker run -m 512m --memory-swap=1g -e 'A=b c' --oom-score-adj \"-500\" img \\\n cmd\n",
    "compose": generated.BASE,
    "quadlet": '[Container]\nImage=x\nPodmanArgs=--oom-score-adj=5\nEnvironment="A=b"\n[Service]\nMemoryMax=1G\n',
    "kubernetes": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec: {containers: [{name: a, resources: {limits: {memory: 1Gi}}}]}\n",
    "kubelet": "kind: KubeletConfiguration\napiVersion: v1\nevictionHard: {memory.available: 5%}\n",
    "sysctl": "vm.swappiness = 10\n-kernel.panic=5\n",
}


@st.composite
def mutations(draw, seed: str) -> str:  # type: ignore[no-untyped-def]
    text = seed
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 5))
        text = (
            text[:at]
            + draw(
                st.one_of(
                    st.text(max_size=4),
                    st.sampled_from(["\n", "[", "{", "'", '"', "$", "${A:-", "\\", "\0", "<<: ", "&a ", "*a", "!reset "]),
                )
            )
            + text[at + cut :]
        )
    return text


@pytest.mark.parametrize(("name", "path"), READERS, ids=[name for name, _ in READERS])
@given(data=st.data())
def test_no_text_is_too_odd_for_a_reader(name: str, path: str, data: st.DataObject) -> None:
    text = data.draw(st.one_of(st.text(), mutations(SEEDS[name])))
    dialect = dialects.find(name)
    assert dialect is not None
    assert dialect.read is not None
    assert dialect.claims is not None
    assert dialect.claims(path)
    dialect.read([Document(path, text), Document(f"b/{path}", text)], Mapped({".env": text, path: text}))


def test_a_template_of_the_user_is_taken() -> None:
    policy = replace(Policy(name="h", object="hosts.h"), sysctls={"vm.swappiness": Setting("1")})
    dialect = dialects.find("sysctl")
    assert dialect is not None
    assert dialect.render is not None
    mine = dialect.render(
        policy, Rendered(Templates({"sysctl/sysctl.conf.j2": "# mine\n{% for row in rows %}{{ row.key }}={{ row.value }}\n{% endfor %}"}))
    )
    assert mine.artifacts[0].text == "# mine\nvm.swappiness=1\n"
