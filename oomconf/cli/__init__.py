"""The command line: finds the verb, and turns what escapes it into exit codes. Imports nothing until it must."""

from __future__ import annotations

import sys

VERBS = {
    "init": "a commented starter spec, from this host or from nothing",
    "check": "whether a spec can be rendered: syntax, references, arithmetic",
    "lint": "rules over specs and raw files of a repository: what gets machines killed",
    "render": "a spec into files for systemd, sysctl, cgroup v2, swap, Docker, podman and Kubernetes",
    "import": "a spec from the files of a repository",
    "simulate": "who dies when memory runs out, in which order, and what protects whom",
    "audit": "a host as it is: was it the killer, how much is there, who uses it, who is next, are the limits right",
    "explain": "where each value in force comes from: the line that set it, those it beat, what limits it",
    "diagnose": "every kill of a log explained: who, why that one, who was next, what to change",
    "rule": "the page of one or all rules",
    "schema": "the JSON Schema of the spec, for editors",
    "completion": "a script that completes verbs, options and rules in bash, zsh or fish",
}

_VERSION, _HELP = ("--version", "-V"), ("-h", "--help", "help")
EXIT_FINE, EXIT_FINDINGS, EXIT_CALL, EXIT_TOOL, EXIT_BUG = 0, 1, 2, 3, 70


def main(argv: list[str] | None = None) -> int:
    """Run one verb; gives the exit code."""
    words = sys.argv[1:] if argv is None else argv
    verb = words[0] if words else ""
    closed = _stands_in_for_closed()
    if verb == "":
        print(usage(), file=sys.stderr, end="")
        return EXIT_CALL
    if verb not in (*VERBS, *_VERSION, *_HELP):
        print(f"oomconf: there is no verb '{verb[:80]}'{_near(verb)}; see 'oomconf --help'", file=sys.stderr)
        return EXIT_CALL
    return _run(verb, words[1:], closed=closed)


def _stands_in_for_closed() -> bool:
    """Put something in the place of streams that the caller closed (`>&-`); gives whether standard output was one of them."""
    # Python has None for them, in the teeth of its types
    out, err = (getattr(sys, name) for name in ("stdout", "stderr"))
    if err is None:
        sys.stderr = open("/dev/null", "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if out is None:
        import os

        reading, writing = os.pipe()
        os.close(reading)
        sys.stdout = os.fdopen(writing, "w", encoding="utf-8")  # what is written there fails as in a closed pipe
    return out is None


def usage() -> str:
    """What `oomconf --help` prints."""
    rows = "".join(f"  {verb:<10} {what}\n" for verb, what in VERBS.items())
    return (
        "usage: oomconf VERB [OPTIONS] [PATHS]\n\n"
        f"{rows}\n"
        "  'oomconf VERB --help' tells its options; 'oomconf --version' the version.\n"
        "  Every verb takes --debug: a bug of oomconf is then told with its traceback.\n"
        "  exit codes: 0 fine, 1 findings or differences, 2 a wrong call or an invalid input, 3 the host failed, 70 a bug of oomconf\n"
    )


def _run(verb: str, words: list[str], *, closed: bool) -> int:
    import gc

    debug = "--debug" in words
    collecting = gc.isenabled()
    # one verb lives for seconds and what it builds lives as long: collecting finds nothing and costs a third
    gc.disable()
    try:
        code = _call(verb, [word for word in words if word != "--debug"])
        sys.stdout.flush()
    except BrokenPipeError:
        return _closed_pipe(at_start=closed)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  a bug becomes exit 70 and one line
        return _failed(error, debug=debug)
    finally:
        if collecting:
            gc.enable()
    return code


def _call(verb: str, words: list[str]) -> int:
    if verb in _HELP:
        print(usage(), end="")
        return EXIT_FINE
    if verb in _VERSION:
        from oomconf import __version__

        print(f"oomconf {__version__}")
        return EXIT_FINE
    try:
        code: int = __import__(module_of(verb), fromlist=["run"]).run(words)
    except SystemExit as leave:  # argparse
        return leave.code if isinstance(leave.code, int) else EXIT_CALL
    return code


def module_of(verb: str) -> str:
    """Name the module of a verb; `import` is a word of Python's own."""
    return f"oomconf.cli.{'import_spec' if verb == 'import' else verb}"


def _failed(error: Exception, *, debug: bool) -> int:
    from errno import EDQUOT, EFBIG, EIO, EMFILE, ENOMEM, ENOSPC, EROFS

    from oomconf.errors import OomconfError, WriteError

    if isinstance(error, OomconfError):
        print(f"oomconf: {error}", file=sys.stderr)
        return EXIT_TOOL if isinstance(error, WriteError) else EXIT_CALL
    if isinstance(error, OSError) and error.errno in (EDQUOT, EFBIG, EIO, EMFILE, ENOMEM, ENOSPC, EROFS):
        print(f"oomconf: {error.filename or 'what is printed could not be written'}: {(error.strerror or '').lower()}", file=sys.stderr)
        _silence()
        return EXIT_TOOL
    if debug:
        raise error
    what = f"{type(error).__name__}: {str(error)[:200]}"
    print(f"oomconf: a bug of oomconf ({what}); run the same again with --debug behind it and report what it prints", file=sys.stderr)
    return EXIT_BUG


def _closed_pipe(*, at_start: bool) -> int:
    """Leave quietly when the reader of our output has left, as `| head` does; where there never was one, say so."""
    _silence()
    if at_start:
        print("oomconf: standard output is closed: nothing could be printed", file=sys.stderr)
        return EXIT_TOOL
    return 141


def _silence() -> None:
    """Let what is still in the buffer go nowhere: written at the end it would fail again."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _near(verb: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(verb, VERBS, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
