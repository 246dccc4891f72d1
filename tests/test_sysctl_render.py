"""sysctl.d as it is rendered: what the kernel would not keep is not called exact."""

from __future__ import annotations

import pytest

import oomconf
from oomconf.ledger import Status


def rendered(tmp_path, host: str):
    path = tmp_path / "oomconf.yaml"
    path.write_text(f"version: 1\nhosts: {{h: {{{host}}}}}\n")
    output = oomconf.render(oomconf.load(path), target=["sysctl"])
    return {cell.field: cell for cell in output.ledger}, "".join(artifact.text for artifact in output.artifacts)


@pytest.mark.parametrize(
    ("said", "key", "status", "note"),
    [
        ("vm.swappiness: 10", "vm.swappiness", Status.EXACT, ""),
        ("net.core.somaxconn: 4096", "net.core.somaxconn", Status.EXACT, ""),
        ("vm.swappiness: 300", "vm.swappiness", Status.IMPOSSIBLE, "the kernel refuses it: 300 is more than 200, the most"),
        ("kernel.pid_max: 4194304", "kernel.pid_max", Status.EXACT, ""),
        ("kernel.pid_max: 4194305", "kernel.pid_max", Status.IMPOSSIBLE, "the kernel refuses it: 4194305 is more than 4194304, the most"),
        ("vm.drop_caches: 3", "vm.drop_caches", Status.IMPOSSIBLE, "it makes something happen once, and nothing is kept"),
        (
            "vm.dirty_bytes: 9999999, vm.dirty_ratio: 20",
            "vm.dirty_bytes",
            Status.IMPOSSIBLE,
            "vm.dirty_ratio is written after it, which sets it to 0",
        ),
        ("vm.dirty_bytes: 9999999, vm.dirty_ratio: 20", "vm.dirty_ratio", Status.EXACT, ""),
        (
            "vm.nr_hugepages: 64",
            "vm.nr_hugepages",
            Status.APPROXIMATED,
            "the kernel takes as many as it finds free at that moment, without a word",
        ),
        ("vm.nr_hugepages: 0", "vm.nr_hugepages", Status.EXACT, ""),
        ("vm.memfd_noexec: 1", "vm.memfd_noexec", Status.APPROXIMATED, "Linux 6.1 has no such file, which came with 6.3"),
        ("vm.block_dump: 1", "vm.block_dump", Status.APPROXIMATED, "Linux 6.1 has no such file, which went with 5.14"),
    ],
)
def test_exact_is_what_the_kernel_keeps(tmp_path, said: str, key: str, status: Status, note: str) -> None:
    cells, text = rendered(tmp_path, f'kernel: "6.1", sysctl: {{set: {{{said}}}}}')
    assert (cells[key].status, cells[key].note) == (status, note)
    # what is never in force is not written: a refused line makes systemd-sysctl fail, and an erased one misleads
    assert (f"{key} = " in text) is (status is not Status.IMPOSSIBLE)


def test_a_kernel_of_unknown_release_has_every_file(tmp_path) -> None:
    for kernel in ("", 'kernel: "6", '):
        cells, _ = rendered(tmp_path, f"{kernel}sysctl: {{set: {{vm.memfd_noexec: 1}}}}")
        assert cells["vm.memfd_noexec"].status is Status.EXACT


@pytest.mark.parametrize(
    ("host", "command"), [("", "systemctl restart systemd-sysctl"), ("systemd: 0, ", "sysctl -p /etc/sysctl.d/90-oomconf.conf")]
)
def test_the_header_names_a_command_that_the_host_has(tmp_path, host: str, command: str) -> None:
    _, text = rendered(tmp_path, f"{host}sysctl: {{set: {{vm.swappiness: 10}}}}")
    assert text.splitlines()[1] == f"# Applied at boot and by: {command}"


def test_nothing_to_write_is_no_file(tmp_path) -> None:
    cells, text = rendered(tmp_path, "sysctl: {set: {vm.swappiness: 300}}")
    assert (len(cells), text) == (1, "")
