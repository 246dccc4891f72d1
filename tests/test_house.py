"""The house's own rules: floors, purity, sizes, the public contract, lazy imports, README blocks."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import oomconf
from oomconf import dialects, rules
from oomconf.dialect import Dialect
from oomconf.rule import Rule

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "oomconf"
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = [
    ("location", 0), ("quantity", 0), ("errors", 0), ("templating", 0), ("safe", 0),
    ("kernel", 1), ("placement", 1), ("policy", 1), ("finding", 1), ("runtimes", 1), ("kubelet", 1), ("programs", 1), ("ledger", 1), ("oomlog", 1), ("snapshot", 1), ("dialect", 1), ("metrics", 1), ("rule", 1),
    ("dialects", 2), ("loader", 2), ("spec", 2),
    ("resolver", 3), ("rules", 3), ("silences", 3),
    ("engine", 4), ("fixes", 4), ("repository", 4), ("importer", 4), ("baseline", 5), ("settings", 5), ("renderer", 4), ("diagnosis", 4), ("simulation", 4), ("inforce", 4), ("origins", 4), ("explanation", 4),
    ("host", 5), ("outputs", 5), ("reports", 5),
    ("api", 6), ("cli", 6), ("__main__", 6), ("__init__", 6),
]  # fmt: skip
FLOOR = dict(FLOORS)
HANDS = {"os", "subprocess", "socket", "shutil", "tempfile", "time", "random", "fcntl"}
# tables, which grow by a row a fact
TABLES = {"sysctls.py", "programs.py", "controls.py"}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Names of our modules that a file imports, those for type checking aside."""
    tree = ast.parse(path.read_text("utf-8"))
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: list[str] = []
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found += [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "oomconf" else [node.module]
    return found


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])
def test_a_floor_imports_only_lower_floors(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        if name == "oomconf" or not name.startswith("oomconf."):
            continue
        there = name.split(".")[1]
        if there == here or there not in FLOOR or here == "__init__":
            continue
        assert FLOOR[there] <= FLOOR[here], f"{here} (floor {FLOOR[here]}) imports {name} (floor {FLOOR[there]})"


# the loader and the spec's own check ask for the names of rules; no rule is imported
@pytest.mark.parametrize("path", [path for path in MODULES if room(path) in ("dialects", "rules", "outputs")], ids=str)
def test_siblings_do_not_know_each_other(path: Path) -> None:
    parts = path.relative_to(PACKAGE).parts
    if len(parts) == 2 and parts[1] == "__init__.py":
        return
    own = parts[1].removesuffix(".py")
    for name in imports(path):
        pieces = name.split(".")
        if pieces[:2] == ["oomconf", parts[0]] and len(pieces) > 2:
            assert pieces[2].startswith("_") or pieces[2] == own, f"{own} imports its sibling {pieces[2]}"


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])
def test_only_the_hands_touch_the_outside_world(path: Path) -> None:
    if room(path) in ("host", "cli", "__main__", "__init__"):
        return
    tree = ast.parse(path.read_text("utf-8"))
    allowed = {"os"} if room(path) == "api" else set()  # os.fspath
    touched = {name.split(".")[0] for name in imports(path)} & (HANDS - allowed)
    calls = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"open", "print", "input", "exit", "eval", "exec"}
    }
    assert not touched, f"imports {touched}"
    assert not calls, f"calls {calls}"


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = len(text.splitlines())
    assert lines <= 400 or path.name in TABLES, f"{lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node, clean=False)
            length = (node.end_lineno or 0) - node.lineno + 1 - (len(doc.splitlines()) if doc else 0)
            assert length <= 75, f"{node.name} has {length} lines"
            assert not any(isinstance(inner, ast.Assert) for inner in ast.walk(node)), f"{node.name} asserts"


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])
def test_a_module_says_in_a_line_what_lives_in_it(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert doc, "no docstring"
    assert doc.splitlines()[0].endswith((".", ":")), doc.splitlines()[0]


def test_the_public_contract_is_what_it_says() -> None:
    for name in oomconf.__all__:
        value = getattr(oomconf, name)
        if callable(value) and not name.isupper():
            assert value.__doc__, name
    assert set(dir(oomconf)) == set(oomconf.__all__)
    with pytest.raises(AttributeError):
        _ = oomconf.nothing_of_that_name  # type: ignore[attr-defined]


def test_rules_and_dialects_are_found_by_name() -> None:
    for name in rules.names():
        found = rules.find(name)
        assert isinstance(found, Rule)
        assert found.id == name
    for name in dialects.names():
        dialect = dialects.find(name)
        assert isinstance(dialect, Dialect)
        assert dialect.name == name
        assert dialect.read is not None or dialect.render is not None
        assert dialect.summary
        assert dialect.proven


LAZY = [
    (["--version"], {"pydantic", "yaml", "jinja2", "argparse", "dataclasses", "re", "typing", "oomconf.policy"}),
    (["--help"], {"pydantic", "yaml", "jinja2", "argparse", "oomconf.policy"}),
    (["rule", "limit-above-ram"], {"pydantic", "yaml", "jinja2", "argparse", "oomconf.loader", "oomconf.rules.no_swap"}),
    (["init", "--template"], {"pydantic", "yaml", "ruamel", "oomconf.loader", "oomconf.rules"}),
    (["schema"], {"jinja2", "oomconf.rules.no_swap", "oomconf.dialects.systemd"}),
    (
        ["simulate", "examples/small-vm/oomconf.yaml"],
        {"jinja2", "ruamel", "oomconf.rules.no_swap", "oomconf.dialects.systemd", "oomconf.reports.simulation_json"},
    ),
    (["check", "examples/small-vm/oomconf.yaml"], {"jinja2", "ruamel", "oomconf.rules.no_swap", "oomconf.dialects.systemd"}),
    (
        ["audit", "--snapshot", "examples/small-vm/host.snapshot"],
        {
            "pydantic",
            "yaml",
            "jinja2",
            "ruamel",
            "oomconf.loader",
            "oomconf.spec",
            "oomconf.rules",
            "oomconf.engine",
            "oomconf.dialects.quadlet",
        },
    ),
    (
        ["explain", "app", "--snapshot", "examples/small-vm/host.snapshot"],
        {"pydantic", "jinja2", "ruamel", "oomconf.loader", "oomconf.rules", "oomconf.api", "oomconf.reports.explanation_json"},
    ),
    (
        ["diagnose", "/dev/null"],
        {"pydantic", "yaml", "jinja2", "ruamel", "oomconf.loader", "oomconf.rules", "oomconf.dialects", "oomconf.host.files"},
    ),
]


@pytest.mark.parametrize(("argv", "absent"), LAZY, ids=[" ".join(argv) for argv, _ in LAZY])
def test_a_verb_loads_only_what_it_needs(argv: list[str], absent: set[str]) -> None:
    code = f"import sys; from oomconf.cli import main; code = main({argv!r}); print(*sorted(sys.modules), sep=chr(10), file=sys.stderr); sys.exit(code)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.splitlines())
    assert not absent & loaded


RUN = re.compile(r"<!-- run -->\n(`{3,})console\n(.*?)^\1$", re.DOTALL | re.MULTILINE)


def test_the_readmes_blocks_print_what_they_show(update: bool, tmp_path: Path) -> None:
    """`$ command` lines are run beside the examples, one after another; what stands below is what they print, both streams together."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"

    def run(match: re.Match[str]) -> str:
        out = ""
        for command in re.findall(r"^\$ (.*)$", match[2], re.MULTILINE):
            done = subprocess.run(
                ["sh", "-c", f"({command}) 2>&1"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                env={"PATH": path, "LC_ALL": "C.UTF-8"},
            )
            out += f"$ {command}\n{done.stdout}"
        return f"<!-- run -->\n{match[1]}console\n{out}{match[1]}"

    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    assert len(RUN.findall(text)) >= 5
    fresh = RUN.sub(run, text)
    if update:
        readme.write_text(fresh, "utf-8")
    assert readme.read_text("utf-8") == fresh


def test_the_readmes_table_of_rules_is_fresh(update: bool) -> None:
    rows = "".join(f"| `{found.id}` | {found.severity.word} | {found.summary} |\n" for found in rules.discover())
    table = f"<!-- rules -->\n| rule | severity | finds |\n| --- | --- | --- |\n{rows}<!-- /rules -->"
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    fresh = re.sub(r"<!-- rules -->.*<!-- /rules -->", lambda _: table, text, flags=re.DOTALL)
    if update:
        readme.write_text(fresh, "utf-8")
    assert readme.read_text("utf-8") == fresh


def test_the_readmes_table_of_what_is_proven_is_fresh(update: bool) -> None:
    """What `pytest -m lab` has recorded: claims, and how many facts of each held on which booted machine."""
    known: dict[str, dict[str, int]] = json.loads((ROOT / "tests/lab/results.json").read_text("utf-8"))
    machines = sorted({name for row in known.values() for name in row})
    head = f"| claim | {' | '.join(machines)} |\n| --- |{' ---: |' * len(machines)}\n"
    rows = "".join(f"| {claim} | {' | '.join(str(row.get(name, '')) for name in machines)} |\n" for claim, row in sorted(known.items()))
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    fresh = re.sub(r"<!-- proven -->.*<!-- /proven -->", lambda _: f"<!-- proven -->\n{head}{rows}<!-- /proven -->", text, flags=re.DOTALL)
    if update:
        readme.write_text(fresh, "utf-8")
    assert readme.read_text("utf-8") == fresh
