"""Files of every dialect: each line that a spec cannot take over, marked ⟵, is listed, and no other."""

from __future__ import annotations

import pytest

from oomconf.api import import_spec
from oomconf.dialect import Document, Mapped
from oomconf.importer import Imported
from oomconf.loader import load_spec
from oomconf.policy import Setting
from oomconf.quantity import Size

_MARK = " ⟵"
POD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api, namespace: prod}\nspec:\n  template:\n    spec:\n"
# what it shows, path → text
CASES: dict[str, dict[str, str]] = {
    "podman's arguments": {
        "etc/containers/systemd/a.container": "[Container]\nImage=x\nPodmanArgs=--memory=512m --memory-swap=512m --oom-score-adj=200\nPodmanArgs=--shm-size=64m ⟵\n"
    },
    "podman's arguments alone": {"etc/containers/systemd/a.container": "[Container]\nImage=x\nPodmanArgs=-m 512m\nShmSize=1g ⟵\n"},
    "a container's limit beside its service's": {
        "etc/containers/systemd/a.container": "[Container]\nMemory=1G ⟵\n[Service]\nMemoryMax=2G\nMemoryZSwapMax=1G ⟵\nRestartSec=5\n"
    },
    "the kubelet's other keys": {
        "node.yaml": (
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nevictionHard:\n  memory.available: 500Mi\n"
            "  nodefs.available: 20%\n  nodefs.inodesFree: 5%\n  imagefs.available: 15%\n  imagefs.inodesFree: 5%\n  pid.available: 5%\n"
            "evictionSoft:\n  memory.available: 1Gi ⟵\nevictionSoftGracePeriod:\n  memory.available: 1m ⟵\n"
            "systemReserved:\n  memory: 1Gi\n  cpu: 500m ⟵\n  ephemeral-storage: 5Gi ⟵\nmemoryThrottlingFactor: 0.9 ⟵\n"
        )
    },
    "a drop-in of the kubelet": {
        "etc/kubernetes/kubelet.conf.d/10.conf": (
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nevictionHard: ⟵\n  memory.available: 500Mi\n"
            "systemReserved: {memory: 1Gi}\n"
        )
    },
    "restart policies of Docker's own": {
        "compose.yaml": (
            "services:\n  a:\n    image: x\n    restart: unless-stopped ⟵\n    mem_limit: 64m\n  b:\n    image: x\n    restart: on-failure:3 ⟵\n"
            "  c:\n    image: x\n    restart: ${R:-always} ⟵\n  d:\n    image: x\n    restart: always\n"
            "  e:\n    image: x\n    deploy:\n      restart_policy:\n        condition: any ⟵\n"
        )
    },
    "keys of compose": {
        "compose.yaml": (
            "services:\n  a:\n    image: x\n    mem_limit: ${MEM:-512m} ⟵\n    mem_swappiness: 10 ⟵\n    shm_size: 64m ⟵\n    cgroup_parent: /foo ⟵\n"
            "  b:\n    image: x\n    mem_limit: 0\n  c:\n    image: x\n    mem_limit: 1.5 ⟵\n    environment:\n      JAVA_OPTS: -Xmx1g ⟵\n"
        )
    },
    "commands of a script": {
        "run.sh": (
            "#!/bin/sh\nsystemctl set-property web.slice MemoryHigh=2G ⟵\nchoom -n 800 -- /usr/local/bin/backup ⟵\n"
            "kubectl set resources deployment/api --limits=memory=512Mi ⟵\nkubectl top pods --sort-by=memory\npodman run --name pp -m 1g nginx ⟵\n"
            "docker run -d -m 512m nginx ⟵\ndocker run -dit --name ok --restart no -p 80:80 -m 512m nginx:1 nginx -g 'daemon off;'\n"
            "docker run --name var -m 512m -v $HOME:/b nginx:1 ⟵\nsystemd-run -p MemoryMax=1G /usr/bin/backup ⟵\n"
            "systemd-run --unit=job --scope -p MemoryMax=1G /bin/x ⟵\nsysctl -w vm.swappiness=$X ⟵\nswapon /swapfile ⟵\nswapon --show\n"
            "echo -500 > /proc/$$/oom_score_adj ⟵\nulimit -v 100000 ⟵\nulimit -n 100\nhelm upgrade x y --set resources.limits.memory=1Gi ⟵\n"
            "systemctl set-property db MemoryMax=$M ⟵\nnice echo oom\ndocker service create --limit-memory 1g x ⟵\ndocker -H tcp://x run --name e1 -m 1g img ⟵\ncgset -r memory.max=1G x ⟵\n"
            "mkswap /swapfile ⟵\nmount -t tmpfs -o size=1g tmpfs /x ⟵\nsed -i s/MemoryMax=.*/MemoryMax=1G/ /etc/systemd/system/m.service ⟵\n"
            "sed -i s/a/b/ x\nsync; echo 3 > /proc/sys/vm/drop_caches ⟵\n"
        )
    },
    "file systems in memory, and what boots": {
        "etc/fstab": "tmpfs /tmp tmpfs size=2g 0 0 ⟵\ntmpfs /run tmpfs mode=755 0 0\n",
        "etc/systemd/system/x.mount": "[Mount]\nWhere=/x\nType=tmpfs\nOptions=size=2g ⟵\n",
        "etc/default/grub": 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="systemd.unified_cgroup_hierarchy=0" ⟵\nGRUB_CMDLINE_LINUX_DEFAULT="cgroup_disable=memory" ⟵\n',
    },
    "commands and starts of a unit": {
        "etc/systemd/system/a.service": (
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nEnvironmentFile=/etc/default/a\nExecStartPre=/bin/mkdir -p /x\nExecStart=/usr/bin/a\n"
            'ExecStartPost=/bin/sh -c "echo -500 > /proc/$$MAINPID/oom_score_adj" ⟵\nExecReload=/bin/kill -HUP $MAINPID\nMemoryMax=1G\n'
        )
    },
    "lines that are put into a unit": {
        "run.sh": "#!/bin/sh\necho MemoryMax=2G >> /etc/systemd/system/b.service ⟵\necho Nice=5 >> /etc/systemd/system/b.service\n",
        "t.yml": (
            "- lineinfile: {path: /etc/systemd/system/b.service, line: MemoryMax=2G} # ⟵\n"
            "- lineinfile: {path: /etc/systemd/system/b.service, line: '{{ item }}'}\n  loop:\n    - OOMPolicy=stop ⟵\n"
        ),
    },
    "a command alone": {"run.sh": "#!/bin/sh\nhelm upgrade x y --set resources.limits.memory=1Gi ⟵\n"},
    "a shell's limit alone": {"run.sh": "#!/bin/sh\nulimit -v 1000000 ⟵\n"},
    "swap alone": {"run.sh": "#!/bin/sh\nswapon /dev/vdb ⟵\n"},
    "several words at one place": {"run.sh": '#!/bin/sh\nsh -c "docker run --name web -m 1g --memory-swappiness 0 nginx" ⟵\n'},
    "tasks of Ansible": {
        "tasks/main.yml": (
            "- hosts: all\n  tasks:\n  - sysctl:\n      name: vm.swappiness\n      value: '{{ x }}' ⟵\n"
            "  - docker_container:\n      name: '{{ item }}'\n      memory: 1g ⟵\n    loop: [a, b]\n"
            "  - containers.podman.podman_container:\n      name: pause ⟵\n      memory: 1g\n"
            "  - docker_container:\n      name: web ⟵\n      image: x\n      memory: 1g\n      shm_size: 1g ⟵\n"
        )
    },
    "a failure that is passed over": {
        "etc/sysctl.d/1.conf": "-vm.nr_hugepages = 2048\nvm.swappiness = 10\nvm.min_free_kbytes = {{ x }} ⟵\n"
    },
    "units": {
        "etc/systemd/system/web.service": (
            "[Service]\nExecStart=/usr/bin/web\nMemoryMax=4G\nMemorySwapMax=50% ⟵\nMemoryZSwapMax=1G ⟵\nStartupMemoryMax=6G ⟵\n"
            "ManagedOOMSwap=kill ⟵\nLimitAS=10G ⟵\nRestartSec=5\nRestart=on-watchdog ⟵\nMemoryMx=1G ⟵\nSlice=machine.slice\n"
        ),
        "etc/systemd/system/web.service.d/x.conf": "[Service]\nMemoryMax=\nMemoryMax=2G\nOOMPolicy= ⟵\n",
        "etc/systemd/system/gone.service": "",
        "etc/systemd/system/gone.service.d/x.conf": "[Service]\nMemoryMax=1G ⟵\n",
        "etc/systemd/system/plain.service": "[Service]\nMemoryMax=4GB ⟵\n",
        "etc/systemd/system/db@.service": "[Service]\nMemoryMax=1G\nSlice=db-%i.slice ⟵\n",
        "etc/systemd/system/apps.slice": "[Slice]\nMemoryMax=8G\nMemoryLow=50% ⟵\nMemoryZSwapMax=1G ⟵\nManagedOOMSwap=kill\n",
        "etc/systemd/system/swapfile.swap": "[Swap]\nWhat=/swapfile ⟵\nPriority=10\n",
        "etc/systemd/system.conf": "[Manager]\nDefaultOOMPolicy=continue ⟵\n",
        "etc/systemd/oomd.conf": "[OOM]\nSwapUsedLimit=90%\nDefaultMemoryPressureDurationSec=1500ms ⟵\n",
    },
    "a limit on what a unit starts": {
        "etc/systemd/system/a.service": "[Service] ⟵\nExecStart=/usr/bin/docker run --rm --name a -m 1g x\nMemoryMax=2G\n"
    },
    "a promise that no slice carries": {
        "etc/systemd/system/a.service": "[Service]\nMemoryLow=1G ⟵\nMemoryMin=1G\nSlice=apps.slice\n",
        "etc/systemd/system/apps.slice": "[Slice]\nMemoryMin=2G\n",
    },
    "units of one user": {
        "home/ann/.config/systemd/user/a.service": "[Service] ⟵\nMemoryMax=2G\n",
        "home/ann/.config/containers/systemd/b.container": "[Service] ⟵\nMemoryMax=2G\n",
        "etc/containers/systemd/users/1000/c.container": "[Service] ⟵\nMemoryMax=2G\n",
        "etc/containers/systemd/users/d.container": "[Service]\nMemoryMax=2G\n",
    },
    "two limits that disagree": {
        "compose.yaml": (
            "services:\n  a:\n    image: x\n    mem_limit: 2g ⟵\n    deploy:\n      resources:\n        limits:\n          memory: 1g\n"
        )
    },
    "one slice on two hosts": {
        "h1/etc/systemd/system/a.slice": "[Slice]\nMemoryMax=8G\n",
        "h2/etc/systemd/system/a.slice": "[Slice]\nMemoryMax=8G\n",
    },
    "pods": {
        "k8s/api.yaml": POD
        + (
            "      resources:\n        limits:\n          memory: 4Gi ⟵\n      initContainers:\n"
            "      - {name: i, image: x, resources: {limits: {memory: 64Mi}}}\n"
            "      - {name: s, restartPolicy: Always, image: x, resources: {limits: {memory: 64Mi}}}\n"
            "      containers:\n      - {name: a, image: x, resources: {limits: {memory: 1Gi}, requests: {memory: 512M, cpu: 0.1}}}\n"
            "      - {name: b, image: x, resources: {limits: {memory: 1GB}}} ⟵\n      - {name: c, image: x, env: [{name: GOMEMLIMIT, value: 1GiB}]} ⟵\n"
        )
    },
    "namespaces": {
        "k8s/n.yaml": (
            "apiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: prod}\nspec:\n  limits:\n  - type: Container\n    default:\n"
            "      memory: 2Gi\n      cpu: 1 ⟵\n    defaultRequest:\n      memory: 1Gi\n      cpu: 100m ⟵\n  - type: Pod\n    max:\n      memory: 8Gi ⟵\n"
            "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: a}\nspec:\n  hard:\n    requests.memory: 1Gi\n    requests.cpu: 1 ⟵\n"
            "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: b}\nspec:\n  hard:\n    requests.memory: 1Gi ⟵\n"
            "  scopes: [NotBestEffort] ⟵\n"
        )
    },
    "a namespace that is not said": {
        "k8s/n.yaml": (
            "apiVersion: v1 ⟵\nkind: LimitRange\nmetadata: {name: l}\nspec:\n  limits:\n  - type: Container\n    default:\n      memory: 2Gi\n"
        )
    },
    "overlays of one base": {
        "k/base/kustomization.yaml": "resources: [d.yaml]\n",
        "k/base/d.yaml": POD + "      containers:\n      - {name: a, image: x, resources: {limits: {memory: 1Gi}}}\n",
        "k/one/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
        "k/one/p.yaml": POD + "      containers:\n      - {name: a, resources: {limits: {memory: 2Gi}}}\n",
        "k/two/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
        "k/two/p.yaml": POD + "      containers:\n      - {name: a, resources: {limits: {memory: 3Gi}}} ⟵\n",
    },
    "the daemon": {
        "etc/docker/daemon.json": '{"exec-opts": ["native.cgroupdriver=systemd"],\n"default-shm-size": "1G", ⟵\n"cgroup-parent": "apps.slice"} ⟵\n'
    },
    "groups by hand": {"up.sh": "#!/bin/sh\nset -eu\nmkdir /sys/fs/cgroup/x\necho 1G > /sys/fs/cgroup/x/memory.max ⟵\n"},
    "a build": {"Dockerfile": "FROM x\nRUN sysctl -w vm.swappiness=1 ⟵\n"},
}


def of(files: dict[str, str], **given: int) -> Imported:
    plain = {path: text.replace(_MARK, "") for path, text in files.items()}
    sizes = {key: Setting(Size(value)) for key, value in given.items()}
    return import_spec([Document(path, text) for path, text in plain.items()], Mapped(plain), sizes)


@pytest.mark.parametrize("name", CASES)
def test_what_a_spec_cannot_take_over_is_listed(name: str) -> None:
    files = CASES[name]
    made = of(files)
    marked = [(path, number) for path, text in files.items() for number, line in enumerate(text.split("\n"), 1) if line.endswith(_MARK)]
    listed = {(one.at.path, one.at.line or 1) for one in made.left}
    if name == "one slice on two hosts":
        marked = [("h2/etc/systemd/system/a.slice", 1)]
    assert sorted(listed) == sorted(marked), made.left
    loaded = load_spec(("oomconf.yaml",), Mapped({"oomconf.yaml": made.text}))
    assert loaded.spec is not None, made.text


def test_a_file_system_in_memory_makes_no_host() -> None:
    assert "hosts:" not in of({"run.sh": "#!/bin/sh\nmount -t tmpfs -o size=1g tmpfs /x\n"}).text


def test_a_quadlet_in_a_home_is_its_users() -> None:
    made = of({"home/ann/.config/containers/systemd/b.container": "[Service]\nMemoryMax=2G\n"})
    assert "user: true" in made.text
