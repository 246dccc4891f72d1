"""Settings of a repository, the rest of its tree beside named files, and what objects accept of themselves."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from consumers import need
from hypothesis import given
from hypothesis import strategies as st

from oomconf import rules
from oomconf.cli import main
from oomconf.errors import InputError
from oomconf.settings import PerPath, read

NAMES = rules.names()
UNIT = "etc/systemd/system/web.service"


def test_a_file_gives_all_settings() -> None:
    text = """
select = ["no-limit"]
ignore = ["no-swap"]
exclude = ["vendor/"]
fail-on = "warning"
host-ram = "16G"
host-swap = "0"
baseline = "base.json"
allow-partial = true
[[per-path]]
path = "legacy/**"
ignore = ["tiny-limit"]
reason = "goes in spring"
"""
    found = read(".oomconf.toml", text, NAMES)
    assert found is not None
    assert (found.select, found.ignore, found.exclude) == (("no-limit",), ("no-swap",), ("vendor/",))
    assert (found.fail_on, found.host_ram, found.host_swap, found.baseline, found.allow_partial) == (
        "warning",
        "16G",
        "0",
        "base.json",
        True,
    )
    assert found.per_path == (PerPath("legacy/**", ("tiny-limit",), "goes in spring"),)


def test_a_pyproject_is_read_for_our_table_alone() -> None:
    assert read("pyproject.toml", "[tool.ruff]\n", NAMES) is None
    found = read("sub/pyproject.toml", "[tool.oomconf]\nfail-on = 'note'\n", NAMES)
    assert found is not None
    assert found.fail_on == "note"


def test_every_mistake_is_named_in_one_run() -> None:
    text = "ignored = []\nfail-on = 'never ever'\nselect = 'no-swap'\nignore = ['no-swop']\n[[per-path]]\npath = 'x'\nwhy = ''\n"
    with pytest.raises(InputError) as caught:
        read(".oomconf.toml", text, NAMES)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(".oomconf.toml: ") for line in lines)
    said = "\n".join(lines)
    for word in (
        "'ignored'; did you mean 'ignore'?",
        "fail-on is none",
        "select is no list",
        "'no-swop'; did you mean 'no-swap'?",
        "'why'",
        "lacks reason",
    ):
        assert word in said, word


@given(
    st.text(max_size=60)
    | st.sampled_from(["[tool]\noomconf = 1\n", "tool = 1\n", "[tool.oomconf]\nper-path = [1, {}]\n", "select = [1]\n"])
)
def test_no_file_makes_it_raise_anything_else(text: str) -> None:
    for path in (".oomconf.toml", "pyproject.toml"):
        try:
            read(path, text, NAMES)
        except InputError as error:
            assert str(error).startswith(path)  # noqa: PT017


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in {
        UNIT: "[Service]\nExecStart=/usr/bin/web\nMemoryMax=2G\nOOMPolicy=Kill\n",
        f"{UNIT}.d/override.conf": "[Service]\nMemoryMax=infinity\n",
        "usr/lib/systemd/system/web.service": "[Service]\nExecStart=/usr/bin/web\nMemoryMax=1G\n",
        "etc/sysctl.d/90-a.conf": "vm.swappiness = 500\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    subprocess.run(["git", "init", "-q"], check=True, cwd=tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *words: str) -> list[tuple[str, str]]:
    main(["lint", *words, "--format", "json", "--fail-on", "never"])
    return [(row["rule"], row["path"]) for row in json.loads(capsys.readouterr().out)["findings"]]


def test_settings_hold_in_the_folders_below(tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "pyproject.toml").write_text("[tool.oomconf]\nignore = ['sysctl-out-of-range']\n", "utf-8")
    monkeypatch.chdir(tree / "etc")
    assert found(capsys, "sysctl.d") == []
    assert found(capsys, "sysctl.d", "--no-config") == [("sysctl-out-of-range", "sysctl.d/90-a.conf")]
    (tree / ".oomconf.toml").write_text("select = ['ignored-value']\n", "utf-8")
    assert found(capsys, ".") == [("ignored-value", "systemd/system/web.service")]
    assert found(capsys, ".", "--select", "sysctl-out-of-range") == [("sysctl-out-of-range", "sysctl.d/90-a.conf")]
    assert main(["lint", ".", "--config", str(tree / "no.toml")]) == 2


def test_a_path_of_the_settings_accepts_with_its_reason(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[[per-path]]\npath = "etc/sysctl.d/"\nignore = ["sysctl-out-of-range"]\nreason = "a test"\n'
    (tree / ".oomconf.toml").write_text(text, "utf-8")
    assert main(["lint", "etc/sysctl.d", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(row["rule"], row["reason"]) for row in report["suppressed"]] == [("sysctl-out-of-range", "a test")]


@pytest.mark.parametrize("words", [("--host-ram", "16"), ("--host-ram", "0"), ("--host-swap", "2"), ("--host-ram", "16GB")])
def test_a_size_that_no_machine_has_is_a_wrong_call(tree: Path, words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", ".", *words]) == 2
    assert words[0] in capsys.readouterr().err


def test_a_wrong_setting_is_a_wrong_call(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / ".oomconf.toml").write_text("ignores = []\n", "utf-8")
    assert main(["lint", "."]) == 2
    assert "did you mean 'ignore'?" in capsys.readouterr().err


def test_a_named_file_is_judged_with_the_tree_that_it_is_of(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    override = f"{UNIT}.d/override.conf"
    assert found(capsys, override) == [("override-removes-limit", override)]
    assert found(capsys, override, "--alone") == []
    # a finding elsewhere that a named file takes part in stays, all others are of the tree
    assert found(capsys, "usr/lib/systemd/system/web.service") == []
    assert found(capsys, UNIT) == [("ignored-value", UNIT), ("override-removes-limit", override)]


def test_facts_of_a_spec_in_the_tree_hold_for_a_named_file(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "oomconf.yaml").write_text("version: 1\nhosts: {web: {ram: 1G, swap: 0}}\n", "utf-8")
    (tree / "compose.yaml").write_text("services:\n  a:\n    image: x\n    mem_limit: 64g\n", "utf-8")
    assert ("limit-above-ram", "compose.yaml") in found(capsys, "compose.yaml")
    assert ("limit-above-ram", "compose.yaml") not in found(capsys, "compose.yaml", "--alone")


POD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  annotations:
    oomconf/ignore.request-above-limit: "the admission controller mends it"
spec:
  template:
    spec:
      containers:
        - name: api
          image: registry.example/api
          resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {oomconf/ignore.tiny-limit: ""}}
spec:
  template:
    spec:
      containers:
        - name: web
          image: registry.example/web
          resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}
"""


def test_an_annotation_accepts_on_its_own_object(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "k8s").mkdir()
    (tree / "k8s/api.yaml").write_text(POD, "utf-8")
    main(["lint", "k8s", "--format", "json", "--fail-on", "never"])
    report = json.loads(capsys.readouterr().out)
    assert [(row["object"], row["reason"]) for row in report["suppressed"]] == [
        ("Deployment/default/api/api", "the admission controller mends it")
    ]
    assert {(row["rule"], row["line"]) for row in report["findings"]} == {("request-above-limit", 24), ("ignore-without-reason", 17)}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_every_verb_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for word in ("lint", "render", "write-baseline", "sarif", "no-swap", "templates"):
        assert word in text


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("lint --format s", "sarif"),
        ("lint --output", "--output"),
        ("lint --output js", "json="),
        ("lint --output = js", "json="),
        ("lint --output json = f", ""),
        ("lint --output json =", ""),
        ("lint --fail-on =", "error warning note never"),
        ("lint --fail-on = no", "note"),
        ("lint --fail-on=no", "--fail-on=note"),
        ("lint --select no-limit,no-sw", "no-limit,no-swap"),
        ("lint --select = no-limit,panic-on,no-sw", "no-limit,panic-on,no-swap"),
        ("lint --select=no-limit,no-sw", "--select=no-limit,no-swap"),
        ("lint --baseline = x", ""),
        ("rule no-swa", "no-swap"),
    ],
)
def test_bash_takes_the_completion(words: str, offered: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    given = f"COMP_WORDS=(oomconf {words}) COMP_CWORD={len(words.split())}"
    script = f"{capsys.readouterr().out}{given}; _oomconf; echo ${{COMPREPLY[@]}}\n"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{offered}\n", "")


def test_fish_takes_the_completion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need(None if shutil.which("fish") else "fish is not installed")
    main(["completion", "fish"])
    script = tmp_path / "oomconf.fish"
    script.write_text(capsys.readouterr().out, "utf-8")
    asked = "; ".join(
        f'complete -C "oomconf {line}"'
        for line in (
            "li",
            "lint --select panic-on",
            "lint --format sar",
            "rule no-sw",
            "lint --fail-on=nev",
            "lint --select no-limit,panic-on",
        )
    )
    done = subprocess.run(["fish", "--no-config", "-c", f"source {script}; {asked}"], capture_output=True, text=True, check=True)
    assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == [
        "lint",
        "panic-on-oom",
        "sarif",
        "no-swap",
        "--fail-on=never",
        "no-limit,panic-on-oom",
    ]
    assert done.stderr == ""


def test_zsh_takes_the_completion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need(None if shutil.which("zsh") else "zsh is not installed")
    main(["completion", "zsh"])
    script = tmp_path / "_oomconf"
    script.write_text(capsys.readouterr().out, "utf-8")
    # a terminal of its own, where Tab is pressed as a user would; the prompt comes back with the word completed
    typed = f"""
        zmodload zsh/zpty; zpty shell zsh -f -i
        zpty -w shell 'PS1=; fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -d {tmp_path}/dump; print ready'
        zpty -r shell line '*ready*ready*'
        zpty -n -w shell $'oomconf lint --format sar\\t'; zpty -r shell line '*sarif*' || exit
        zpty -n -w shell $'--select no-limit,panic-on-o\\t'; zpty -r shell line '*no-limit,panic-on-oom*' || exit
        zpty -n -w shell $'--fail-on=nev\\t'; zpty -r shell line '*--fail-on=never*' && print done
        zpty -d shell
    """
    done = subprocess.run(["zsh", "-f", "-c", typed], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.endswith("done\n"), done.stderr


def test_completion_asks_for_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err


class Watched:
    """A stream that claims to be a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_progress_shows_on_a_terminal_when_it_takes_long_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from oomconf.cli import _progress

    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    stream = Watched()
    progress = _progress.Progress(stream)  # type: ignore[arg-type]
    progress.read()
    assert stream.text == ""
    now[0] = 2.0
    progress.read()
    progress.judge(2)
    assert "reading: 2 files" in stream.text
    progress.end()
    assert stream.text.endswith("\r\x1b[K")
