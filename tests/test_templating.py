"""The templates: found wherever the package stands, strict, sandboxed, compiled once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

from oomconf.errors import OomconfError, TemplateError
from oomconf.templating import Templates

UNIT = """\
[Service]
{% for key, value in directives %}
  {% if value %}
{{ key }}={{ value }}
  {% endif %}
{% endfor %}
# end
"""


def test_block_lines_leave_no_trace_and_the_last_newline_stays() -> None:
    given = [("MemoryMax", "8G"), ("MemoryLow", ""), ("Slice", "a.slice")]
    assert Templates({"unit": UNIT}).render("unit", directives=given) == "[Service]\nMemoryMax=8G\nSlice=a.slice\n# end\n"


def test_a_template_without_a_last_newline_gets_none() -> None:
    assert Templates({"t": "a"}).render("t") == "a"


def test_values_are_not_escaped() -> None:
    assert Templates({"t": "{{ v }}"}).render("t", v="<a & 'b' \"c\">") == "<a & 'b' \"c\">"


def test_a_value_may_bear_any_name_even_the_parameters_own() -> None:
    assert Templates({"t": "{{ name }} {{ self_ }} {{ values }}"}).render("t", name="n", self_="s", values="v") == "n s v"


def test_an_override_may_include_and_extend_the_users_other_templates() -> None:
    texts = {
        "base": "<{% block body %}{% endblock %}>",
        "part": "p",
        "t": "{% extends 'base' %}{% block body %}{% include 'part' %}{% endblock %}",
    }
    assert Templates(texts).render("t") == "<p>"


@pytest.mark.parametrize(
    ("text", "template", "line", "message"),
    [
        pytest.param("a\n{{ memory_maxx }}\n", "t", 2, "'memory_maxx' is undefined", id="undefined name"),
        pytest.param("a\n\n{{ service.nope }}\n", "t", 3, "no attribute 'nope'", id="undefined attribute"),
        pytest.param("{% if nope %}{% endif %}", "t", 1, "'nope' is undefined", id="undefined in a condition"),
        pytest.param("a\n{% if %}\n{% endif %}", "t", 2, "expected an expression", id="syntax"),
        pytest.param("a\n{% frob %}", "t", 2, "encountered unknown tag 'frob'", id="unknown tag"),
        pytest.param("{% do 1 %}", "t", 1, "encountered unknown tag 'do'", id="no extensions"),
        pytest.param("a\n{% include 'part' %}", "part", 3, "'nope' is undefined", id="the included one is named"),
        pytest.param("a\n{% include 'gone' %}", "t", 2, 'there is no template "gone"', id="missing include"),
        pytest.param(
            "{% include '../pyproject.toml' %}", "t", 1, 'there is no template "../pyproject.toml"', id="no way out of the folder"
        ),
        pytest.param("{% include '/etc/passwd' %}", "t", 1, 'there is no template "/etc/passwd"', id="no absolute paths"),
        pytest.param("{{ ''.__class__.__mro__ }}", "t", 1, "unsafe", id="sandbox"),
        pytest.param("{{ many.append(1) }}", "t", 1, "unsafe", id="immutable"),
        pytest.param("{{ 1 // 0 }}", "t", 1, "division", id="any fault of an override is its own"),
        pytest.param("{{ 1 + 'a' }}", "t", 1, "unsupported operand", id="types"),
        pytest.param("{{ [1, 2] | random }}", "t", 1, "no filter named 'random'", id="nothing random"),
        pytest.param("{{ lipsum() }}", "t", 1, "'lipsum' is undefined", id="nothing random either"),
    ],
)
def test_a_fault_names_template_and_line(text: str, template: str, line: int, message: str) -> None:
    templates = Templates({"t": text, "part": "1\n2\n{{ nope }}"})
    with pytest.raises(TemplateError) as caught:
        templates.render("t", service={}, many=[])
    assert (caught.value.template, caught.value.line) == (template, line)
    assert message in str(caught.value)
    assert not str(caught.value).endswith(".")


def test_a_missing_template_is_an_error_of_ours() -> None:
    with pytest.raises(OomconfError, match=r'template gone\.j2: there is no template "gone\.j2"'):
        Templates().render("gone.j2")


def test_a_failed_render_does_not_spoil_the_next() -> None:
    templates = Templates({"t": "{{ v }}"})
    with pytest.raises(TemplateError):
        templates.render("t")
    assert templates.render("t", v=1) == "1"


def test_names_are_those_of_the_folder_and_of_the_user(project: Path) -> None:
    folder = project / "templates"
    packaged = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert Templates().names() == tuple(sorted(packaged))
    assert Templates({"my/own.j2": ""}).names() == tuple(sorted({*packaged, "my/own.j2"}))


def test_every_packaged_template_parses(project: Path) -> None:
    environment = jinja2.Environment(autoescape=False)
    for name in Templates().names():
        environment.parse((project / "templates" / name).read_text(encoding="utf-8"), name)


def test_an_override_replaces_the_packaged_text() -> None:
    for name in Templates().names():
        assert Templates({name: "mine\n"}).render(name) == "mine\n"


def test_a_template_is_compiled_once_an_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str | None] = []
    original = jinja2.Environment.compile

    def counted(self: jinja2.Environment, source: str, name: str | None = None, filename: str | None = None) -> object:
        compiled.append(name)
        return original(self, source, name, filename)

    monkeypatch.setattr(jinja2.Environment, "compile", counted)
    templates = Templates({"a": "{% include 'b' %}{{ v }}", "b": "b"})
    assert [templates.render("a", v=number) for number in range(50)] == [f"b{number}" for number in range(50)]
    assert sorted(map(str, compiled)) == ["a", "b"]


def test_instances_do_not_share_overrides() -> None:
    assert [Templates({"t": text}).render("t") for text in ("1", "2")] == ["1", "2"]


def test_jinja_waits_for_the_first_render(project: Path) -> None:
    code = "import sys; from oomconf.templating import Templates; Templates({'t': ''}); print('jinja2' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
