"""oomconf completion: scripts that complete verbs, options and rules in a shell; made from the verbs' own parsers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final, NamedTuple

from oomconf import outputs, rules
from oomconf.cli import EXIT_CALL, EXIT_FINE, VERBS, module_of

_USAGE: Final = """usage: oomconf completion bash|zsh|fish

Prints a script. bash: source <(oomconf completion bash); zsh: oomconf completion zsh > a folder of $fpath/_oomconf;
fish: oomconf completion fish > ~/.config/fish/completions/oomconf.fish
"""
_PARSED: Final = ("init", "check", "lint", "render", "import", "audit", "explain", "diagnose")
_RULED: Final = ("--select", "--ignore")
"""Options of rules, which take several with commas between."""
_FORMATTED: Final = "--output"


class _Option(NamedTuple):
    flag: str
    about: str
    takes: bool
    """Whether a word follows."""
    words: tuple[str, ...]
    """The words that may follow; empty if they are files or free."""


def run(words: list[str]) -> int:
    if words and words[0] in ("-h", "--help"):
        print(_USAGE, end="")
        return EXIT_FINE
    if len(words) != 1 or words[0] not in _SHELLS:
        print(f"oomconf: say one shell of {', '.join(_SHELLS)}", file=sys.stderr)
        return EXIT_CALL
    print(_SHELLS[words[0]](_options()), end="")
    return EXIT_FINE


def _options() -> dict[str, list[_Option]]:
    names = rules.names()
    found: dict[str, list[_Option]] = {verb: [] for verb in VERBS}
    for verb in _PARSED:
        parser: argparse.ArgumentParser = import_module(module_of(verb)).parser()
        for action in parser._actions:  # noqa: SLF001  argparse has no other list of them
            for flag in action.option_strings:
                if flag.startswith("--"):
                    choices = tuple(str(choice) for choice in action.choices or ()) or (names if flag in _RULED else ())
                    choices = choices or (tuple(f"{name}=" for name in outputs.NAMES) if flag == _FORMATTED else ())
                    found[verb].append(_Option(flag, action.help or "", action.nargs != 0, choices))
    found["rule"] = [
        _Option("--all", "every page", takes=False, words=()),
        _Option("--format", "how", takes=True, words=("text", "markdown")),
    ]
    return found


def _arguments() -> Mapping[str, Sequence[str]]:
    """Words that are no options, of the verbs that take none of the disk."""
    return {"rule": rules.names(), "completion": tuple(_SHELLS)}


def _cases(options: Mapping[str, Sequence[_Option]], form: str, several: str, unfinished: str) -> str:
    """What may follow each option; `several` goes before a list with commas, `unfinished` before words that a file's name follows."""
    before = {**dict.fromkeys(_RULED, several), _FORMATTED: unfinished}
    return "".join(
        f"    {verb}:{option.flag}) {before.get(option.flag, '')}{form.format(words=' '.join(option.words))}; return ;;\n"
        for verb, every in options.items()
        for option in every
        if option.words
    )


def _bash(options: Mapping[str, Sequence[_Option]]) -> str:
    reply = 'COMPREPLY=($(compgen -P "$head" -W "{words}" -- "$cur"))'
    several = "case $cur in *,*) head=$head${cur%,*}, cur=${cur##*,} ;; esac; "
    unfinished = "case $cur in *=*) return ;; esac; compopt -o nospace 2>/dev/null; "
    verbs = "".join(
        f"    {verb}) words='{' '.join([*(one.flag for one in every), *_arguments().get(verb, ())])}' ;;\n"
        for verb, every in options.items()
    )
    return (
        "_oomconf() {\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= head=\n"
        f'  if [ "$COMP_CWORD" -eq 1 ]; then {reply.format(words=" ".join(VERBS))}; return; fi\n'
        # a `=` is a word by itself, unless COMP_WORDBREAKS was changed
        '  case "$prev$cur" in\n'
        "    --*=) cur= ;;\n"
        '    =*) prev=${COMP_WORDS[COMP_CWORD-2]}; [ "${prev#--}" != "$prev" ] || return ;;\n'
        "    *) case $cur in --*=*) head=${cur%%=*}= prev=${cur%%=*} cur=${cur#*=} ;; =) return ;; esac ;;\n"
        "  esac\n"
        '  case "${COMP_WORDS[1]}:$prev" in\n'
        f"{_cases(options, reply, several, unfinished)}"
        "  esac\n"
        '  case "${COMP_WORDS[1]}" in\n'
        f"{verbs}"
        "  esac\n"
        '  COMPREPLY=($(compgen -W "$words" -- "$cur"))\n'
        "}\n"
        "complete -o default -F _oomconf oomconf\n"
    )


def _zsh(options: Mapping[str, Sequence[_Option]]) -> str:
    several = "compset -P '*,'; "
    unfinished = "if compset -P '*='; then _files; return; fi; end=; "
    verbs = "".join(
        f"    {verb}) if [[ $PREFIX == -* ]]; then compadd -- {' '.join(one.flag for one in every)}; "
        f"else {'compadd -- ' + ' '.join(_arguments()[verb]) if verb in _arguments() else '_files'}; fi ;;\n"
        for verb, every in options.items()
    )
    return (
        "#compdef oomconf\n"
        "_oomconf() {\n"
        f"  if (( CURRENT == 2 )); then compadd -- {' '.join(VERBS)}; return; fi\n"
        "  local prev=$words[CURRENT-1] end=' '\n"
        "  if [[ $PREFIX == --*=* ]]; then prev=${PREFIX%%=*}; compset -P 1 '*='; fi\n"
        '  case "$words[2]:$prev" in\n'
        f"{_cases(options, 'compadd -S $end -- {words}', several, unfinished)}"
        "  esac\n"
        '  case "$words[2]" in\n'
        f"{verbs}"
        "  esac\n"
        "}\n"
        'if [ "$funcstack[1]" = _oomconf ]; then _oomconf "$@"; else compdef _oomconf oomconf; fi\n'
    )


def _fish(options: Mapping[str, Sequence[_Option]]) -> str:
    lines = [f"complete -c oomconf -n __fish_use_subcommand -f -a {verb} -d {_quoted(about)}" for verb, about in VERBS.items()]
    for verb, every in options.items():
        seen = f"complete -c oomconf -n '__fish_seen_subcommand_from {verb}'"
        for option in every:
            several = option.flag in _RULED
            offered = f"(__fish_append , {' '.join(option.words)})" if several else " ".join(option.words)
            words = (
                f" -{'r' if option.flag == _FORMATTED else 'x'} -a {_quoted(offered)}" if option.words else " -r" if option.takes else ""
            )
            lines.append(f"{seen} -l {option.flag[2:]}{words} -d {_quoted(option.about)}")
        if verb in _arguments():
            lines.append(f"{seen} -f -a {_quoted(' '.join(_arguments()[verb]))}")
    return "".join(f"{line}\n" for line in lines)


def _quoted(text: str) -> str:
    """A word of fish: in single quotes only they and the backslash are special."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SHELLS: Final = {"bash": _bash, "zsh": _zsh, "fish": _fish}
