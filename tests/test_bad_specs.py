"""Malformed specs: each with the place, the message and the hint that a user gets."""

from __future__ import annotations

import textwrap

import pytest

from oomconf.dialect import Mapped
from oomconf.finding import Finding
from oomconf.loader import invalid, load_spec
from oomconf.resolver import impossible, resolve
from oomconf.rules import names

HOST = "hosts: {web: {ram: 16G, systemd: 252, swap: 4G}}\n"


def findings(text: str, more: dict[str, str] | None = None) -> list[Finding]:
    """All that `oomconf check` would say, in order of place."""
    files = {"oomconf.yaml": text, **(more or {})}
    loaded = load_spec(("oomconf.yaml",), Mapped(files), names())
    found = list(loaded.findings)
    if loaded.spec is not None and loaded.tree is not None:
        from oomconf.spec.policies import policies

        for policy in policies(loaded.spec, loaded.tree, "oomconf.yaml").policies:
            found += [invalid(problem) for problem in impossible(resolve(policy))]
    return found


def service(body: str) -> str:
    return f"version: 1\n{HOST}services:\n  a:\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"


def host(body: str) -> str:
    return "version: 1\nhosts:\n  web:\n    ram: 16G\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"


# name, spec, line, column, part of the message, part of the hint
ROWS: list[tuple[str, str, int, int, str, str]] = [
    ("empty", "", 0, 0, "says nothing", "version: 1"),
    ("only-comments", "# nothing\n", 0, 0, "says nothing", "version: 1"),
    ("a-list", "- a\n", 0, 0, "a spec is a mapping", "version: 1"),
    ("a-word", "hello\n", 0, 0, "a spec is a mapping", "version: 1"),
    ("no-version", "hosts: {}\n", 1, 1, "lacks 'version'", "version: 1"),
    ("version-2", "version: 2\n", 1, 1, "version '2' is not known", "version: 1"),
    ("version-list", "version: [1]\n", 1, 1, "is not known", "version: 1"),
    ("two-documents", "version: 1\n---\nversion: 1\n", 2, 1, "a spec is one document", "include"),
    ("tab", "version: 1\nhosts:\n\tweb: {}\n", 3, 1, "tab", "blanks"),
    ("unclosed-quote", 'version: 1\nhosts: {web: {ram: "16G}}\n', 2, 20, "", ""),
    ("unclosed-brace", "version: 1\nhosts: {web: {ram: 16G}\n", 3, 1, "", ""),
    ("bad-indent", "version: 1\nhosts:\n  web:\n    ram: 16G\n   swap: 0\n", 5, 4, "", ""),
    ("undefined-alias", "version: 1\nhosts: *h\n", 2, 8, "h", ""),
    ("duplicate-top", "version: 1\nhosts: {}\nhosts: {}\n", 3, 1, "'hosts' stands twice", "keep one"),
    ("duplicate-deep", service("systemd: {unit: a.service}\nmemory: {max: 1G, swap_max: 0, max: 2G}"), 6, 36, "'max' stands twice", "keep one"),
    ("unknown-top", "version: 1\nservice: {}\n", 2, 1, "unknown key 'service' in the spec", "did you mean 'services'"),
    ("unknown-in-service", service("systemd: {unit: a.service}\nmemroy: {max: 1G}"), 6, 5, "unknown key 'memroy' in services.a", "did you mean 'memory'"),
    ("unknown-in-memory", service("systemd: {unit: a.service}\nmemory: {maximum: 1G}"), 6, 14, "unknown key 'maximum'", "max"),
    ("upper-case-key", service("systemd: {unit: a.service}\nmemory: {Max: 1G}"), 6, 14, "unknown key 'Max'", "did you mean 'max'"),
    ("systemd-word", service("systemd: {unit: a.service}\nmemory: {MemoryMax: 1G}"), 6, 14, "unknown key 'MemoryMax'", ""),
    ("unknown-in-host", host("memory: 16G"), 5, 5, "unknown key 'memory' in hosts.web", ""),
    ("unknown-kubelet", host("kubelet: {system_reserved: 1Gi}"), 5, 15, "unknown key 'system_reserved'", "systemReserved"),
    ("size-mb", service("systemd: {unit: a.service}\nmemory: {max: 512MB, swap_max: 0}"), 6, 19, "'512MB'", "512M"),
    ("size-lower", service("systemd: {unit: a.service}\nmemory: {max: 512m, swap_max: 0}"), 6, 19, "'512m'", "512M"),
    ("size-blank", service("systemd: {unit: a.service}\nmemory: {max: 512 M, swap_max: 0}"), 6, 19, "'512 M'", "512M"),
    ("size-word", service("systemd: {unit: a.service}\nmemory: {max: lots, swap_max: 0}"), 6, 19, "'lots'", ""),
    ("size-negative", service("systemd: {unit: a.service}\nmemory: {max: -1, swap_max: 0}"), 6, 19, "'-1'", ""),
    ("size-unlimited", service("systemd: {unit: a.service}\nmemory: {max: unlimited, swap_max: 0}"), 6, 19, "'unlimited'", "infinity"),
    ("size-octal", service("systemd: {unit: a.service}\nmemory: {max: 010M, swap_max: 0}"), 6, 19, "'010M'", ""),
    ("size-tiny", service("systemd: {unit: a.service}\nmemory: {max: 512, swap_max: 0}"), 6, 19, "less than one page", "64M"),
    ("size-zero", service("systemd: {unit: a.service}\nmemory: {max: 0, swap_max: 0}"), 6, 19, "less than one page", "infinity"),
    ("size-mapping", service("systemd: {unit: a.service}\nmemory: {max: {a: 1}, swap_max: 0}"), 6, 14, "expected a size, found a mapping", ""),
    ("size-list", service("systemd: {unit: a.service}\nmemory: {max: [1G], swap_max: 0}"), 6, 14, "expected a size, found a list", ""),
    ("size-huge", service("systemd: {unit: a.service}\nmemory: {max: 99999999999999999999, swap_max: 0}"), 6, 19, "99999999999999999999", ""),
    ("percent-over", service("systemd: {unit: a.service}\nmemory: {max: 150%, swap_max: 0}"), 6, 19, "150%", ""),
    ("swap-percent", service("systemd: {unit: a.service}\nmemory: {max: 1G, swap_max: 50%}"), 6, 33, "50%", ""),
    ("promise-infinity", service("systemd: {unit: a.service}\nmemory: {min: infinity}"), 6, 19, "infinity", "2G"),
    ("memory-scalar", service("systemd: {unit: a.service}\nmemory: 1G"), 6, 13, "expected a mapping, found '1G'", "max"),
    ("no-placement", service("memory: {max: 1G, swap_max: 0}"), 4, 3, "has no placement", "systemd"),
    ("two-placements", service("systemd: {unit: a.service}\ndocker: {name: abc}"), 6, 5, "second placement 'docker'", "two services"),
    ("no-unit", service("systemd: {}"), 5, 5, "lacks 'unit'", "unit"),
    ("unit-suffix", service("systemd: {unit: nginx}"), 5, 21, "'nginx' is not a service unit's name", "nginx.service"),
    ("unit-path", service("systemd: {unit: ../../etc/x.service}"), 5, 21, "is not a service unit's name", ""),
    ("unit-newline", service('systemd: {unit: "a\\nb.service"}'), 5, 21, "characters", ""),
    ("unit-shell", service("systemd: {unit: $(reboot).service}"), 5, 21, "is not a service unit's name", ""),
    ("unit-dash", service("systemd: {unit: -a.service}"), 5, 21, "is not a service unit's name", ""),
    ("service-name", f"version: 1\n{HOST}services:\n  ../a: {{systemd: {{unit: a.service}}}}\n", 4, 3, "cannot be a name in services", "letters"),
    ("service-name-shell", f"version: 1\n{HOST}services:\n  $(x): {{systemd: {{unit: a.service}}}}\n", 4, 3, "cannot be a name", "letters"),
    ("service-name-dash", f'version: 1\n{HOST}services:\n  "-rf": {{systemd: {{unit: a.service}}}}\n', 4, 3, "cannot be a name", "letters"),
    ("service-name-unicode", f"version: 1\n{HOST}services:\n  café: {{systemd: {{unit: a.service}}}}\n", 4, 3, "cannot be a name", "letters"),
    ("service-null", f"version: 1\n{HOST}services:\n  a:\n", 4, 3, "has no placement", "systemd"),
    ("services-list", f"version: 1\n{HOST}services: [a]\n", 3, 1, "expected a mapping, found a list", ""),
    ("host-unknown", service("host: wbe\nsystemd: {unit: a.service}"), 5, 11, "no host 'wbe'", "did you mean 'web'"),
    ("host-needed", "version: 1\nhosts: {a: {}, b: {}}\nservices:\n  x: {systemd: {unit: a.service}}\n", 4, 3, "does not say which host", "a, b"),
    ("no-hosts", "version: 1\nservices:\n  x: {systemd: {unit: a.service}}\n", 3, 3, "does not say which host", "hosts:"),
    ("override-elsewhere", service("systemd: {unit: a.service}\noverrides: {db: {protect: low}}"), 6, 17, "does not run on 'db'", "web"),
    ("slice-unknown", service("slice: data.slice\nsystemd: {unit: a.service}"), 5, 12, "no slice 'data.slice'", ""),
    ("slice-name", f"version: 1\n{HOST}slices: {{database: {{}}}}\n", 3, 10, "cannot be a name in slices", "database.slice"),
    ("slice-system", f"version: 1\n{HOST}slices: {{system.slice: {{memory: {{max: 1G}}}}}}\n", 3, 10, "belongs to systemd", "of your own"),
    ("promise-no-slice", service("systemd: {unit: a.service}\nmemory: {low: 1G}"), 6, 19, "names no slice", "slice"),
    ("both-scores", service("protect: high\noom_score_adj: -1\nsystemd: {unit: a.service}"), 6, 20, "both protect and oom_score_adj", "keep one"),
    ("level-unknown", service("protect: hihg\nsystemd: {unit: a.service}"), 5, 14, "'hihg' is none of", "did you mean 'high'"),
    ("score-range", service("oom_score_adj: -1001\nsystemd: {unit: a.service}"), 5, 20, "-1001 is not between -1000 and 1000", ""),
    ("score-word", service("oom_score_adj: low\nsystemd: {unit: a.service}"), 5, 20, "'low' is not a whole number", ""),
    ("score-no-reason", service("oom_score_adj: -1000\nsystemd: {unit: a.service}"), 5, 20, "needs a reason", "reason"),
    ("oom-policy", service("oom_policy: Kill\nsystemd: {unit: a.service}"), 5, 17, "'Kill' is none of", "did you mean 'kill'"),
    ("restart", service("restart: on-abort\nsystemd: {unit: a.service}"), 5, 14, "'on-abort' is none of", "on-"),
    ("no-swap-max", service("systemd: {unit: a.service}\nmemory: {max: 1G}"), 6, 19, "has max but no swap_max", "infinity"),
    ("percent-no-ram", "version: 1\nhosts: {w: {swap: 0}}\nservices:\n  a: {systemd: {unit: a.service}, memory: {max: 50%}}\n", 4, 49, "50% of what", "ram"),
    ("slice-too-small", f"version: 1\n{HOST}slices: {{d.slice: {{memory: {{low: 1G}}}}}}\nservices:\n  a: {{slice: d.slice, systemd: {{unit: a.service}}, memory: {{low: 2G}}}}\n", 3, 34, "carries low 1G", "2G"),
    ("reserved", host("reserved: 16G"), 5, 15, "leaves nothing", "768M"),
    ("page-size", host("page_size: 5000"), 5, 16, "not a page size", "4096"),
    ("swap-mapping", host("swap: {file: /s}"), 5, 5, "found a mapping", "swap: 4G"),
    ("swap-no-size", host("swap: [{file: /swapfile}]"), 5, 19, "has no size", "size: 4G"),
    ("swap-both", host("swap: [{file: /s, device: /dev/vdb, size: 1G}]"), 5, 19, "either a file or a device", ""),
    ("swap-relative", host("swap: [{file: swapfile, size: 1G}]"), 5, 19, "not an absolute path", "/swapfile"),
    ("swap-dots", host("swap: [{file: /var/../etc/passwd, size: 1G}]"), 5, 19, "not an absolute path", "/swapfile"),
    ("swap-tiny", host("swap: [{file: /swapfile, size: 8K}]"), 5, 36, "10 pages", "64M"),
    ("swap-twice", host("swap: [{file: /s1, size: 1G}, {file: /s1, size: 1G}]"), 5, 42, "twice", "keep one"),
    ("profile", host("sysctl: {profile: kubernets-node}"), 5, 23, "no sysctl profile", "did you mean 'kubernetes-node'"),
    ("sysctl-name", host('sysctl: {set: {"vm.x;reboot": 1}}'), 5, 20, "cannot be a sysctl's name", "vm.swappiness"),
    ("sysctl-newline", host('sysctl: {set: {vm.swappiness: "1\\nx=2"}}'), 5, 35, "characters", ""),
    ("host-name", "version: 1\nhosts: {../x: {}}\n", 2, 9, "cannot be a name in hosts", "letters"),
    ("count-zero", host("count: 0"), 5, 12, "0 is not between 1", ""),
    ("bool-yes", host("debug: yes"), 5, 12, "'yes' is neither true nor false", "true or false"),
    ("kubernetes-512M", host("kubelet: {systemReserved: 512M}"), 5, 31, "512M", "512Mi"),
    ("namespace-500m", f"version: 1\n{HOST}namespaces: {{p: {{limitRange: {{default: 500m}}}}}}\n", 3, 40, "500m", "Mi"),
    ("pod-swap", service("kubernetes: {workload: Deployment/a, container: a}\nmemory: {max: 1Gi, swap_max: 0}"), 6, 34, "a pod cannot say swap_max", "kubelet"),
    ("pod-low", service("kubernetes: {workload: Deployment/a, container: a}\nmemory: {low: 1Gi}"), 6, 19, "a pod cannot say memory.low", "requests"),
    ("pod-kind", service("kubernetes: {workload: deployment/a, container: a}"), 5, 28, "is not Kind/name", "Deployment/api"),
    ("compose-outside", service("compose: {file: ../compose.yaml, service: a}"), 5, 21, "is not a path below", "compose.yaml"),
    ("docker-name", service("docker: {name: -rf}"), 5, 20, "is not a container's name", "api"),
    ("docker-image", service("docker: {name: api, image: $(x)}"), 5, 32, "is not an image", ""),
    ("cgroup-on-systemd", service("cgroup: {path: a}"), 5, 5, "the cgroup tree is systemd's", "delegated_by"),
    ("cgroup-dots", service("cgroup: {path: a/../b, delegated_by: x.service}"), 5, 20, "is not a cgroup's path", ""),
    ("instances-no-template", service("systemd: {unit: a.service, instances: [b]}"), 5, 21, "is no template", "@.service"),
    ("replicas", service("replicas: 2\nsystemd: {unit: a.service}"), 5, 15, "only kubernetes and compose have replicas", "instances"),
    ("expect", f"version: 1\n{HOST}expect: {{first: [x]}}\n", 3, 18, "no service 'x'", ""),
    ("monitoring", f"version: 1\n{HOST}monitoring: {{targets: [nagios]}}\n", 3, 24, "'nagios' is none of", "prometheus"),
    ("monitoring-always", f"version: 1\n{HOST}monitoring: {{ram_used: 0%}}\n", 3, 24, "always or never above 0%", "80%"),
    ("monitoring-size", f"version: 1\n{HOST}monitoring: {{ram_used: 2G}}\n", 3, 24, "not a percentage", "80%"),
    ("ignore-no-reason", f"version: 1\n{HOST}lint: {{ignore: [{{rule: no-swap}}]}}\n", 3, 17, "lacks 'reason'", "reason"),
    ("ignore-unknown", f"version: 1\n{HOST}lint: {{ignore: [{{rule: no-sawp, reason: x}}]}}\n", 3, 24, "no rule 'no-sawp'", "did you mean 'no-swap'"),
    ("include-missing", "version: 1\ninclude: [base.yaml]\n", 2, 11, "cannot be read", "below"),
    ("include-outside", "version: 1\ninclude: [../base.yaml]\n", 2, 11, "leaves the spec's own folder", ""),
    ("include-absolute", "version: 1\ninclude: [/etc/passwd]\n", 2, 11, "leaves the spec's own folder", ""),
    ("include-itself", "version: 1\ninclude: [oomconf.yaml]\n", 2, 11, "includes itself", "remove"),
    ("tagged", service("systemd: {unit: a.service}\nmemory: {max: !x 1G, swap_max: 0}"), 6, 22, "tag", "remove"),
    ("runtime-heap", service("systemd: {unit: a.service}\nruntime: {jvm: {heap: 0}}"), 6, 27, "no size for a heap", "70%"),
    ("runtime-unknown", service("systemd: {unit: a.service}\nruntime: {java: {heap: 70%}}"), 6, 15, "unknown key 'java'", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "message", "hint"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_malformed_spec_is_refused_at_its_place(text: str, line: int, column: int, message: str, hint: str) -> None:
    found = findings(text)
    assert found
    first = found[0]
    assert (first.at.path, first.at.line, first.at.column) == ("oomconf.yaml", line, column), first
    assert message in first.message, first
    assert hint in first.help, first
    assert first.rule in ("invalid-spec", "not-yaml")


def test_there_are_enough_of_them() -> None:
    assert len(ROWS) >= 60
    assert len({row[0] for row in ROWS}) == len(ROWS)


def test_all_problems_are_told_in_one_run() -> None:
    text = service("systemd: {unit: nginx}\nprotect: hihg\nmemory: {max: 1GB, low: x}\nfoo: 1")
    assert [(finding.at.line, finding.at.column) for finding in findings(text)] == [(5, 21), (6, 14), (7, 19), (7, 29), (8, 5)]


def test_problems_of_references_are_told_together() -> None:
    text = service("host: nowhere\nslice: none.slice\nprotect: high\noom_score_adj: 5\nsystemd: {unit: a.service}\ndocker: {name: abc}")
    assert len(findings(text)) == 4


MANY = """\
version: 1
hosts:
  vm: {ram: 4GB, swap: 2G, sysctl: {profile: strickt}}
slices:
  web: {memory: {max: 2G}}
services:
  nginx:
    slice: web.slice
    protct: critical
    memory: {low: 512m}
    systemd: {unit: nginx.service}
  db:
    host: vn
    docker: {name: db}
    systemd: {unit: mariadb.service}
  api: {memory: {max: 1G}}
lint: {ignore: [{rule: no-swp, reason: x}]}
"""


def test_what_stands_beside_a_refused_value_is_judged_in_the_same_run() -> None:
    loaded = load_spec(("oomconf.yaml",), Mapped({"oomconf.yaml": MANY}), names())
    told = [(finding.at.line, finding.message.partition(":")[0]) for finding in loaded.findings]
    assert told == [
        (3, "hosts.vm.ram"),
        (3, "there is no sysctl profile 'strickt'"),
        (5, "'web' cannot be a name in slices"),
        (8, "there is no slice 'web.slice'"),
        (9, "unknown key 'protct' in services.nginx"),
        (10, "services.nginx.memory.low"),
        (13, "there is no host 'vn'"),
        (14, "services.db has a second placement 'docker'"),
        (16, "services.api has no placement"),
        (17, "there is no rule 'no-swp'"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "{systemd: {unit: a}}",  # no 'has no placement'
        "{slice: [], memory: {low: 1G}, systemd: {unit: a.service}}",  # no 'names no slice'
        "{oom_score_adj: {value: -1000, reason: []}, systemd: {unit: a.service}}",  # no 'needs a reason'
        "{host: {}, systemd: {unit: a.service}}",  # no 'does not say which host'
        "3",
    ],
)
def test_nothing_is_said_to_lack_what_was_only_refused(body: str) -> None:
    text = f"version: 1\nhosts: {{a: {{ram: 8G, swap: 0}}, b: {{ram: 8G, swap: 0}}}}\nservices:\n  web: {body}\n"
    text = text if "host" in body else text.replace(", b: {ram: 8G, swap: 0}", "")
    assert len(findings(text)) == 1


def test_two_services_that_write_the_same_file_are_refused() -> None:
    text = f"version: 1\n{HOST}services:\n  a: {{systemd: {{unit: x.service}}}}\n  b: {{systemd: {{unit: x.service}}}}\n"
    (only,) = findings(text)
    assert "services.b and services.a would write the same file" in only.message
    assert (only.at.line, only.related[0].at.line) == (5, 4)


def test_the_cycle_of_includes_is_shown_whole() -> None:
    files = {"b.yaml": "include: [c.yaml]\n", "c.yaml": "include: [oomconf.yaml]\n"}
    (only,) = findings("version: 1\ninclude: [b.yaml]\n", files)
    assert "oomconf.yaml → b.yaml → c.yaml → oomconf.yaml" in only.message
    assert only.at.path == "c.yaml"


def test_a_problem_in_an_included_file_names_that_file() -> None:
    (only,) = findings("version: 1\ninclude: [b.yaml]\n", {"b.yaml": "hosts:\n  web: {ram: 1GB}\n"})
    assert (only.at.path, only.at.line, only.at.column) == ("b.yaml", 2, 14)


def test_an_alias_bomb_is_refused_at_once() -> None:
    levels = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 12))
    found = findings("version: 1\nx0: &x0 [a]\n" + levels)
    assert "aliases" in found[0].message


def test_deep_nesting_is_refused_at_once() -> None:
    found = findings("version: 1\nhosts: " + "[" * 100_000)
    assert "deep" in found[0].message


def test_a_later_file_wins_and_null_removes() -> None:
    files = {
        "oomconf.yaml": "version: 1\nhosts: {w: {ram: 8G, swap: 0}}\nservices:\n  a: {systemd: {unit: a.service}, memory: {max: 1G, high: 512M}}\n",
        "more.yaml": "services:\n  a: {memory: {max: 2G, high: null}}\n",
    }
    loaded = load_spec(("oomconf.yaml", "more.yaml"), Mapped(files))
    assert loaded.spec is not None
    memory = loaded.spec.services["a"].memory
    assert memory.high is None
    assert memory.max is not None
    assert memory.max.value == 2 << 30
    assert memory.max.at.path == "more.yaml"
    assert [(beat.at.path, beat.text) for beat in memory.max.beat] == [("oomconf.yaml", "1G")]


def test_anchors_and_merge_keys_work() -> None:
    text = "version: 1\nhosts:\n  a: &like {ram: 8G, swap: 0}\n  b: {<<: *like, ram: 16G}\n"
    loaded = load_spec(("oomconf.yaml",), Mapped({"oomconf.yaml": text}))
    assert loaded.spec is not None
    assert loaded.spec.hosts["b"].ram is not None
    assert loaded.spec.hosts["b"].ram.value == 16 << 30
    assert loaded.spec.hosts["b"].swap is not None
