"""Builds the wheel: verdict_finder.py, the .pth file that imports it, the program `verdict`. pip asks for it."""

import base64
import hashlib
import zipfile
from pathlib import Path

_MODULE = Path(__file__).with_name("verdict_finder.py")
_NAME, _VERSION = "verdict_finder", "1"
_INFO = f"{_NAME}-{_VERSION}.dist-info"
_METADATA = f"Metadata-Version: 2.1\nName: verdict-finder\nVersion: {_VERSION}\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: backend.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None) -> str:
    """Write the wheel into a folder; its name."""
    files = {
        f"{_NAME}.py": _MODULE.read_bytes(),
        f"{_NAME}.pth": f"import {_NAME}\n".encode(),
        f"{_INFO}/entry_points.txt": f"[console_scripts]\nverdict = {_NAME}:main\n".encode(),
        f"{_INFO}/METADATA": _METADATA.encode(),
        f"{_INFO}/WHEEL": _WHEEL.encode(),
    }
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items())
    files[f"{_INFO}/RECORD"] = f"{record}{_INFO}/RECORD,,\n".encode()
    name = f"{_NAME}-{_VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
    return name


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
