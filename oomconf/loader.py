"""YAML documents → Spec, with every problem of all files in one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from oomconf.dialect import Sources
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence, compose, merged
from oomconf.finding import Finding, Problem, Related, Severity
from oomconf.location import Location, whole_file
from oomconf.policy import Setting
from oomconf.spec.models import Spec
from oomconf.spec.placed import place

if TYPE_CHECKING:
    from pydantic import ValidationError

_NAMED: Final = ("hosts", "slices", "namespaces", "services")
_MOST_FILES: Final = 200
_MOST_CUTS: Final = 4


@dataclass(frozen=True, slots=True)
class Loaded:
    """A spec with the tree it came from; `spec` is None if any problem forbids it."""

    spec: Spec | None
    tree: Mapping | None
    findings: tuple[Finding, ...]
    paths: tuple[str, ...]
    """The files named by the call, in order."""


def load_spec(paths: tuple[str, ...], sources: Sources, rules: tuple[str, ...] = ()) -> Loaded:
    """Read, merge and validate spec files; later files win, `null` removes; content never raises.

    `rules` are the ids that `lint.ignore` may name; any if empty.
    """
    reader = _Reader(sources)
    tree: Mapping | None = None
    for path in paths:
        read = reader.read(path, ())
        if read is not None:
            tree = read if tree is None else _overlay(tree, read)
    findings = reader.findings
    spec = None
    if tree is not None:
        tree = _strip_nulls(tree, 0)
        spec, problems = _validate(tree, rules)
        findings += problems
    broken = any(finding.severity is Severity.ERROR for finding in findings)
    return Loaded(None if broken else spec, tree, tuple(sorted(findings, key=_order)), paths)


def invalid(problem: Problem, rule: str = "invalid-spec") -> Finding:
    """Stamp a problem of the spec itself."""
    return Finding(rule, Severity.ERROR, problem.object or "spec", problem.at, problem.message, problem.help, problem.related)


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return (finding.at.path, finding.at.line, finding.at.column, finding.message)


def _validate(tree: Mapping, rules: tuple[str, ...]) -> tuple[Spec | None, list[Finding]]:
    from pydantic import ValidationError  # noqa: PLC0415

    from oomconf.spec.check import check  # noqa: PLC0415
    from oomconf.spec.errors import problems  # noqa: PLC0415

    wrong = _version(tree)
    if wrong is not None:
        return None, [invalid(wrong)]
    try:
        spec = Spec.model_validate(tree)
    except ValidationError as error:
        found = [*problems(error, tree), *_judged_without(error, tree, rules)]
        return None, [invalid(problem) for problem in found]
    return spec, [invalid(problem) for problem in check(spec, tree, rules)]


def _judged_without(error: ValidationError, tree: Mapping, rules: tuple[str, ...]) -> Iterator[Problem]:
    """Leave out what is refused and check the rest, so that one run tells everything; what may be missing only for that is not told."""
    from pydantic import ValidationError  # noqa: PLC0415

    from oomconf.spec.check import Lacking, check  # noqa: PLC0415
    from oomconf.spec.errors import spans, without  # noqa: PLC0415

    unsure = spans(error, tree)
    for _ in range(_MOST_CUTS):
        tree = without(error, tree)
        try:
            spec = Spec.model_validate(tree)
        except ValidationError as again:
            unsure += spans(again, tree)
            error = again
            continue
        for problem in check(spec, tree, rules):
            if not isinstance(problem, Lacking) or not any(first <= problem.at.line <= last for first, last in unsure):
                yield problem
        return


def _version(tree: Mapping) -> Problem | None:
    node = tree.get("version")
    if node is None:
        return Problem(Location(tree.path, 1, 1, 1, 1), "the spec lacks 'version'", "begin it with 'version: 1'")
    if not isinstance(node, Scalar) or node.text != "1":
        said = node.text if isinstance(node, Scalar) else "a mapping or list"
        return Problem(place(tree.keys_at["version"]), f"version '{said}' is not known", "this oomconf reads 'version: 1'")
    return None


class _Reader:
    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.findings: list[Finding] = []
        self.files = 0

    def read(self, path: str, above: tuple[str, ...], at: Location | None = None) -> Mapping | None:
        """Read one file with what it includes; the file itself wins over its includes."""
        document = self.sources.get(path)
        if document is None:
            self._refuse(at or whole_file(path), f"'{path}' cannot be read", "name a file below the spec's own folder")
            return None
        self.files += 1
        documents, faults = compose(document.text, path=path)
        for fault in faults:
            span = Location(path, fault.line, fault.column, fault.end_line, fault.end_column)
            self.findings.append(invalid(Problem(span, fault.message, fault.hint), "not-yaml"))
        roots = [document for document in documents if document.root is not None]
        if len(roots) > 1:
            self._refuse(
                Location(path, roots[1].line, 1, roots[1].line, 1),
                "a spec is one document",
                "put the second into a file of its own and include it",
            )
        if faults or not roots:
            if not faults:
                self._refuse(whole_file(path), "the file says nothing", "begin it with 'version: 1'")
            return None
        root = roots[0].root
        if not isinstance(root, Mapping):
            self._refuse(whole_file(path), "a spec is a mapping of keys to values", "begin it with 'version: 1'")
            return None
        if roots[0].has_duplicates:
            self._duplicates(root)
        return self._with_includes(_apply_merges(root) if roots[0].has_merges else root, path, above)

    def _with_includes(self, root: Mapping, path: str, above: tuple[str, ...]) -> Mapping:
        listed = root.get("include")
        base: Mapping | None = None
        for item in listed if isinstance(listed, Sequence) else []:
            if not isinstance(item, Scalar):
                continue
            target = _join(path, item.text)
            if target is None:
                self._refuse(place(item), f"'{item.text[:200]}' leaves the spec's own folder", "include files below it, by a relative path")
            elif target in (*above, path):
                chain = " → ".join((*above, path, target))
                self._refuse(place(item), f"'{item.text}' includes itself again: {chain}", "remove one of the includes")
            elif self.files >= _MOST_FILES:
                self._refuse(place(item), f"more than {_MOST_FILES} files are included", "include fewer files")
                break
            else:
                read = self.read(target, (*above, path), place(item))
                base = read if base is None else base if read is None else _overlay(base, read)
        return root if base is None else _overlay(base, root)

    def _duplicates(self, root: Mapping) -> None:
        stack: list[Node] = [root]
        seen: set[int] = set()
        while stack:
            node = stack.pop()
            if isinstance(node, Scalar) or id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, Mapping):
                for key, _ in node.duplicates:
                    first = place(node.keys_at[key.text])
                    self.findings.append(
                        invalid(
                            Problem(
                                place(key),
                                f"the key '{key.text[:80]}' stands twice",
                                "keep one of them",
                                (Related(first, "it stands here first"),),
                            )
                        )
                    )
                stack.extend(node.values())
            else:
                stack.extend(node)

    def _refuse(self, at: Location, message: str, hint: str) -> None:
        self.findings.append(invalid(Problem(at, message, hint)))


def _join(path: str, relative: str) -> str | None:
    """Resolve a path against the folder of another; None if it leaves the root of the run."""
    if relative.startswith("/") or "\\" in relative or not relative:
        return None
    parts = list(PurePosixPath(path).parent.parts)
    for part in PurePosixPath(relative).parts:
        if part != "..":
            parts.append(part)
        elif not parts or parts[-1] in ("/", ".."):
            return None
        else:
            parts.pop()
    return str(PurePosixPath(*parts))


def _apply_merges(node: Mapping) -> Mapping:
    """Give every mapping the keys of its `<<`; nested at most as deep as the reader allows."""
    done: dict[int, Node] = {}

    def walk(node: Node) -> Node:
        if isinstance(node, Scalar):
            return node
        if id(node) in done:
            return done[id(node)]
        if isinstance(node, Mapping):
            whole = merged(node) if "<<" in node else node
            copy = whole.copy_with({key: walk(value) for key, value in whole.items()})
            done[id(node)] = copy
            return copy
        done[id(node)] = items = node.copy_with([walk(item) for item in node])
        return items

    result = walk(node)
    return result if isinstance(result, Mapping) else node


def _overlay(base: Mapping, top: Mapping) -> Mapping:
    """Merge two trees: maps deep, lists and scalars replaced, null removes, the beaten scalar is remembered."""
    result = dict(base)
    keys = dict(base.keys_at)
    for key, node in top.items():
        below = base.get(key)
        if isinstance(node, Scalar) and node.is_null and below is not None:
            result.pop(key, None)
            continue
        keys[key] = top.keys_at[key]
        if isinstance(node, Mapping) and isinstance(below, Mapping):
            result[key] = _overlay(below, node)
        elif isinstance(node, Scalar) and isinstance(below, Scalar):
            result[key] = node.with_beat((Setting(below.text, place(below), text=below.text), *below.beat))
        else:
            result[key] = node
    whole = top.copy_with(result)
    whole.keys_at = keys
    return whole


def _strip_nulls(node: Mapping, depth: int) -> Mapping:
    """Drop keys without a value; a named host, slice, namespace or service without one is an empty mapping."""
    changed: dict[str, Node | None] = {}
    for key, value in node.items():
        if type(value) is Scalar:
            if value.is_null:
                changed[key] = Mapping.empty_at(value) if depth == 1 else None
        elif isinstance(value, Mapping):
            stripped = _strip_nulls(value, 1 if depth == 0 and key in _NAMED else 2)
            if stripped is not value:
                changed[key] = stripped
    if not changed:
        return node
    whole = {key: changed.get(key, value) for key, value in node.items()}
    return node.copy_with({key: value for key, value in whole.items() if value is not None})
