"""Laws of the systemd dialect, held over generated policies."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from unit_files import FATAL, GRAMMAR, HEAD, policy

from oomconf.dialect import Document, NoSources, Reading, Rendered
from oomconf.dialects.systemd import DIALECT
from oomconf.ledger import Rendering, Status
from oomconf.policy import GROUP_FIELDS, WORKLOAD_FIELDS, Oomd, Policy
from oomconf.templating import Templates

TEMPLATES = Templates()
RANDOMS = st.randoms(use_true_random=False)
OOMD_FIELDS = ("swap_used_limit", "default_memory_pressure_limit", "default_memory_pressure_duration")


def rendered(one: Policy) -> Rendering:
    assert DIALECT.render is not None
    return DIALECT.render(one, Rendered(TEMPLATES))


def read(files: dict[str, str]) -> Reading:
    assert DIALECT.read is not None
    return DIALECT.read([Document(path, text) for path, text in files.items()], NoSources())


def said(reading: Reading) -> dict[tuple[str, str], object]:
    found: dict[tuple[str, str], object] = {}
    for one in reading.policies:
        for workload in one.workloads:
            (identity,) = workload.placement.identities
            found |= {(identity, name): setting.value for name in WORKLOAD_FIELDS if (setting := getattr(workload, name)) is not None}
        for group in one.groups:
            identity = f"{'user:' if group.user else ''}{group.name}"
            found |= {(identity, name): setting.value for name in GROUP_FIELDS if (setting := getattr(group, name)) is not None}
        for name in OOMD_FIELDS:
            if (setting := getattr(one.oomd or Oomd(), name)) is not None:
                found["oomd.conf", name] = setting.value
    return found


@given(RANDOMS)
def test_what_the_ledger_calls_exact_reads_back_and_nothing_else_does(random: Random) -> None:
    rendering = rendered(policy(random))
    reading = read({f"h/{artifact.path}": artifact.text for artifact in rendering.artifacts})
    cells = [cell for cell in rendering.ledger if not cell.field.startswith("runtime.")]
    expected = {(cell.identity, cell.field): cell.setting.value for cell in cells if cell.status is not Status.IMPOSSIBLE}
    assert said(reading) == expected
    assert [entry for entry in reading.entries if entry.fault] == []


@given(RANDOMS)
def test_every_said_value_has_one_cell_for_each_identity(random: Random) -> None:
    one = policy(random)
    rendering = rendered(one)
    expected = [
        (identity, name)
        for workload in one.workloads
        for identity in workload.placement.identities
        for name in (
            *(name for name in WORKLOAD_FIELDS if getattr(workload, name) is not None),
            *(f"runtime.{runtime.kind}" for runtime in workload.runtimes),
        )
    ]
    expected += [
        (f"{'user:' if group.user else ''}{group.name}", name)
        for group in one.groups
        for name in GROUP_FIELDS
        if getattr(group, name) is not None
    ]
    expected += [("oomd.conf", name) for name in OOMD_FIELDS if one.oomd is not None and getattr(one.oomd, name) is not None]
    assert sorted((cell.identity, cell.field) for cell in rendering.ledger) == sorted(expected)
    assert all(cell.note for cell in rendering.ledger if cell.status is not Status.EXACT)


@given(RANDOMS)
def test_the_same_policy_gives_the_same_bytes(random: Random) -> None:
    one = policy(random)
    assert rendered(one) == rendered(one)


LINES = [line for body, _, _ in GRAMMAR for line in (HEAD + body).splitlines(keepends=True)]
PATHS = [
    "etc/systemd/system/a-b.service",
    "usr/lib/systemd/system/a-b.service.d/x.conf",
    "a-.service.d/y.conf",
    "t@.service",
    "t@i.service.d/z.conf",
    "etc/systemd/system/service.d/w.conf",
    "s.slice",
    "-.slice.d/r.conf",
    "etc/systemd/oomd.conf",
    "oomd.conf.d/o.conf",
    ".slice",
    "@.service",
    "/run/systemd/system/@@@.service",
    "home/u/.config/systemd/user/u.service",
    "x.service.d/..conf",
    "--.slice.d/q.conf",
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PATHS),
            st.one_of(
                st.text(),
                st.lists(st.sampled_from(LINES)).map("".join),
                st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
            ),
        )
    )
)
def test_the_reader_never_raises_on_any_text(files: list[tuple[str, str]]) -> None:
    assert DIALECT.read is not None
    assert DIALECT.claims is not None
    for path in PATHS:
        DIALECT.claims(path)
    DIALECT.read([Document(path, text) for path, text in files], NoSources())


@given(st.text())
def test_no_path_makes_the_reader_raise(path: str) -> None:
    assert DIALECT.read is not None
    assert DIALECT.claims is not None
    for one in (path, f"{path}.service", f"{path}.slice.d/x.conf", f"etc/systemd/system/{path}.service.d/x.conf"):
        DIALECT.claims(one)
        DIALECT.read([Document(one, HEAD + "MemoryMax=1G\n")], NoSources())


@given(RANDOMS, st.data())
def test_no_mutation_of_what_is_rendered_makes_the_reader_raise(random: Random, data: st.DataObject) -> None:
    files: dict[str, str] = {}
    for artifact in rendered(policy(random, units=1)).artifacts:
        cut = data.draw(st.integers(0, len(artifact.text)))
        files[artifact.path] = artifact.text[:cut] + data.draw(st.text(max_size=3)) + artifact.text[cut + data.draw(st.integers(0, 3)) :]
    read(files)


def test_a_fatal_line_is_an_entry_with_its_place() -> None:
    for body, message in FATAL:
        entries = [entry for entry in read({"x.service": HEAD + body}).entries if not entry.key]
        assert len(entries) == 1
        assert message in entries[0].fault
        assert entries[0].fault.endswith("and the unit does not load")
        assert entries[0].at.line >= 3
