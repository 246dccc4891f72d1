"""What a script says of memory, command by command: containers, units, sysctls, swap, scores and the files that it writes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from oomconf.dialect import Document, Entry, Nested
from oomconf.dialects._commands import Step
from oomconf.dialects._docker_run import container
from oomconf.dialects._docker_service import service
from oomconf.dialects._nested import is_rest
from oomconf.dialects._shell import Word
from oomconf.dialects._tmpfs import with_options
from oomconf.dialects.script.beside import added, unheard
from oomconf.dialects.script.cgroups import Cgroups
from oomconf.dialects.script.heaps import php, told
from oomconf.dialects.script.kubectl import charted, patched, resources
from oomconf.dialects.script.units import properties, transient
from oomconf.dialects.script.variables import Variables, resolved
from oomconf.dialects.script.writes import Write, writes
from oomconf.kernel.sysctls import SYSCTLS, check_value
from oomconf.location import Location
from oomconf.policy import Origin, Policy, Setting, Swap, Tmpfs, Workload, beaten
from oomconf.quantity import SizeError, docker

__all__ = ["Said"]

_SYSCTL_FILE: Final = re.compile(r"^/proc/sys/([A-Za-z0-9_/.-]+)$")
_SCORE_FILE: Final = re.compile(r"^/proc/([^/]+)(?:/task/[^/]+)?/(oom_score_adj|oom_adj)$")
_CGROUP_FILE: Final = re.compile(r"^(.*?)/?((?:memory|cgroup)\.[a-z_.]+|tasks)$")
_KEPT: Final = re.compile(
    r"(?:^|/)(?:etc|run|usr/lib|usr/local/lib|lib)/(?:sysctl\.d/[^/]+|sysctl\.conf|systemd/.+|containers/systemd/.+|docker/daemon\.json)$"
)
_PHP: Final = re.compile(r"(?:^|/)php[^/]*(?:/.*)?\.ini$")
_YAML: Final = re.compile(r"\.ya?ml$")
_ROOTS: Final = ("/proc/", "/sys/", "/etc/")
_KUBE: Final = re.compile(r"kubeadm|kubelet|kubernetes|\bk8s\b|\bk3s\b|\bkube")
_RUNNER: Final = re.compile(r"(?:^|/)(?:\.github|\.gitlab|\.circleci|\.ci|ci)/|(?:^|[/_.-])ci(?:[_.-][^/]*)?$", re.IGNORECASE)
_KEEPS_OFF: Final = re.compile(r"/fstab\b|\bmask\b.*\.swap\b|\bmask\b.*\bswap\.target\b")
_ACTIONS: Final = ("vm.drop_caches", "vm.compact_memory")
_INNER: Final = re.compile(r"\$\([^()]*\)|`[^`]*`")
_SLEEPS: Final = re.compile(r"\bsleep\s")
_MOST_NESTED: Final = 200
_SCORES: Final = 1000


class Said:
    """Takes the steps of one script in their order, and gives what they say together."""

    def __init__(
        self, document: Document, *, builds: bool = False, name: str = "", timed: bool = False, known: Variables | None = None
    ) -> None:
        self.document = document
        self.name = name or document.path.rpartition("/")[2]
        self.builds = builds
        """Whether the steps run while an image is made."""
        self.known = known or {}
        self.timed = timed
        """Whether they run again and again."""
        self.workloads: list[Workload] = []
        self.sysctls: dict[str, Setting[str]] = {}
        self.entries: list[Entry] = []
        self.nested: list[Nested] = []
        self.swaps: list[Swap] = []
        self.tmpfs: list[Tmpfs] = []
        self.cgroups = Cgroups(document)
        self._swapoff: Word | None = None

    def take(self, step: Step) -> None:
        """Add what a step says."""
        step = resolved(step, self.known)
        for write in writes(step):
            self._written(write, step)
        if not step.words:
            return
        program = step.words[0].text.rpartition("/")[2]
        self.entries += told(step, self.name)
        if step.score is not None and not self.builds:
            self._score(step.score, step.score.text if step.score.known else None, "choom", step)
        if program == "sysctl":
            self._sysctl(step)
        elif program in ("swapoff", "swapon"):
            self._swap(program, step.words)
        elif program == "mount":
            self._mount(step.words)
        elif program == "choom":
            self._choom(step)
        elif program in ("systemd-run", "systemctl"):
            workload, entries = transient(step.words) if program == "systemd-run" else properties(step.words)
            self.workloads += [] if workload is None else [workload]
            self.entries += entries
        elif program == "kubectl":
            self._here(step)
            self.entries += (*resources(step.words), *patched(step.words))
        elif program == "helm":
            self.entries += charted(step.words)
            self.entries += [] if self.builds else unheard(self.name, step.words)
        else:
            self._other(step.words)

    def _other(self, words: Sequence[Word]) -> None:
        said = container(words)
        if said is not None:
            self.workloads.append(said[0])
            self.entries += said[1]
        elif not self.builds:
            self.entries += service(words)
            self.entries += unheard(self.name, words)

    def end(self) -> Policy:
        """Give the policy of the machine that the script runs on."""
        workloads, entries = self.cgroups.end()
        self.entries += entries
        path, text = self.document.path, self.document.text
        if self._swapoff is not None and not _KUBE.search(path + text) and not _RUNNER.search(path):
            self._entry("swapoff", self._swapoff.text, self._swapoff.at, "kept" if _KEEPS_OFF.search(text) else "")
        return Policy(
            name=f"the host of {self.name}",
            object=self.name,
            workloads=(*self.workloads, *workloads),
            swaps=tuple(self.swaps),
            tmpfs=tuple(self.tmpfs),
            sysctls=self.sysctls,
        )

    def _entry(self, key: str, value: str, at: Location, section: str = "", fault: str = "", hint: str = "") -> None:
        self.entries.append(Entry("script", self.name, section, key, value, at, fault, hint))

    # ── programs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _sysctl(self, step: Step) -> None:
        for word in step.words[1:]:
            key, equals, value = word.text.partition("=")
            if not word.text.startswith("-") and equals:
                at = word.at
                if at.line == at.end_line and at.end_column - at.column == len(word.text):
                    named = SYSCTLS.get(key.replace("/", ".")) is None  # of an unknown one the name is what is looked at
                    at = at._replace(end_column=at.column + len(key)) if named else at._replace(column=at.column + len(key) + 1)
                self.says_sysctl(key.replace("/", "."), value if word.known else None, at, self._section(step))

    def _section(self, step: Step) -> str:
        """`again` where cron, a timer, or a loop that sleeps repeats a step."""
        return "again" if self.timed or (step.forever and _SLEEPS.search(step.inner or self.document.text)) else ""

    def says_sysctl(self, key: str, value: str | None, at: Location, section: str = "") -> None:
        """Take a sysctl; `section` says how an action is done: by a task it is also kept."""
        if value is None:
            self.entries.append(Entry("script", self.name, "filled in", key, "", at, kind="beside"))
            return
        value = " ".join(value.strip("\"' \n").split())
        if self.builds:
            self._entry(key, value, at, "build")
        elif key in _ACTIONS and section != "task":
            self._entry(key, value, at, section)
        else:
            refused = check_value(key, value) is not None
            self._entry(key, value, at, "sysctl")
            if not refused or key not in self.sysctls:
                below = self.sysctls.pop(key, None)
                self.sysctls[key] = Setting(value, at, Origin.WRITTEN, value, beaten(below))

    def _swap(self, program: str, words: list[Word]) -> None:
        names = {word.text for word in words[1:]}
        if program == "swapon":
            self.entries += [] if self.builds else unheard(self.name, words)
            self._swapoff = None
        elif names & {"-a", "--all"} or "-av" in names:
            self._swapoff = words[0]

    def _mount(self, words: list[Word]) -> None:
        """`mount -t tmpfs -o size=1g tmpfs /mnt`."""
        texts = [word.text for word in words]
        options = next((word for flag, word in zip(texts, words[1:], strict=False) if flag in ("-o", "--options")), None)
        if options is not None and options.known and ("tmpfs" in texts or "-ttmpfs" in texts) and not self.builds:
            self.tmpfs.append(with_options(texts[-1], options.text, options.at))
        self.entries += () if self.builds else unheard(self.name, words)

    def _choom(self, step: Step) -> None:
        """`choom -p PID -n SCORE` of a process that runs."""
        texts = [word.text for word in step.words]
        for index, text in enumerate(texts[:-1]):
            if text in ("-n", "--adjust") and any(one in ("-p", "--pid") for one in texts):
                word = step.words[index + 1]
                self._score(word, word.text if word.known else None, "pid", step)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _written(self, write: Write, step: Step) -> None:
        path = _INNER.sub("$(…)", write.target.text)
        sysctl, score, control = _SYSCTL_FILE.match(path), _SCORE_FILE.match(path), _CGROUP_FILE.match(path)
        if step.sudo and write.through_shell and path.startswith(_ROOTS):
            self._entry("redirect", path, write.target.at, "sudo")
        if sysctl is not None:
            self.says_sysctl(sysctl[1].replace("/", "."), write.text, write.value.at, self._section(step))
        elif score is not None:
            if self.builds:
                self._entry(score[2], write.text or "", write.value.at, "build")
            else:
                self._score(write.value, write.text, score[1] if score[2] == "oom_score_adj" else "oom_adj", step)
        elif control is not None and not self.builds:
            self.cgroups.take(control[1], control[2], write, step)
        elif write.text and _KEPT.search(path) and len(self.nested) < _MOST_NESTED:
            if write.appends and is_rest(path, write.text):
                self.entries += added(self.name, path, write.text, write.value.at)
                return
            # in a container nobody reads it; an image that boots does
            if not self.builds or "sysctl" not in path or "bootc" in self.document.text:
                self._nest(path.lstrip("/"), write)
        elif write.text and _PHP.search(path):
            self.entries += php(write, self.name)
        elif write.text and write.line and _YAML.search(path):
            self._nest(path.lstrip("/"), write)

    def _nest(self, path: str, write: Write) -> None:
        text, at = write.text or "", write.value.at
        spots: tuple[Location, ...] = ()
        if write.line:
            at = at._replace(line=write.line, column=1)
        elif at.end_line > at.line and text.count("\n") - text.endswith("\n") <= at.end_line - at.line:
            at = at._replace(column=1)  # quotes over several lines: all but the first begin where the file's do
        elif "\n" in text.rstrip("\n"):
            spots = (at, at)  # of lines that escapes end nobody knows the place
        elif at.end_column - at.column == len(text) + 2:
            at = at._replace(column=at.column + 1)  # behind the quote
        self.nested.append(Nested(Document(path, text), at, spots=spots))

    def _here(self, step: Step) -> None:
        """`kubectl apply -f - <<EOF`."""
        for one in step.redirections:
            if one.body:
                at = Location(self.document.path, one.line, 1, one.line, 1)
                self.nested.append(Nested(Document("stdin.yaml", one.body), at))

    def _score(self, word: Word, text: str | None, whose: str, step: Step) -> None:
        """A score written to /proc; `whose` is the PID as it stands there, `choom` for a command that starts with it."""
        key = "oom_adj" if whose == "oom_adj" else "oom_score_adj"
        said = (text or "").strip()
        tags = "loop" if step.loop and whose not in ("self", "$$") else "self" if whose in ("self", "$$", "choom") else ""
        fault = _refused(said, key) if text is not None and "{{" not in said else ""
        self._entry(key, said, word.at, tags, fault)
        if key == "oom_adj" and not fault:
            gone = "oom_adj has its own scale of -17 to 15, which the kernel keeps for old programs alone"
            self.entries.append(Entry("script", self.name, tags, key, said, word.at, gone, "write oom_score_adj", "gone"))


def _refused(text: str, key: str) -> str:
    low, high = (-17, 15) if key == "oom_adj" else (-_SCORES, _SCORES)
    try:
        value = docker.parse_int(text)
    except SizeError:
        return f"'{text[:40]}' is no number: the kernel refuses it (EINVAL)" if text else ""
    return "" if low <= value <= high else f"{value} is not between {low} and {high}: the kernel refuses it (EINVAL)"
