"""Draw the imports between packages as docs/pictures/imports.svg.

    python -m dev.imports

A row is a layer of pyproject.toml's first contract, a box a package. An arrow leads from a package to one that it
imports, down or aside within a row, and is thicker for more imports. The lowest layer, which all others import, has no
arrows.
"""

import tomllib
from collections import Counter
from pathlib import Path

import grimp
import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

TARGET = Path("docs/pictures/imports.svg")
INK, PAPER, FRAME, ARROW = "#1f2328", "#ffffff", "#57606a", "#0969da"
Place = tuple[float, float]


def layers() -> list[str]:
    """The layers of the contract, from the top."""
    contracts = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    return next(list(contract["layers"]) for contract in contracts if contract["type"] == "layers")


def layer_of(module: str) -> str:
    """The second part of a module's name."""
    return f"{module}.".split(".")[1]


def is_empty(module: str) -> bool:
    """True for the `__init__` of a package that holds only packages."""
    folder = Path(*module.split("."))
    return folder.is_dir() and not [file for file in folder.glob("*.py") if file.name != "__init__.py"]


def box_of(module: str) -> str:
    """The package that a module is drawn in: `verdict.LAYER.PACKAGE`, or `verdict.LAYER` for its own modules."""
    parts = module.split(".")
    is_inner = len(parts) > 2 and (Path(*parts[:3]) / "__init__.py").is_file()
    return ".".join(parts[: 3 if is_inner else 2])


def main() -> None:
    """Draw the picture."""
    graph = grimp.build_graph("verdict", cache_dir=None)
    modules = sorted(name for name in graph.modules if layer_of(name) in layers() and not is_empty(name))
    sizes = Counter(map(box_of, modules))
    arrows = Counter(
        (box_of(importer), box_of(imported))
        for importer in modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported in modules and box_of(importer) != box_of(imported) and layer_of(imported) != layers()[-1]
    )
    rows = [[box for box in sorted(sizes) if layer_of(box) == layer] for layer in layers()]
    places = {
        box: _place(column, len(row), number) for number, row in enumerate(rows) for column, box in enumerate(row)
    }
    figure, axes = plt.subplots(figsize=(12, 9))
    for (importer, imported), count in sorted(arrows.items()):
        _arrow(axes, places[importer], places[imported], count)
    for box, (x, y) in places.items():
        label = f"{'/'.join(box.split('.')[1:])}\n{sizes[box]} modules"
        frame = {"boxstyle": "round,pad=0.5", "facecolor": PAPER, "edgecolor": FRAME}
        axes.text(x, y, label, ha="center", va="center", fontsize=9, color=INK, bbox=frame, zorder=3)
    axes.set(xlim=(0, 1), ylim=(-len(rows) + 0.5, 0.5))
    axes.axis("off")
    figure.savefig(TARGET, bbox_inches="tight", metadata={"Date": None})
    print(TARGET)


def _place(column: int, columns: int, row: int) -> Place:
    return (column + 0.5) / columns, -float(row)


def _arrow(axes: Axes, start: Place, end: Place, count: int) -> None:
    bend = "arc3,rad=0.25" if start[1] == end[1] else "arc3,rad=0.04"
    style = {"arrowstyle": "-|>", "color": ARROW, "alpha": 0.35, "linewidth": 0.4 + count**0.5 / 3, "shrinkA": 16}
    axes.annotate("", xy=end, xytext=start, arrowprops={**style, "shrinkB": 18, "connectionstyle": bend}, zorder=1)


if __name__ == "__main__":
    mpl.rcParams["svg.hashsalt"] = "verdict"  # the same imports, the same file
    main()
