"""`verdict data add`: labelled rows become a new version of the table, pinned by DVC, with a note of their origin.

All that can go wrong with rows is known before anything is changed; what goes wrong then is taken back.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import read_json, sha256, write_json
from verdict.classifier.dataset.problems import Problems
from verdict.classifier.dataset.table import table_files
from verdict.classifier.params import Params
from verdict.init.new_rows import NewRows, new_rows
from verdict.init.row_writer import write_like
from verdict.init.trial import Trial, try_prepare
from verdict.repo.dvc import dvc
from verdict.repo.raw_data import raw_data
from verdict.repo.revisions import working_tree
from verdict.repo.sources import require_pinned

# In git: what was added when, and where it came from. No row of it.
NOTES = "data/added.json"


def read_new_rows(
    root: Path, params: Params, sources: Sequence[Path], fixed: Mapping[str, str], lenient: bool
) -> NewRows:
    """Read the rows that the table does not have yet; with `lenient` one that cannot be used is left out.

    Raises:
        VerdictError: something is wrong with the rows, or the table is not what its pointer names.
    """
    require_pinned(root, raw_data(working_tree(root)).pointer)
    drop = {"damaged": "drop", "too_long": "cut" if params.data.too_long == "cut" else "drop"}
    data = params.data.model_copy(update=drop if lenient else {})
    return new_rows(data, params.split, sources, fixed, lenient)


def add_rows(root: Path, params: Params, new: NewRows, origin: str, today: date) -> Trial:
    """Add rows that there are to the table, pin that, and note it.

    Args:
        root: the project, which is the current folder.
        params: what params.yaml says of the table.
        new: the rows.
        origin: where people say that these are from.
        today: the day of the note.

    Returns:
        What `prepare` will make of the whole table.

    Raises:
        VerdictError: the stage `prepare` would refuse the whole, or DVC refuses it; nothing was changed.
    """
    raw, table, known = raw_data(working_tree(root)), root / params.data.path, notes(root)
    labels = Counter(row.label for row in new.rows)
    note = {"date": f"{today}", "origin": origin, "rows": len(new.rows), "labels": dict(labels)}
    note["files"] = {path.name: sha256(path) for path in new.sources}
    # By its last letters git ignores it: after a kill its rows are not committed with the rest of the folder.
    with tempfile.TemporaryDirectory(prefix=".added-", suffix=".partial", dir=table.parent) as name:
        whole = Path(name) / table.name
        made, target = _written(table, whole, new)
        group = params.model_dump(mode="json", exclude_unset=True)
        trial = try_prepare({**group["data"], "path": str(whole)}, group.get("split") or {})
        before = Path(name) / "before"
        if target.exists():
            os.link(target, before, follow_symlinks=False)
        try:
            # First: a kill leaves no rows without a note; one without rows is this one again, the next time.
            write_json(root / NOTES, [*(one for one in known if one != note), note])
            os.replace(made, target)
            dvc(root, "add", raw.tracked, remedy=f"dvc add {raw.tracked} says more; nothing was changed")
        except BaseException:
            os.replace(before, target) if before.exists() else target.unlink(missing_ok=True)
            write_json(root / NOTES, known) if known else (root / NOTES).unlink(missing_ok=True)
            raise
    return trial


def notes(root: Path) -> list[object]:
    """What was added before, the oldest first."""
    found = read_json(root / NOTES, f"git checkout {NOTES}") if (root / NOTES).exists() else []
    if not isinstance(found, list):
        raise VerdictError(NOTES, "not a list of what was added", f"git checkout {NOTES}")
    return found


def _written(table: Path, whole: Path, new: NewRows) -> tuple[Path, Path]:
    """Lay the table with the new rows at `whole`; the file that is new there, and its place in the table."""
    problems = Problems(str(table))
    present = table_files(table, problems)
    problems.raise_if_any()
    cells = [row.cells for row in new.rows]
    if not table.is_dir():
        write_like(table, cells, whole, keep=True)
        return whole, table
    whole.mkdir()
    for path in present:
        (whole / path.name).symlink_to(path.resolve())
    # Behind all others: which rows come first decides which of two stays, and the order of slices.
    name = f"added-{len(present):04}{''.join(present[0].suffixes[-2:])}"
    while name <= present[-1].name:
        name = f"z{name}"
    write_like(present[0], cells, whole / name, keep=False)
    return whole / name, table / name


def summary(new: NewRows, trial: Trial | None, path: str) -> str:
    """What was added and left out, in words."""
    if trial is None:
        return "\n".join(["no new row: nothing was changed", *_left_out(new)])
    lines = [f"{path}: {len(new.rows):,} rows added"]
    lines += [f"  {count:,} × {' / '.join(what)}" for what, count in sorted(new.counts.items())]
    split = ", ".join(f"{name} {count:,}" for name, count in trial.rows.items())
    return "\n".join([*lines, *_left_out(new), f"It has {split} now; {NOTES} says where these are from."])


def _left_out(new: NewRows) -> list[str]:
    return [f"  left out: {count:,} × {reason}" for reason, count in new.left_out.most_common()]
