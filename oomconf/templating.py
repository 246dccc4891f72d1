"""The templates that give every artefact its shape, packaged or overridden by the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from oomconf.errors import TemplateError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from jinja2 import BaseLoader, Environment, Template

__all__ = ["Templates"]

# Frames of a template bear this before the template's name, so that the failing line is found among Python's own.
_FRAME: Final = "oomconf template "


class Templates:
    """The packaged templates, with the user's texts (path below the templates' folder → text) in place of or beside them."""

    __slots__ = ("_compiled", "_environment", "_overrides")

    def __init__(self, overrides: Mapping[str, str] | None = None) -> None:
        self._overrides: Final[dict[str, str]] = dict(overrides or {})
        self._compiled: Final[dict[str, Template]] = {}
        self._environment: Environment | None = None

    def render(self, name: str, /, **values: object) -> str:
        """Render the template `name`, such as `systemd/unit.conf.j2`, with these values and no others.

        Raises TemplateError where it does not exist, does not parse, names a value that it is not given, or does what the sandbox forbids.
        """
        template = self._compiled.get(name)
        try:
            if template is None:
                template = self._compiled[name] = self._compile(name)
            return template.render(values)
        except Exception as error:
            problem = self._problem(name, error)
            if problem is None:
                raise
            raise problem from error

    def names(self) -> tuple[str, ...]:
        """Give the names of all templates, packaged and the user's, sorted."""
        return tuple(sorted({*_walk(_packaged(), ""), *self._overrides}))

    def _compile(self, name: str) -> Template:
        if self._environment is None:
            self._environment = _environment(self._overrides)
        return self._environment.get_template(name)

    def _problem(self, name: str, error: Exception) -> TemplateError | None:
        """Say in our words what a template did wrong; None is a bug in a packaged template, or in what it was given."""
        import jinja2  # noqa: PLC0415 - imported by the first render

        where, line = _place(name, error)
        if isinstance(error, jinja2.TemplateNotFound):
            missing = error.name or str(error)
            return TemplateError(where, line, f'there is no template "{missing}"')
        if isinstance(error, jinja2.TemplateSyntaxError):
            return TemplateError(error.name or where, error.lineno, _plain(error.message or "cannot be parsed"))
        if isinstance(error, jinja2.TemplateError) or where in self._overrides:
            return TemplateError(where, line, _plain(str(error) or type(error).__name__))
        return None


def _packaged() -> Traversable:
    """Find the folder of templates: inside the package in a wheel, also a zipped one, or beside it in a checkout."""
    from importlib.resources import files  # noqa: PLC0415 - costs start-up, and only a render needs it

    package = files("oomconf")
    inside = package.joinpath("templates")
    return inside if inside.is_dir() else package.joinpath("..").joinpath("templates")


def _walk(folder: Traversable, prefix: str) -> Iterator[str]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}"


def _environment(overrides: Mapping[str, str]) -> Environment:
    from jinja2 import StrictUndefined  # noqa: PLC0415 - imported by the first render
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(
        loader=_loader(overrides),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        cache_size=-1,
    )
    # The same spec gives the same bytes: nothing random in reach.
    del environment.globals["lipsum"]
    del environment.filters["random"]
    return environment


def _loader(overrides: Mapping[str, str]) -> BaseLoader:
    from jinja2 import FunctionLoader  # noqa: PLC0415 - imported by the first render
    from jinja2.loaders import split_template_path  # noqa: PLC0415

    folder = _packaged()

    def load(name: str) -> tuple[str, str, None] | None:
        text = overrides.get(name)
        if text is None:
            entry = folder
            for part in split_template_path(name):  # refuses `..`
                entry = entry.joinpath(part)
            if not entry.is_file():
                return None
            text = entry.read_text(encoding="utf-8")
        return text, f"{_FRAME}{name}", None

    return FunctionLoader(load)


def _place(name: str, error: Exception) -> tuple[str, int | None]:
    """Give the template and line that failed: the innermost one, which may be included by `name`."""
    where: str = name
    line: int | None = None
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(_FRAME):
            where, line = file.removeprefix(_FRAME), trace.tb_lineno
        trace = trace.tb_next
    return where, line


def _plain(message: str) -> str:
    return (message[:1].lower() + message[1:]).rstrip(".")
