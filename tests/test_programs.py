"""Programs that are known by name, and those that must not be taken for them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.programs import PROGRAMS, Program, find

UNITS = [
    ("postgresql@15-main.service", "PostgreSQL cluster"),
    ("postgresql@.service", "PostgreSQL cluster"),
    ("postgresql.service", "PostgreSQL"),
    ("postgresql-16.service", "PostgreSQL"),
    ("ssh.service", "sshd"),
    ("sshd.service", "sshd"),
    ("ssh@3-10.0.0.1:22-10.0.0.2:5022.service", "sshd"),
    ("sshd", "sshd"),
    ("redis-server@cache.service", "Redis"),
    ("valkey.service", "Valkey"),
    ("user@1000.service", "user manager"),
    ("getty@tty1.service", "getty"),
    ("actions.runner.acme-web.build1.service", "GitHub Actions runner"),
    ("docker.service", "docker"),
    ("crond.service", "cron"),
    ("kubelet.service", "kubelet"),
    ("crio.service", "cri-o"),
]

STRANGERS = [
    "ssh.socket",
    "ssh.slice",
    "user-1000.slice",
    "user.slice",
    "my-ssh.service",
    "ssh-agent.service",
    "sshd-keygen.service",
    "sshd-keygen@rsa.service",
    "docker-cleanup.service",
    "docker@1.service",
    "redis-exporter.service",
    "redis_exporter.service",
    "postgresql-backup.service",
    "postgresql-1.service",
    "postgres-exporter.service",
    "prometheus-node-exporter.service",
    "actions.runnerx.service",
    "web.service",
    "SSH.service",
    "",
    "@",
    ".service",
]

IMAGES = [
    ("redis", "Redis"),
    ("redis:7", "Redis"),
    ("docker.io/library/redis:7.4-alpine", "Redis"),
    ("registry.example:5000/cache/redis@sha256:" + "0" * 64, "Redis"),
    ("registry.example:5000/cache/redis:7@sha256:" + "0" * 64, "Redis"),
    ("bitnami/postgresql:16", "PostgreSQL"),
    ("postgis/postgis:16-3.4", "PostgreSQL"),
    ("docker.elastic.co/elasticsearch/elasticsearch:8.15.0", "Elasticsearch"),
    ("node:22-slim", "Node.js"),
    ("redis-exporter", None),
    ("oliver006/redis_exporter:v1", None),
    ("postgres-backup", None),
    ("gb-redisslave:v3", None),
    ("redis/cache", None),
    ("${IMAGE}", None),
    ("{{ .Values.image }}", None),
    ("redis:", None),
    ("", None),
]

COMMANDS = [
    ("/usr/sbin/sshd -D $SSHD_OPTS", "sshd"),
    ("-/usr/sbin/sshd -D", "sshd"),
    ("@/usr/bin/redis-server redis --port 0", "Redis"),
    ('"/usr/bin/redis-server" /etc/redis.conf', "Redis"),
    ("redis-server", "Redis"),
    ("java -jar app.jar", "Java"),
    ("/usr/lib/postgresql/15/bin/postgres -D /var/lib/data", "PostgreSQL"),
    ("/home/runner/bin/Runner.Listener run", "GitHub Actions runner"),
    ("/usr/bin/docker run redis", None),
    ("/usr/bin/podman run redis", None),
    ("/bin/sh -c 'exec redis-server'", None),
    ("redis-cli", None),
    ("$REDIS/redis-server", None),
    ("/opt/my app/redis-server", None),
    ("redis-server-old", None),
    ("", None),
    ("   ", None),
]


def named(program: Program | None) -> str | None:
    return None if program is None else program.name


@pytest.mark.parametrize(("unit", "name"), UNITS)
def test_a_unit_is_known_by_its_name_with_any_instance(unit: str, name: str) -> None:
    assert named(find(unit=unit)) == name


@pytest.mark.parametrize("unit", STRANGERS)
def test_a_unit_of_a_similar_name_is_a_stranger(unit: str) -> None:
    assert find(unit=unit) is None


@pytest.mark.parametrize(("image", "name"), IMAGES)
def test_an_image_is_known_by_the_last_part_of_its_name(image: str, name: str | None) -> None:
    assert named(find(image=image)) == name


@pytest.mark.parametrize(("command", "name"), COMMANDS)
def test_a_command_is_known_by_its_first_word(command: str, name: str | None) -> None:
    assert named(find(command=command)) == name


def test_the_unit_speaks_before_the_image_and_the_image_before_the_command() -> None:
    assert named(find(unit="redis.service", image="postgres", command="java")) == "Redis"
    assert named(find(unit="web.service", image="postgres", command="java")) == "PostgreSQL"
    assert named(find(unit="web.service", image="alpine", command="java")) == "Java"
    assert find(unit="web.service", image="alpine", command="sh") is None
    assert find() is None


@given(st.text(max_size=60))
def test_any_text_ends_in_an_answer(text: str) -> None:
    for program in (find(unit=text), find(image=text), find(command=text)):
        assert program is None or program in PROGRAMS


@pytest.mark.parametrize("field", ["name", "units", "unit_prefixes", "images", "executables"])
def test_no_name_stands_for_two_programs(field: str) -> None:
    values = [getattr(program, field) for program in PROGRAMS]
    names = values if field == "name" else [name for value in values for name in value]
    assert sorted(set(names)) == sorted(names)


def test_every_row_is_whole() -> None:
    for program in PROGRAMS:
        assert program.units or program.unit_prefixes or program.images or program.executables, program.name
        assert all(re.fullmatch(r"[a-z0-9.-]+@?", unit) and not unit.endswith(".service") for unit in program.units)
        assert (program.wants_overcommit is None) == (program.overcommit_why == "")
        assert program.self_protects is None or -1000 <= program.self_protects < 0
        assert program.vendor_oom_score_adj is None or -1000 <= program.vendor_oom_score_adj <= 1000
        assert not program.note.endswith(".")


LEAKS = [
    ("ssh.service", True),
    ("cron.service", True),
    ("atd.service", True),
    ("supervisor.service", True),
    ("gitlab-runner.service", True),
    ("user@.service", True),
    ("nomad.service", True),
    ("lightdm.service", True),
    ("docker.service", False),
    ("containerd.service", False),
    ("kubelet.service", False),
    ("systemd-logind.service", False),
    ("systemd-udevd.service", False),
    ("actions.runner.acme-web.build1.service", False),
    ("slurmd.service", False),
    ("postgresql@15-main.service", False),
    ("redis.service", False),
]


@pytest.mark.parametrize(("unit", "leaks"), LEAKS)
def test_a_score_leaks_where_other_peoples_programs_inherit_it(unit: str, leaks: bool) -> None:
    program = find(unit=unit)
    assert program is not None
    assert program.leaks is leaks


SCORES = [
    ("systemd-udevd.service", -1000),
    ("systemd-coredumpd.service", -1000),
    ("containerd.service", -999),
    ("crio.service", -999),
    ("systemd-oomd.service", -900),
    ("dbus.service", -900),
    ("dbus-broker.service", -900),
    ("postgresql@15-main.service", -900),
    ("virtlogd.service", -900),
    ("virtlockd.service", -900),
    ("netdata.service", -900),
    ("docker.service", -500),
    ("rabbitmq-server.service", -500),
    ("systemd-journald.service", -250),
    ("user@1000.service", 100),
    ("systemd-coredump@3.service", 500),
    ("postgresql.service", None),
    ("kubelet.service", None),
    ("ssh.service", None),
    ("cron.service", None),
]


@pytest.mark.parametrize(("unit", "adj"), SCORES)
def test_a_vendors_unit_ships_a_score(unit: str, adj: int | None) -> None:
    program = find(unit=unit)
    assert program is not None
    assert program.vendor_oom_score_adj == adj


def test_what_the_rules_ask_for() -> None:
    wanted = {name: find(unit=f"{name}.service") for name in ("redis", "valkey", "postgresql", "kubelet", "ssh")}
    assert {name: program and program.wants_overcommit for name, program in wanted.items()} == {
        "redis": 1,
        "valkey": 1,
        "postgresql": 2,
        "kubelet": 1,
        "ssh": None,
    }
    sshd, postgresql, kubelet = wanted["ssh"], wanted["postgresql"], wanted["kubelet"]
    assert sshd is not None
    assert (sshd.self_protects, sshd.children) == (-1000, "restore")
    assert postgresql is not None
    assert (postgresql.expects_oom_policy, postgresql.children) == ("continue", "reset")
    assert kubelet is not None
    assert kubelet.self_protects == -999
