"""PNG files: check, decode, encode, stack; the same input gives the same bytes."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from verdict.base.errors import VerdictError

_MOST_PIXELS = 50_000_000  # a magazine page has nine million
_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
_REPRO = "dvc repro, and commit what it writes"


def decode(png: bytes | None, where: str) -> Image.Image:
    """Decode a PNG; `VerdictError` where it is none, damaged, or too large."""
    if not png:
        raise VerdictError(where, "is empty", _REPRO)
    across, down = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    if png.startswith(_HEAD) and across * down > _MOST_PIXELS:
        what = f"{across:,} by {down:,} pixels; at most {_MOST_PIXELS / 1e6:g} million are drawn"
        raise VerdictError(where, what, "write a smaller picture")
    try:
        Image.open(BytesIO(png), formats=["PNG"]).verify()  # the checksums, which decoding ignores
        image = Image.open(BytesIO(png), formats=["PNG"])
        image.load()
    except (OSError, SyntaxError, ValueError):
        raise VerdictError(where, "is not a PNG, or a damaged one", _REPRO) from None
    return image


def encode(image: Image.Image) -> bytes:
    """Encode a picture as PNG, on white and without metadata: git keeps the pictures of every comment."""
    file = BytesIO()
    _flat(image).save(file, "PNG")  # optimize=True takes four times as long for 4 % of the bytes
    return file.getvalue()


def stack(images: dict[str, Image.Image]) -> Image.Image:
    """Put images below each other in full size, each under its side's name: side by side they were too small."""
    sizes = {side: max(14, image.width // 40) for side, image in images.items()}  # legible at half the width
    height = sum(image.height + 2 * sizes[side] for side, image in images.items())
    whole = Image.new("RGB", (max(image.width for image in images.values()), height), "white")
    top = 0
    for side, size in sizes.items():
        font, place = ImageFont.load_default(size), (size // 2, top + size // 2)
        ImageDraw.Draw(whole).text(place, side, "black", font, stroke_width=0.5)
        whole.paste(_flat(images[side]), (0, top + 2 * size))
        top += images[side].height + 2 * size
    return whole


def _flat(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), layer).convert("RGB")
