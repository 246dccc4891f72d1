"""What kind of script a file is, by its path and its first lines."""

from __future__ import annotations

import re
from typing import Final, Literal

from oomconf.dialect import Document

__all__ = ["Kind", "is_pipeline", "is_playbook_of_objects", "is_script", "is_script_path", "is_timed", "kind_of", "may_speak"]

Kind = Literal["shell", "dockerfile", "crontab", "cloud-init", "ansible", "makefile", "workflow", "jobs"]
_SHELL_ENDS: Final = (".sh", ".bash", ".ksh")
_SHEBANG: Final = re.compile(r"#![^\n]*\b(?:ba|da|k|z|a)?sh\b")
_DOCKERFILE: Final = re.compile(r"(?:^|/)(?:Dockerfile|Containerfile)(?:\.[^/]*)?$|\.(?:[Dd]ockerfile|[Cc]ontainerfile)$")
_CRONTAB: Final = re.compile(
    r"(?:^|/)(?:crontab(?:\.txt)?|(?:etc/)?cron\.d/[^/.]+|[^/]+\.(?:cron|crontab)|var/spool/cron/(?:crontabs/)?[^/]+)$"
)
_CRON_SCRIPT: Final = re.compile(r"(?:^|/)(?:etc/)?cron\.(?:hourly|daily|weekly|monthly)/[^/.]+$")
_SHELL_PATH: Final = re.compile(r"(?:^|/)(?:etc/rc\.local|user-data|\.profile|\.bashrc)$")
_MAKEFILE: Final = re.compile(r"(?:^|/)(?:GNUm|[Mm])akefile$")
_WORKFLOW: Final = re.compile(r"(?:^|/)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml$|(?:^|/)action\.ya?ml$")
_JOBS: Final = re.compile(r"(?:^|/)[^/]*\.gitlab-ci\.ya?ml$|(?:^|/)\.gitlab/(?:.+/)?[^/]+\.ya?ml$")
_YAML_ENDS: Final = (".yml", ".yaml")
_CLOUD: Final = re.compile(r"#cloud-config\b")
_TASK: Final = re.compile(
    r"^[ \t]*-?[ \t]*[\"']?(?:(?:ansible\.(?:builtin|posix)|community\.(?:docker|general)|containers\.podman"
    r"|kubernetes\.core|community\.kubernetes)\.\w+"
    r"|shell|command|raw|sysctl|copy|template|lineinfile|blockinfile|ini_file|k8s|(?:docker|podman)_container)[\"']?[ \t]*:",
    re.MULTILINE,
)
_LISTED: Final = re.compile(r"^-[ \t]+[\"']?[\w.]+[\"']?[ \t]*:", re.MULTILINE)
_OBJECTS: Final = re.compile(
    r"^[ \t]+(?:- )?(?:kubernetes\.core\.|community\.kubernetes\.)?k8s[ \t]*:[ \t]*(?:#.*)?$|^- (?:[\w.]+\.)?k8s[ \t]*:", re.MULTILINE
)
_OBJECT: Final = re.compile(r"^(?:- )?[\"']?apiVersion\b", re.MULTILINE)
_SAYS: Final = re.compile(
    r"docker|podman|nerdctl|systemd-run|set-property|sysctl|swapoff|oom_|cgroup|memory\.|choom|/etc/systemd|drop_caches|/proc/sys"
    r"|kubectl|kubelet|kubernetes|k8s|helm|compose\.ya?ml|etc/containers|write_files|\bswap\b|swapfile|tmpfs|swapon|mkswap|memory=|--memory"
    r"|ulimit|prlimit|zramctl|earlyoom"
    r"|Memory(?:Max|High|Low|Min|SwapMax)"
    r"|-Xm[sx]|RAMPercentage|max.old.space|GOMEMLIMIT|GCHeapHard|maxmemory|memcached|shared.buffers|innodb|wiredTiger|memory_limit"
)


def is_script_path(path: str) -> bool:
    """Whether a path alone says that a file is a script."""
    return (
        path.endswith(_SHELL_ENDS)
        or _DOCKERFILE.search(path) is not None
        or _CRONTAB.search(path) is not None
        or _CRON_SCRIPT.search(path) is not None
        or _SHELL_PATH.search(path) is not None
        or _MAKEFILE.search(path) is not None
    )


def kind_of(document: Document) -> Kind | None:
    """Name the kind; None for what is no script."""
    path, text = document.path, document.text
    if _CLOUD.match(text):
        return "cloud-init"
    if is_pipeline(path):
        return "workflow" if _WORKFLOW.search(path) is not None else "jobs"
    if path.endswith(_YAML_ENDS):
        return "ansible" if _LISTED.search(text) and _TASK.search(text) else None
    if _DOCKERFILE.search(path):
        return "dockerfile"
    if _MAKEFILE.search(path):
        return "makefile"
    if _CRONTAB.search(path):
        return "crontab"
    if path.endswith(_SHELL_ENDS) or _CRON_SCRIPT.search(path) or _SHEBANG.match(text):
        return "shell"
    return None


def is_pipeline(path: str) -> bool:
    """Whether a path alone says that a file of YAML holds jobs of CI, whatever these write."""
    return _WORKFLOW.search(path) is not None or _JOBS.search(path) is not None


def is_playbook_of_objects(text: str) -> bool:
    """Whether Ansible tasks define Kubernetes objects, which makes no manifest of their file."""
    return "k8s" in text and _OBJECTS.search(text) is not None and _LISTED.search(text) is not None and _OBJECT.search(text) is None


def is_script(document: Document) -> bool:
    """Whether a file that its path does not tell is a script that may speak of memory."""
    return kind_of(document) is not None and may_speak(document.text)


def is_timed(path: str) -> bool:
    """Whether cron runs a script again and again by its folder alone."""
    return _CRON_SCRIPT.search(path) is not None


def may_speak(text: str) -> bool:
    """Whether a script holds a word that any of its statements begins with; without one it need not be parsed."""
    return _SAYS.search(text) is not None
