"""What docker and quadlet are told where their version decides, or where what runs already does."""

from __future__ import annotations

import pytest

from oomconf import dialects
from oomconf.dialect import Document, Mapped, Rendered
from oomconf.ledger import Rendering, Status
from oomconf.placement import ComposeService, DockerContainer, Placement, QuadletUnit
from oomconf.policy import Facts, Policy, Runtime, Setting, Workload
from oomconf.quantity import INFINITY, Size
from oomconf.templating import Templates

M = 1 << 20
API = DockerContainer(name="api", image="registry.example/api")
UNKNOWN = Facts()
UNIT = QuadletUnit(unit="api.container")


def rendered(place: Placement, facts: Facts = UNKNOWN, **said: object) -> Rendering:
    fields = {name: value if isinstance(value, tuple) else Setting(value) for name, value in said.items()}
    workload = Workload(name="api", object="services.api", placement=place, **fields)  # type: ignore[arg-type]
    dialect = dialects.find(place.target)
    assert dialect is not None
    assert dialect.render is not None
    sources = Mapped({"compose.yaml": "services: {web: {image: x}}"})
    return dialect.render(Policy(name="h", object="hosts.h", facts=facts, workloads=(workload,)), Rendered(Templates(), sources))


def update(**said: object) -> str:
    return next(one.text for one in rendered(API, **said).artifacts if one.path.endswith(".update.sh"))


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ({"memory_max": Size(64 * M)}, ["--memory=64m", "--memory-swap=128m", "api"]),
        ({"memory_max": Size(64 * M), "memory_swap_max": Size(0)}, ["--memory=64m", "--memory-swap=64m", "api"]),
        (
            {"memory_max": Size(64 * M), "memory_swap_max": INFINITY},
            ["--memory=64m", "--memory-swap=8191p", "api >/dev/null", "--memory=64m", "--memory-swap=-1", "api"],
        ),
        ({"memory_max": Size(1 << 52)}, ["--memory=4294967296m", "api"]),
        ({"restart": "no"}, ["--restart=no", "api"]),
    ],
)
def test_an_update_says_swap_beside_memory(said: dict[str, object], lines: list[str]) -> None:
    words = [line.strip().removesuffix(" \\") for line in update(**said).splitlines() if line.startswith("    ")]
    assert words == lines


def test_an_update_says_what_it_cannot_take_away() -> None:
    text = update(memory_max=INFINITY, memory_low=Size(0), restart="no")
    assert "# A limit that the container has stays: docker update cannot take it away." in text
    assert "# A reservation that the container has stays: docker update cannot take it away." in text
    assert "stays" not in update(memory_max=Size(64 * M), memory_low=Size(8 * M))


@pytest.mark.parametrize("place", [API, ComposeService(file="compose.yaml", service="web")], ids=["docker", "compose"])
@pytest.mark.parametrize(
    ("version", "status"),
    [("20.10", Status.IMPOSSIBLE), ("23", Status.IMPOSSIBLE), ("24.0.1", Status.APPROXIMATED), (None, Status.APPROXIMATED)],
)
def test_a_high_needs_a_docker_with_annotations(place: Placement, version: str | None, status: Status) -> None:
    facts = Facts(docker=None if version is None else Setting(version), docker_cgroup_driver=Setting("systemd"))
    rendering = rendered(place, facts, memory_max=Size(64 * M), memory_high=Size(32 * M))
    (cell,) = [one for one in rendering.ledger if one.field == "memory_high"]
    assert cell.status is status
    assert any("MemoryHigh" in one.text for one in rendering.artifacts) == (status is Status.APPROXIMATED)


@pytest.mark.parametrize("place", [API, ComposeService(file="compose.yaml", service="web")], ids=["docker", "compose"])
@pytest.mark.parametrize(
    ("said", "swap", "status", "told"),
    [
        ({"docker": "24", "docker_cgroup_driver": "systemd"}, 0, Status.EXACT, True),
        ({"docker": "26.1.5", "docker_cgroup_driver": "systemd", "cgroup_version": 2}, 0, Status.EXACT, True),
        ({"docker": "26.1.5", "docker_cgroup_driver": "systemd"}, 4096, Status.EXACT, False),
        ({"docker": "26.1.5", "docker_cgroup_driver": "systemd"}, INFINITY, Status.EXACT, False),
        ({"docker": "26.1.5", "docker_cgroup_driver": "systemd", "cgroup_version": 1}, 0, Status.EXACT, False),
        ({"docker_cgroup_driver": "cgroupfs"}, 0, Status.EXACT, False),
        ({"docker": "23.0", "docker_cgroup_driver": "systemd"}, 0, Status.APPROXIMATED, False),
        ({"docker": "26.1.5"}, 0, Status.APPROXIMATED, False),
        ({"docker_cgroup_driver": "systemd"}, 0, Status.APPROXIMATED, False),
    ],
)
def test_systemd_is_told_of_no_swap_where_the_engine_can(
    place: Placement, said: dict[str, object], swap: int, status: Status, told: bool
) -> None:
    facts = Facts(**{name: Setting(value) for name, value in said.items()})  # type: ignore[arg-type]
    rendering = rendered(place, facts, memory_max=Size(64 * M), memory_swap_max=Size(swap))
    (cell,) = [one for one in rendering.ledger if one.field == "memory_swap_max"]
    assert cell.status is status
    starts = [one.text for one in rendering.artifacts if not one.path.endswith(".update.sh")]
    assert [("org.systemd.property.MemorySwapMax" in text, "uint64 0" in text) for text in starts] == [(told, told)] * len(starts)
    assert starts


@pytest.mark.parametrize(
    ("version", "drops", "scores"), [("4.3", 0, False), ("4.4", 1, False), ("4", 1, False), ("5.0", 2, True), ("5", 2, True)]
)
def test_a_podman_without_quadlet_is_told_nothing(version: str, drops: int, scores: bool) -> None:
    runtimes = (Runtime(kind="python", arenas=2),)
    rendering = rendered(UNIT, Facts(podman=Setting(version)), memory_max=Size(64 * M), oom_score_adj=5, runtimes=runtimes)
    assert len(rendering.artifacts) == drops
    cells = {cell.field: cell.status for cell in rendering.ledger}
    of = {True: Status.EXACT, False: Status.IMPOSSIBLE}
    assert cells == {"memory_max": of[drops > 0], "oom_score_adj": of[scores], "runtime.python": of[scores]}


def test_a_dollar_in_a_quadlet_is_no_variable() -> None:
    options = ("-Dx=$HOME ${PATH} $$",)
    rendering = rendered(UNIT, memory_max=Size(1024 * M), runtimes=(Runtime(kind="jvm", heap=Setting(Size(64 * M)), options=options),))
    inner = next(one for one in rendering.artifacts if "/containers/" in one.path)
    assert 'Environment="JAVA_TOOL_OPTIONS=\\"-Dx=$$HOME $${PATH} $$$$\\" -Xmx64m"' in inner.text
    dialect = dialects.find("quadlet")
    assert dialect is not None
    assert dialect.read is not None
    unit = Document("etc/containers/systemd/api.container", "[Container]\nImage=x\n")
    read = dialect.read([unit, Document(inner.path, inner.text)], Mapped({})).policies[0].workloads[0]
    assert [one.heap.value for one in read.runtimes if one.heap] == [64 * M]
