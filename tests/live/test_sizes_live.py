"""Every grammar against the consumer's own parser: systemd, docker, kubectl, the Go runtime, the JVM and the running kernel."""

from __future__ import annotations

import ctypes
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from consumers import docker as docker_client
from consumers import kubernetes as kubernetes_client
from consumers import locate, need
from consumers import systemd as systemd_library
from size_texts import ROUNDS, a_boolean, a_docker_size, a_quantity, a_share, a_size, a_span, an_integer, read, texts

from oomconf.quantity import SizeError, docker, golang, jvm, kubernetes, memparse, sysctl, systemd

# ── systemd ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def through(name: str, kind: Any) -> Callable[[str], int | None]:
    def ask(text: str) -> int | None:
        value = kind()
        refused = getattr(systemd_library._shared(), name)(text.encode(), ctypes.byref(value))
        return None if refused < 0 else int(value.value)

    return ask


def through_boolean(text: str) -> bool | None:
    value = int(systemd_library._shared().parse_boolean(text.encode()))
    return None if value < 0 else bool(value)


def our_share(text: str) -> int | None:
    found = read(systemd.parse_permyriad, text)
    return None if found is None else int(found.permyriad)


SYSTEMD = [
    ("parse_size", a_size, systemd_library.size, lambda text: read(systemd.parse_size, text)),
    ("parse_permyriad", a_share, systemd_library.permyriad, our_share),
    ("safe_atoi", an_integer, through("safe_atoi", ctypes.c_int), lambda text: read(systemd.parse_integer, text)),
    ("parse_sec", a_span, through("parse_sec", ctypes.c_uint64), lambda text: read(systemd.parse_seconds, text)),
    ("parse_boolean", a_boolean, through_boolean, lambda text: read(systemd.parse_boolean, text)),
]


@pytest.mark.live("systemd")
@pytest.mark.parametrize(("name", "make", "theirs", "ours"), SYSTEMD, ids=[row[0] for row in SYSTEMD])
def test_systemds_own_parser_agrees(
    name: str, make: Callable[[random.Random], str], theirs: Callable[[str], Any], ours: Callable[[str], Any]
) -> None:
    del name
    asked = texts(make, ROUNDS)
    answers = {text: theirs(text) for text in asked}
    assert {text: ours(text) for text in asked} == answers
    taken = sum(answer is not None for answer in answers.values())
    assert taken >= 20
    assert len(answers) - taken >= 20


MEMORY_VALUES = [
    "0",
    "0.1",
    "4095",
    "1G 512M",
    "infinity",
    "010M",
    "16E",
    "1GB",
    "18446744073709551614",
    "18446744073709551615",
    "1.5G",
    "max",
    "-1",
    "-0%",
]


@pytest.mark.live("systemd")
@pytest.mark.parametrize(
    ("key", "zero"), [("MemoryMax", False), ("MemoryHigh", False), ("MemoryLow", True), ("MemoryMin", True), ("MemorySwapMax", True)]
)
def test_the_manager_takes_the_same_memory_values(key: str, zero: bool) -> None:
    units = {f"v{number}.slice": f"[Slice]\n{key}=7777\n{key}={value}\n" for number, value in enumerate(MEMORY_VALUES)}
    seen = systemd_library.effective(units)
    for number, value in enumerate(MEMORY_VALUES):
        found = read(lambda text: systemd.parse_memory(text, zero=zero), value)
        expected = 7777 if found is None else 0 if value.endswith("%") else int(found)
        assert int(seen[f"v{number}.slice"][key]) == expected, value


# ── Docker ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.live("docker")
def test_dockers_own_parser_agrees() -> None:
    sizes = texts(a_docker_size, 160)
    integers = texts(an_integer, 60)
    asked = [
        *[("--memory", "Memory", text, read(docker.parse, text)) for text in sizes],
        *[
            ("--memory-swap", "MemorySwap", text, -1 if text == "-1" else read(docker.parse_swap, text))
            for text in ["-1", "-2", "-1m", "1g", "-1 "]
        ],
        *[("--oom-score-adj", "OomScoreAdj", text, read(docker.parse_int, text)) for text in integers],
    ]
    answers = []
    with docker_client.FakeEngine() as engine:
        for flag, key, text, _ in asked:
            run = subprocess.run(
                [str(docker_client._binary()), "create", f"{flag}={text}", "image"],
                env=docker_client.environment(engine),
                capture_output=True,
                check=False,
                timeout=20,
                stdin=subprocess.DEVNULL,
            )
            answers.append(None if run.returncode else engine.posted[-1].body["HostConfig"][key])
    # what overflows in Docker is garbage there and refused here
    wrong = [(*row[:3], answer) for row, answer in zip(asked, answers, strict=True) if row[3] != (None if answer == -(2**63) else answer)]
    assert wrong == []
    assert sum(answer is not None for answer in answers) >= 30


# ── Kubernetes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_SUFFIX = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def decoded(values: list[str], home: Path) -> list[str] | None:
    """Give the quantities that kubectl has decoded and written again; None where it refuses. JSON keeps each a string."""
    containers = [{"name": f"c{number}", "resources": {"limits": {"memory": value}}} for number, value in enumerate(values)]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "oracle"}, "spec": {"containers": containers}}
    (home / "pod.json").write_text(json.dumps(pod))
    run = subprocess.run(
        [str(kubernetes_client._kubectl()), "set", "env", "--local", "-o", "json", "-f", "pod.json", "X=1"],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(home / "none")},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    if run.returncode:
        return None
    return [container["resources"]["limits"]["memory"] for container in json.loads(run.stdout)["spec"]["containers"]]


def canonical_value(text: str) -> Fraction:
    """Read a canonical quantity without the code under test."""
    found = re.fullmatch(r"([+-]?[0-9.]+)(?:([KMGTPE])i|([numkMGTPE]?)|[eE]([+-]?[0-9]+))", text)
    assert found, text
    number = Fraction(found[1])
    if found[2]:
        return number * 1024 ** ("KMGTPE".index(found[2]) + 1)
    return number * Fraction(10) ** (int(found[4]) if found[4] else _SUFFIX[found[3]])


@pytest.mark.live("kubernetes")
def test_the_apis_own_parser_agrees(tmp_path: Path) -> None:
    asked = texts(a_quantity, 900)
    ours = {text: read(kubernetes.quantity, text) for text in asked}
    # canonical forms lose what is beyond 10**18 times 1000 (a fault of the API's own encoder), and text kept as it came is no answer
    taken = [text for text, found in ours.items() if found is not None and abs(found.value) < 10**20 and found.nano]
    answers = decoded([f"{text}" for text in taken], tmp_path)
    assert answers is not None
    compared = 0
    for text, answer in zip(taken, answers, strict=True):
        if re.match(r"[+-]?[0-9]", answer):
            compared += answer != text
            rounded = canonical_value(answer) * 10**9
            found = ours[text]
            assert found is not None
            up = -(-abs(rounded).numerator // rounded.denominator)
            assert abs(found.nano) == min(up, (2**63 - 1) * 10**9 if "i" in text else up), (text, answer)
    assert compared >= 100
    zeros = [text for text, found in ours.items() if found is not None and found.nano == 0]
    assert len(zeros) >= 10
    assert decoded(zeros, tmp_path) is not None
    refused = [text for text, found in ours.items() if found is None and text == text.strip()][:40]
    assert len(refused) >= 30
    assert [text for text in refused if decoded([text], tmp_path) is not None] == []


GO_LIMITS = [
    "512", "512B", "1KiB", "512MiB", "1TiB", "off", "", "007", "0", "-0", "9223372036854775807", "512M", "512m", "512MB", "512Mi",
    "1G", "0.5GiB",
    "1 GiB", "1gib", "1e9", "50%", "1PiB", "-1", "OFF", "+5", " 1B", "B", "MiB", "9223372036854775808", "8589934592GiB", "8388607TiB",
    "8388608TiB",
]  # fmt: skip


@pytest.mark.live("kubernetes")
def test_the_go_runtime_starts_with_what_we_read_and_dies_of_the_rest(tmp_path: Path) -> None:
    """Kubectl is a Go program, and any will do."""
    answers = {}
    for text in GO_LIMITS:
        run = subprocess.run(
            [str(kubernetes_client._kubectl()), "version", "--client"],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GOMEMLIMIT": text},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert run.returncode == 0 or "GOMEMLIMIT" in run.stderr
        answers[text] = run.returncode == 0
    assert {text: read(golang.parse, text) is not None for text in GO_LIMITS} == answers


# ── the JVM ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

JAVA_SIZES = [
    "64m", "64M", "65536k", "67108864", "0x40m", "0X4000K", "064m", "1g", "16777217", "0.5g", "64mb", "64MiB", "64 m", " 64m", "1e9",
    "50%", "-1",
    "+64m", "0x", "1p", "64_000k", "18446744073709551616", "16777216t",
]  # fmt: skip


@pytest.mark.live
def test_the_jvm_reads_the_same_sizes() -> None:
    java = locate("java", "OOMCONF_JAVA")
    need(None if java else "java is not installed")
    answers: dict[str, int | None] = {}
    for text in JAVA_SIZES:  # a size of the same grammar as -Xmx (Arguments::atojulong), which the JVM does not round to its regions
        run = subprocess.run(
            [str(java), f"-XX:MaxDirectMemorySize={text}", "-Xmx32m", "-XX:+PrintFlagsFinal", "-version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        found = re.search(r" MaxDirectMemorySize += (\d+) ", run.stdout)
        answers[text] = int(found[1]) if found and run.returncode == 0 else None
    assert {text: read(jvm.parse, text) for text in JAVA_SIZES} == answers
    refused = [text for text, answer in answers.items() if answer is None]
    for text in [*refused[:6], "64m", "0x40m", "064m"]:
        run = subprocess.run([str(java), f"-Xmx{text}", "-version"], capture_output=True, check=False, timeout=60)
        assert (run.returncode == 0) == (text not in refused), text


# ── the kernel, in namespaces that end with the test ─────────────────────────────────────────────────────────────────────

_INSIDE = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
where = os.fsencode(sys.argv[1])
sizes, numbers, lists = json.load(sys.stdin)

def mounted(text):
    if libc.mount(b"none", where, b"tmpfs", 0, b"size=" + text.encode()):
        return None
    blocks = os.statvfs(where).f_blocks
    libc.umount2(where, 2)
    return blocks

def written(path, text, reset):
    for one in (reset, text):
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, one.encode())
        except OSError:
            return None
        finally:
            os.close(fd)
    with open(path) as file:
        return [int(word) for word in file.read().split()]

print(json.dumps([
    [mounted(text) for text in sizes],
    [written("/proc/sys/net/ipv4/tcp_base_mss", text, "1024") for text in numbers],
    [written("/proc/sys/net/ipv4/tcp_rmem", text, "4096 4096 4096") for text in lists],
]))
"""


def a_memparse(chance: random.Random) -> str:
    return "".join(
        [
            chance.choice(["", "", "", "", "+", "-"]),
            chance.choice(["", "", "0x", "0X", "0"]),
            chance.choice(
                ["0", "1", "7", "8", "12", "1f", "1e", "777", "4095", "4096", "4097", str(chance.getrandbits(chance.randint(1, 40)))]
            ),
            chance.choice(["", "", "k", "K", "M", "m", "g", "G", "T", "MB", "MiB", ".5G", " G", "_0", "max"]),
        ]
    )


def a_number(chance: random.Random) -> str:
    return "".join(
        [
            chance.choice(["", "", "", " ", "\t", "\n"]),
            chance.choice(["", "", "", "-", "+", "--", "- "]),
            chance.choice(["", "", "0x", "0X", "0", "00000000000000"]),
            chance.choice(
                ["0", "1", "70", "08", "ff", "2147483647", "2147483648", "2147483649", "4294967366", str(chance.getrandbits(30))]
            ),
            chance.choice(["", "", "\n", " ", "\t", " # c", "# c", "K", ".5", "\r", " 80"]),
        ]
    )


@pytest.mark.live
def test_the_running_kernel_reads_the_same_numbers(tmp_path: Path) -> None:
    """`size=` of tmpfs goes through memparse() and rounds up to a page; the sysctls are those of a network namespace of its own."""
    unshare = shutil.which("unshare")
    need(None if unshare else "unshare is not installed")
    enter = [str(unshare), *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount", "--net"]
    trial = subprocess.run([*enter, "true"], capture_output=True, text=True, check=False)
    need(None if trial.returncode == 0 else f"no namespaces here: {trial.stderr.strip()}")
    sizes = texts(a_memparse, 400)
    numbers = [text for text in texts(a_number, 400) if text]
    lists = ["1 2 3", "1\t2\t3\n", " 1  0x20 010", "5", "1 2", "1,2,3", "1 x 3", "1 2K 3", "x", "1 2147483648 3", "7 8 9 "]
    run = subprocess.run(
        [*enter, sys.executable, "-c", _INSIDE, str(tmp_path)],
        input=json.dumps([sizes, numbers, lists]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    blocks, values, vectors = json.loads(run.stdout)
    page = os.sysconf("SC_PAGE_SIZE")
    for text, answer in zip(sizes, blocks, strict=True):
        try:
            expected = -(-memparse.parse(text, page_size=1) // page)
        except SizeError as refused:
            if "64 bits" in refused.message:  # refused here, cut to the low bits there
                assert answer is not None, text
                continue
            expected = None
        assert answer == expected, text
    single = [read(sysctl.parse_int, text) for text in numbers]
    assert dict(zip(numbers, [None if one is None else [one] for one in single], strict=True)) == dict(zip(numbers, values, strict=True))
    for text, answer in zip(lists, vectors, strict=True):
        found = read(sysctl.parse_list, text)
        assert (None if found is None else list(found)) == (answer if answer is None or found is None else answer[: len(found)]), text
    assert min(sum(one is not None for one in answers) for answers in (blocks, values, vectors)) >= 5
