"""The start of a warm Python: ask the server to run the program, and end as that ends."""

import os
import sys

SERVER = ""  # its address, and below its variables: `tests/warm` writes them here
STARTED: "dict[str, str]" = {}
COLD = "VERDICT_TESTS_COLD"  # where it is set, a program starts as any other
_OPTIONS = ("-I", "-B", "-X", "utf8")
_PROGRAMS = ("dvc", "verdict")
_ISOLATED = "/.dvc/tmp/stages/"  # an isolated stage may only have its own processes
_ALIKE = ("PYTHONUTF8", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")  # without effect on `python -I -X utf8`


def settings(variables: "os._Environ[str] | dict[str, str]") -> "dict[str, str]":
    """The variables that change Python's start, or the language of output."""
    names = [name for name in variables if name.startswith(("PYTHON", "LC_", "LANG", "LD_"))]
    return {name: variables[name] for name in names if name not in _ALIKE}


def server_command() -> "list[str] | None":
    """The command for the server: options, -m, a module, its arguments; None if this process runs it."""
    words = sys.orig_argv[1:]
    if words[:1] == ["-I"] and len(words) > 1 and os.path.dirname(words[1]) == os.path.dirname(sys.executable):
        words[1:2] = ["-m", os.path.basename(words[1])]  # a script beside this Python
    if "-m" not in words or words[0] != "-I" or COLD in os.environ or settings(os.environ) != settings(STARTED):
        return None
    place = words.index("-m")
    known = words[place + 1] in _PROGRAMS or words[place + 1].startswith("stages.")
    if not known or not set(words[:place]) <= set(_OPTIONS) or _ISOLATED in os.getcwd():
        return None
    return words


def main() -> None:
    """Run the program in the server, if possible."""
    words = server_command()
    if words is None:
        return
    import _signal  # type: ignore[import-not-found]
    import _socket
    import atexit
    import marshal

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    message = marshal.dumps((words, sys.executable, os.getcwd(), dict(os.environ), _mask()))
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
    for number in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, lambda number, _: connection.send(bytes([number])) and None)
    try:
        connection.connect(SERVER)
        connection.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
        if connection.recv(1) != b"\0":
            return
    except OSError:
        return
    end = connection.recv(64)
    atexit._run_exitfuncs()
    code = marshal.loads(end) if end else -_signal.SIGKILL
    if code < 0:
        if code in (-_signal.SIGINT, -_signal.SIGTERM):
            _signal.signal(-code, _signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code & 255)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


main()
