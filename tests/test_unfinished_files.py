"""Files that others finish: Jinja templates, modules of Ansible, Helm's templates, and the commands of Makefiles and of CI."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.api import lint_raw
from oomconf.dialect import Document, Mapped
from oomconf.dialects._jinja import part
from oomconf.repository import dialect_of, read

TASK = "roles/a/tasks/main.yml"
PLACED = "- ansible.builtin.template: {{src: {}, dest: {}}}\n"
MODULE = "- name: x\n  {}:\n    {}\n"
HELM = "kind: Pod\napiVersion: v1\nmetadata:\n  name: {{{{ .Release.Name }}}}\nspec:\n  containers:\n  - name: a\n    {}\n"
KUBELET = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nevictionSoft: {memory.available: 1Gi}\n"
CI = "jobs:\n  a:\n    steps:\n    - run: {}\n"


def found(files: dict[str, str]) -> list[str]:
    """Say what is found as PATH:LINE:COLUMN RULE."""
    known = [one for path, text in files.items() if dialect_of(one := Document(path, text)) is not None]
    report = lint_raw(known, Mapped(files))
    assert not report.crashed
    return [f"{one.at.path}:{one.at.line}:{one.at.column} {one.rule}" for one in report.findings if one.severity.name != "NOTE"]


def module(name: str, *lines: str) -> dict[str, str]:
    return {TASK: MODULE.format(name, "\n    ".join(lines))}


WRONG: list[tuple[dict[str, str], list[str]]] = [
    # by the name alone
    ({"t/app.service.j2": "[Service]\nExecStart=/a {{ b }}\nMemoryMax=2GB\n"}, ["t/app.service.j2:3:11 ignored-value"]),
    ({"t/app.service.j2": "[Service]\nMemoyMax=2G\n{% if x %}\nMemoryHigh=lots\n{% endif %}\n"}, ["2:1 unknown-key", "4:12 ignored-value"]),
    ({"t/app.service.j2": "[Unit]\nMemoryMax={{ x }}\nMemoryHigh=1G\n[Service]\nExecStart=/a\n"}, ["t/app.service.j2:3:1 misplaced-key"]),
    ({"t/a.service.d/m.conf.j2": "[Service]\nMemoryMax=1G # most\n"}, ["2:11 comment-is-value"]),
    ({"t/a.slice.j2": "[Slice]\nMemoryLimit=1G\n"}, ["2:13 deprecated-key"]),
    ({"t/a.container.j2": "[Container]\nImage={{ i }}\nMemory=1GiB x\n"}, ["3:8 ignored-value"]),
    ({"t/sysctl.d/9.conf.j2": "vm.swapiness=10\nvm.swappiness=500\nvm.overcommit_memory={{ o }}\n"}, ["1:1 unknown-sysctl", "2:15 sysctl-out-of-range"]),
    ({"t/docker-compose.yml.j2": "services:\n  a:\n    image: {{ i }}:{{ v }}\n    mem_limit: 512Mi\n"}, ["4:16 ignored-value"]),
    ({"t/daemon.json.j2": '{"debug": {{ d }}, "default-shm-size": "64MX"}'}, ["1:40 ignored-value"]),
    # by the dest that a task tells
    ({TASK: PLACED.format("vm.conf.j2", "/etc/sysctl.d/9.conf"), "roles/a/templates/vm.conf.j2": "# {{ m }}\nvm.swapiness=1\n"}, ["roles/a/templates/vm.conf.j2:2:1 unknown-sysctl"]),
    ({TASK: PLACED.format("u.j2", '"/etc/systemd/system/{{ n }}.service"'), "roles/a/templates/u.j2": "[Service]\nMemoryMax=2GB\n"}, ["2:11 ignored-value"]),
    ({TASK: "- copy: {src: vm.conf, dest: /etc/sysctl.d/9.conf}\n", "roles/a/files/vm.conf": "vm.swapiness=10\n"}, ["roles/a/files/vm.conf:1:1 unknown-sysctl"]),
    ({"site.yml": "- hosts: all\n  tasks:\n  - copy: {src: app, dest: /etc/sysctl.d/}\n", "files/app": ""}, []),
    ({"site.yml": "- hosts: all\n  tasks:\n  - copy: {src: a.conf, dest: /etc/sysctl.d/}\n", "files/a.conf": "vm.swapiness=1"}, ["files/a.conf:1:1 unknown-sysctl"]),
    # modules
    (module("community.general.ini_file", "path: /etc/systemd/system/a.service.d/o.conf", "section: Service", "option: MemoryMax", "value: 2GB"), ["6:12 ignored-value"]),
    (module("kubernetes.core.k8s", "definition:", "  apiVersion: v1", "  kind: Pod", "  spec:", "    containers: [{name: a, image: x, resources: {limits: {memory: 512m}}}]"), ["7:71 ignored-value"]),
    (module("k8s", "definition: |", "  apiVersion: v1", "  kind: Pod", "  spec: {containers: [{name: a, resources: {limits: {memory: 512m}}}]}"), ["6:66 ignored-value"]),
    (module("community.docker.docker_container", "name: a", "memory: 1g", "memory_swap: 1g", "oom_killer: true"), ["6:17 deprecated-key"]),
    ({TASK: '- sysctl: {name: "{{ item.n }}", value: "{{ item.v }}"}\n  loop:\n  - {n: vm.swappiness, v: 500}\n'}, ["3:27 sysctl-out-of-range"]),
    ({TASK: '- sysctl: {name: "{{ item.key }}", value: "{{ item.value }}"}\n  with_dict: {vm.swappiness: 500}\n'}, ["2:30 sysctl-out-of-range"]),
    # make and CI
    ({"Makefile": "run: # docker run -m 1Mi x\n\t@docker run \\\n\t  -m 512Mi $(OPTS) nginx\n"}, ["Makefile:3:7 ignored-value"]),
    ({"Makefile": "x = it's\ntune:\n\t-sysctl -w vm.swapiness=10 vm.panic_on_oom=1\n"}, ["3:13 unknown-sysctl"]),
    ({".github/workflows/a.yml": CI.format("docker run -m 512Mi nginx")}, ["4:26 ignored-value"]),
    ({".github/workflows/a.yml": "jobs:\n  a:\n    services:\n      b: {image: b, options: --memory 512Mi}\n"}, ["4:30 ignored-value"]),
    ({"action.yml": "runs:\n  steps:\n  - run: |\n      sysctl -w vm.swapiness=1\n"}, ["4:17 unknown-sysctl"]),
    ({".gitlab-ci.yml": "a:\n  script:\n  - - docker run -m 512Mi nginx\n"}, ["3:21 ignored-value"]),
    # commands
    ({"a.sh": "docker service update --limit-memory=512Mi web\n"}, ["1:23 ignored-value"]),
    ({"a.sh": """kubectl patch deploy a -p '{"spec": {"containers": [{"resources": {"limits": {"memory": "512m"}}}]}}'\n"""}, ["1:27 ignored-value"]),
    ({"a.sh": """kubectl patch deploy a --type json -p='[{"op": "add", "path": "/spec/resources/limits/memory", "value": "512m"}]'\n"""}, ["1:36 ignored-value"]),
    ({"a.sh": "helm upgrade a ./c --set a=b,web.resources.limits.memory=512m\n"}, ["1:26 ignored-value"]),
    # what Helm fills in
    ({"c/templates/d.yaml": HELM.format("resources:\n      limits: {memory: 512m}")}, ["9:24 ignored-value"]),
    ({"c/templates/d.yaml": HELM.format("resources: {limits: {memory: 512m}}")}, ["8:34 ignored-value"]),
    ({"deploy/values/prod.yaml": "resources:\n  requests: {memory: 512m}\n  limits: {memory: 1Gi}\n"}, ["2:22 ignored-value"]),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), WRONG)
def test_a_line_that_is_wrong_by_itself_is_found_where_it_stands(files: dict[str, str], expected: list[str]) -> None:
    lines = found(files)
    assert len(lines) == len(expected), lines
    assert [want for line, want in zip(lines, expected, strict=True) if not line.endswith(want)] == [], lines


def test_a_misspelt_option_is_mended_where_it_stands() -> None:
    path = "/etc/systemd/system/a.service.d/o.conf"
    for option, value in (("MemoyMax", "2G"), ('"MemoyMax"', '"2G"')):
        files = module("ini_file", f"path: {path}", "section: Service", f"option: {option}", f"value: {value}")
        report = lint_raw([Document(*one) for one in files.items()], Mapped(files))
        places = [(edit.at.line, edit.at.column, edit.text) for one in report.findings for edit in one.fix]
        assert places == [(5, 13, "MemoryMax")]


RIGHT: list[dict[str, str]] = [
    # what is filled in, and what depends on it
    {"t/app.service.j2": "[Service]\nMemoryMax={{ m }}B\nMemory{{ k }}=2GB\nMemoryHigh={% if x %}1G{% else %}2G{% endif %}\n"},
    {"t/app.service.j2": "{% include 'head.j2' %}\nMemoryMax=1G\n"},
    {"t/app.service.j2": "[{{ s }}]\nMemoryMax=1G\n"},
    {"t/app.service.j2": "{% if x %}\n[Unit]\n{% else %}\n[Service]\n{% endif %}\nMemoryMax=1G\n"},
    {"t/app.service.j2": "[Unit]\n{{ more }}\nMemoryMax=1G\n"},
    {"t/app.service.j2": "[Service]\nExecStart=/a \\\n{% if x %}\n  -b \\\n{% endif %}\n  {{ c }} \\\n  -d\nMemoryMax=1G\n"},
    {"t/app.service.j2": "{# MemoryMax=2GB\nMemoryMax=3GB #}\n[Service]\nMemoryMax=1G {# most #}\n"},
    {"t/app.service.j2": "[Service]\n{% if x %}\nMemoryMax=1G\n{% else %}\nMemoryMax=1G\n{% endif %}\nOOMScoreAdjust=-1000\n"},
    {"t/sysctl.d/9.conf.j2": "{% for k, v in s.items() %}\n{{ k }}={{ v }}\n{% endfor %}\nvm.overcommit_memory=2\nvm.panic_on_oom=1\n"},
    {"t/docker-compose.yml.j2": "services:\n{% if x %}\n  a:\n    image: i\n    mem_limit: 1g\n{% endif %}\n    {{ more }}\n"},
    {"t/compose.yml.j2": "services:\n  a:\n    image: i\n    mem_limit: 2g\n{% if x %}\n    mem_limit: 1g\n{% endif %}\n    memswap_limit: 1g\n"},
    {TASK: PLACED.format("s.j2", '"/etc/systemd/system/{{ n }}.swap"'), "roles/a/templates/s.j2": "[Swap]\nWhat=/swapfile\n"},
    {TASK: PLACED.format("k.j2", "/etc/kubernetes/kubelet.yaml"), "roles/a/templates/k.j2": KUBELET + "{{ more }}\n"},
    {"t/daemon.json.j2": '{\n{% if x %}\n  "debug": true,\n{% endif %}\n  "default-shm-size": "{{ s }}"\n}'},
    {"t/avahi/a.service.j2": '<?xml version="1.0"?>\n<service-group><name>MemoryMax=2GB</name></service-group>\n'},
    {TASK: PLACED.format("a.conf.j2", "/etc/app/a.conf"), "roles/a/templates/a.conf.j2": "vm.swapiness=1\n"},
    {TASK: PLACED.format("/a.j2", "/etc/sysctl.d/9.conf"), "a.j2": "vm.swapiness=1\n"},
    module("ini_file", "path: /etc/systemd/system/a.service.d/o.conf", "section: Service", "option: MemoryMax", 'value: "{{ m }}B"'),
    module("ini_file", "path: /etc/app.ini", "section: Service", "option: MemoryMax", "value: 2GB"),
    module("ini_file", "path: /etc/systemd/oomd.conf", "section: OOM", "option: SwapUsedLimit", "value: 90%"),
    module("docker_container", "name: a", "memory: 1g", "memory_swap: 1g", "oom_killer: false"),
    module("k8s", "state: absent", "definition:", "  apiVersion: v1", "  kind: Pod", "  spec: {containers: [{resources: {limits: {memory: 512m}}}]}"),
    module("k8s", "definition:", "  apiVersion: v1", "  kind: Pod", "  spec: {containers: [{name: a, image: b}]}"),
    {TASK: '- sysctl: {name: "{{ item.n }}", value: "{{ item.v }}"}\n  loop:\n  - {n: vm.swappiness, v: "{{ s }}"}\n'},
    # of a runner nothing is said but what a command refuses
    {"Makefile": "tune:\n\tsysctl -w vm.panic_on_oom=1 vm.overcommit_memory=2\n\tswapoff -a\n\tdocker run -m 1g nginx\n"},
    {"Makefile": "run:\n\tdocker run -m $(MEM)Mi nginx\n\tdocker run -m $${MEM}Mi nginx\nX = \\\n\tdocker run -m 512Mi nginx\n"},
    {".github/workflows/a.yml": CI.format("sudo swapoff -a && sudo sysctl -w vm.overcommit_memory=1 vm.drop_caches=3")},
    {".github/workflows/a.yml": CI.format("docker run -m ${{ matrix.m }}Mi nginx")},
    {".github/workflows/a.yml": CI.format("docker run -m 512Mi nginx\n      shell: python")},
    {".github/workflows/a.yml": CI.format("|\n        kubectl apply -f - <<E\n        apiVersion: v1\n        kind: Pod\n        spec: {containers: [{name: a, image: b}]}\n        E")},
    {".gitlab-ci.yml": "a:\n  script:\n  - !reference [.b, script]\n  - sysctl -w vm.overcommit_memory=1\n  variables: {script: docker run -m 1Mi x}\n"},
    {"a.sh": "docker service create --limit-memory 512m --reserve-memory $R nginx\ndocker run --limit-memory 1Mi service create\n"},
    {"a.sh": "kubectl patch pod a -p '{\"data\": {\"memory\": \"512m\"}}'\nhelm upgrade a ./c --set resources.limits.memory=512Mi,x.memory=512m\n"},
    {"a.sh": 'helm upgrade a ./c --set "resources.limits.memory=${M}m"\n'},
    {"c/templates/d.yaml": HELM.format("resources:\n      limits:\n        memory: {{ .Values.m }}\n        cpu: 1")},
    {"c/templates/d.yaml": HELM.format("resources:\n      {{- if .Values.a }}\n      limits: {memory: 512m}\n      {{- end }}")},
    {"c/templates/d.yaml": HELM.format("resources: {{ toYaml .Values.resources }}\n    memory: 512m")},
    {"deploy/values/prod.yaml": "a: {memory: 512m}\n"},
]  # fmt: skip


@pytest.mark.parametrize("files", RIGHT)
def test_what_others_finish_is_not_judged(files: dict[str, str]) -> None:
    assert found(files) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("t/docker-compose.yml.j2", "services:\n  a:\n    image: b\n   {{ c }}: d\n"),
        ("t/daemon.json.j2", '{"debug": {% if x %}true{% endif %}'),
    ],
)
def test_a_template_of_no_known_format_is_listed_as_not_checked(path: str, text: str) -> None:
    assert [one for one, _ in read([Document(path, text)], Mapped({})).passed] == [path]


def test_a_comment_in_a_file_that_a_task_names_accepts_its_finding() -> None:
    vm = "# oomconf: ignore[unknown-sysctl] a kernel of our own\nvm.swapiness=1\n"
    assert found({TASK: PLACED.format("vm.j2", "/etc/sysctl.d/9.conf"), "roles/a/templates/vm.j2": vm}) == []


pieces = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        " x ",
        "if",
        "endif",
        "\n",
        "\r\n",
        "\0",
        '"',
        "'",
        "{",
        "}",
        ":",
        "[Service]",
        "MemoryMax=1G",
        "\\",
    ]
)


@given(st.sampled_from(["a.service", "a.yml", "daemon.json", "sysctl.d/a.conf"]), st.lists(pieces, max_size=40).map("".join))
def test_a_template_keeps_its_lines(path: str, text: str) -> None:
    found = part(Document(f"{path}.j2", text), path)
    assert found is None or found.document.text.count("\n") == text.count("\n")
    read([Document(f"{path}.j2", text)], Mapped({}))
