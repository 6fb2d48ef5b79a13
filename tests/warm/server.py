"""Fork a process for each program of a client: `python -I -X utf8 server.py SOCKET`, until standard input ends.

The server imports each library that a program imported, so that the next program finds it.
"""

import atexit
import gc
import importlib
import marshal
import os
import pickle
import runpy
import select
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from functools import lru_cache, wraps
from typing import Any

# Modules that read a program's settings when they are imported, or start threads.
_COLD = {"torch", "transformers", "tokenizers", "safetensors", "vl_convert", "__main__"}
_PLACES = (sys.prefix, sys.base_prefix)


class Server:
    """The running programs, each with the connection of its client."""

    def __init__(self, address: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(address)
        self.listener.listen(64)
        self.imports, self.imported = os.pipe()
        self.programs: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor of the process

    def run(self) -> None:
        """Answer clients until the standard input ends."""
        while True:
            clients = {connection.fileno(): end for end, (_, connection) in self.programs.items()}
            for ready in select.select([0, self.listener.fileno(), self.imports, *self.programs, *clients], [], [])[0]:
                if ready == 0:
                    return
                if ready == self.imports:
                    import_libraries(os.read(self.imports, 1 << 16).decode().split())
                elif ready == self.listener.fileno():
                    self.begin()
                elif ready in self.programs:
                    self.end(ready)
                elif clients[ready] in self.programs:
                    self.forward_signal(*self.programs[clients[ready]])

    def begin(self) -> None:
        """Start a program."""
        connection, _ = self.listener.accept()
        message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        gc.freeze()
        process = os.fork()
        if process == 0:
            for other in (self.listener, *(other for _, other in self.programs.values())):
                other.close()
            serve(connection, message, streams, self.imported)
        for stream in streams:
            os.close(stream)
        self.programs[os.pidfd_open(process)] = process, connection

    def end(self, descriptor: int) -> None:
        """Tell a client how its program ended."""
        process, connection = self.programs.pop(descriptor)
        os.close(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with connection, suppress(OSError):
            connection.send(marshal.dumps(code))

    def forward_signal(self, process: int, connection: socket.socket) -> None:
        """Forward a signal of a client; a client that is gone was killed."""
        with suppress(ProcessLookupError):
            if signals := connection.recv(64):
                os.kill(process, signals[0])
            else:
                os.killpg(process, signal.SIGKILL)


def import_libraries(names: list[str]) -> None:
    """Import the libraries that a program imported."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)
    if "dvc.utils.strictyaml" in sys.modules:
        cache_yaml_parsing()


def cache_yaml_parsing() -> None:
    """Let DVC parse each YAML text once in this process, which halves the time of its commands.

    It parses the same params, DAG and lock some twenty times in an experiment.
    """
    from dvc.utils.serialize import _yaml

    parse = _yaml.parse_yaml
    if hasattr(parse, "__wrapped__"):
        return
    parsed = lru_cache(64)(lambda text, typ: pickle.dumps(parse(text, "", typ)))

    @wraps(parse)
    def recalled(text: Any, path: Any, typ: str = "safe") -> Any:  # noqa: ANN401 - DVC's
        try:
            return pickle.loads(parsed(text, typ)) if typ == "safe" else parse(text, path, typ)  # noqa: S301 - ours
        except Exception:  # which names the path
            return parse(text, path, typ)

    modules: list[Any] = [_yaml, sys.modules["dvc.utils.serialize"], sys.modules.get("dvc.utils.strictyaml")]
    for module in filter(None, modules):
        module.parse_yaml = recalled


def serve(connection: socket.socket, message: bytes, streams: list[int], imported: int) -> None:
    """Become the client's program, and end."""
    os.setpgid(0, 0)
    connection.send(b"\0")
    connection.close()
    words, executable, folder, variables, mask = marshal.loads(message)  # noqa: S302 - of a client of ours
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # A new stream: the server's standard error may be a file, and this one a pipe.
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.umask(mask)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    before = set(sys.modules)
    code = run(words, executable)
    names = [name for name in set(sys.modules) - before if is_library(name)]
    with suppress(OSError):
        for start in range(0, len(names), 20):  # each write is whole
            os.write(imported, "".join(f"{name}\n" for name in names[start : start + 20]).encode())
    os._exit(code & 255)


def is_library(name: str) -> bool:
    """Return whether a module is Python's or a library's, and may be imported early."""
    spec: Any = getattr(sys.modules[name], "__spec__", None)
    origin = getattr(spec, "origin", None) or ""
    return name.partition(".")[0] not in _COLD and origin.startswith(_PLACES)


def run(words: list[str], executable: str) -> int:
    """Run a module as `python -m` does; return the exit code."""
    sys.executable, sys.orig_argv = executable, [executable, *words]
    sys.dont_write_bytecode = "-B" in words
    module = words.index("-m") + 1
    sys.argv = words[module:]
    code: object = 0
    try:
        runpy.run_module(words[module], run_name="__main__", alter_sys=True)
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where the tests run in the background
    server = Server(sys.argv[1])
    print("ready", flush=True)
    server.run()
