"""PNG files: checked, packed, put below each other; the same input gives the same bytes."""

import base64
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from verdict.base.errors import VerdictError

_MOST_PIXELS = 50_000_000  # a page of a magazine has nine million
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def reason(error: Exception) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def drawing(where: str) -> Iterator[None]:
    """Turn what DVC, a template or Vega-Lite refuses into a `VerdictError`."""
    from dvc.exceptions import DvcException
    from dvc_render.exceptions import DvcRenderError  # type: ignore[import-untyped]

    try:
        yield
    except (DvcException, DvcRenderError, ValueError) as error:
        remedy = "mend its definition in dvc.yaml, or its template in .dvc/plots"
        raise VerdictError(where, reason(error), remedy) from None


def stacked(name: str, images: dict[str, bytes]) -> bytes:
    """Images below each other, pixel for pixel, each under its side's name: beside each other they were too small."""
    import vl_convert

    parts, width, height = [], 0, 0
    for side, png in images.items():
        across, down = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
        size = max(14, across // 40)  # of the name; legible when the picture is shown at half its width
        data = base64.b64encode(png).decode()
        style = 'font-family="sans-serif" font-weight="bold"'
        parts.append(f'<text x="{size // 2}" y="{height + size * 3 // 2}" font-size="{size}" {style}>{side}</text>')
        parts.append(
            f'<image y="{height + size * 2}" width="{across}" height="{down}" href="data:image/png;base64,{data}"/>'
        )
        width, height = max(width, across), height + size * 2 + down
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
    with drawing(name):
        return vl_convert.svg_to_png(f'{head}<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>')


def chunks_of(png: bytes, where: str) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG, as kind and content; `VerdictError` unless all are there and whole."""
    chunks, at = [], len(_SIGNATURE)
    while png.startswith(_SIGNATURE) and at < len(png):
        size = int.from_bytes(png[at : at + 4])
        chunk, at = png[at + 4 : at + 8 + size], at + 12 + size
        if zlib.crc32(chunk) != int.from_bytes(png[at - 4 : at]):
            break
        chunks.append((chunk[:4], chunk[4:]))
    if not chunks or chunks[0][0] != b"IHDR" or chunks[-1][0] != b"IEND":
        raise VerdictError(where, "is not a PNG, or a damaged one", "dvc repro, and commit what it writes")
    across, down = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    if across * down > _MOST_PIXELS:
        what = f"{across:,} by {down:,} pixels; at most {_MOST_PIXELS / 1e6:g} million are drawn"
        raise VerdictError(where, what, "write a smaller picture")
    return chunks


def packed(png: bytes, where: str) -> bytes:
    """The same picture in a third of the bytes: git keeps the pictures of every comment."""
    chunks = chunks_of(png, where)
    pixels = zlib.compress(zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT")))
    head = [(kind, content) for kind, content in chunks if kind not in (b"IDAT", b"IEND")]
    parts = [kind + content for kind, content in [*head, (b"IDAT", pixels), (b"IEND", b"")]]
    return _SIGNATURE + b"".join((len(part) - 4).to_bytes(4) + part + zlib.crc32(part).to_bytes(4) for part in parts)
