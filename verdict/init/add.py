"""`verdict data add`: make a new version of the table with labelled rows, pinned by DVC, with a note of their origin.

The rows are checked before anything is changed; a failure after that is undone.
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

# In git: the date, origin and number of the rows that were added, but no row.
NOTES = "data/added.json"


def read_new_rows(
    root: Path, params: Params, sources: Sequence[Path], fixed: Mapping[str, str], lenient: bool
) -> NewRows:
    """Read the rows that the table does not have yet; with `lenient`, unusable rows are left out.

    Raises:
        VerdictError: something is wrong with the rows, or the table differs from its pointer.
    """
    require_pinned(root, raw_data(working_tree(root)).pointer)
    handling = {"damaged": "drop", "too_long": "cut" if params.data.too_long == "cut" else "drop"}
    data = params.data.model_copy(update=handling if lenient else {})
    return new_rows(data, params.split, sources, fixed, lenient)


def add_rows(root: Path, params: Params, new: NewRows, origin: str, today: date) -> Trial:
    """Add rows to the table, pin it, and note their origin.

    Args:
        root: the project, which is the current folder.
        params: the params, which describe the table.
        new: the rows.
        origin: their source, in the user's words.
        today: the day of the note.

    Returns:
        What `prepare` will make of the whole table.

    Raises:
        VerdictError: the stage `prepare`, or DVC, refuses the new table; nothing was changed.
    """
    raw, table, earlier = raw_data(working_tree(root)), root / params.data.path, notes(root)
    labels = Counter(row.label for row in new.rows)
    note = {"date": f"{today}", "origin": origin, "rows": len(new.rows), "labels": dict(labels)}
    note["files"] = {path.name: sha256(path) for path in new.sources}
    # Git ignores the suffix: after a kill the rows are not committed with the rest of the folder.
    with tempfile.TemporaryDirectory(prefix=".added-", suffix=".partial", dir=table.parent) as folder:
        whole = Path(folder) / table.name
        new_file, target = _write_table(table, whole, new)
        group = params.model_dump(mode="json", exclude_unset=True)
        trial = try_prepare({**group["data"], "path": str(whole)}, group.get("split") or {})
        before = Path(folder) / "before"
        if target.exists():
            os.link(target, before, follow_symlinks=False)
        try:
            # The note first: a kill leaves no rows without a note; the next run writes the same note again.
            write_json(root / NOTES, [*(other for other in earlier if other != note), note])
            os.replace(new_file, target)
            dvc(root, "add", raw.tracked, remedy=f"dvc add {raw.tracked} says more; nothing was changed")
        except BaseException:
            os.replace(before, target) if before.exists() else target.unlink(missing_ok=True)
            write_json(root / NOTES, earlier) if earlier else (root / NOTES).unlink(missing_ok=True)
            raise
    return trial


def notes(root: Path) -> list[object]:
    """Return the notes of earlier additions, the oldest first."""
    content = read_json(root / NOTES, f"git checkout {NOTES}") if (root / NOTES).exists() else []
    if not isinstance(content, list):
        raise VerdictError(NOTES, "not a list of what was added", f"git checkout {NOTES}")
    return content


def _write_table(table: Path, whole: Path, new: NewRows) -> tuple[Path, Path]:
    """Write the table with the new rows to `whole`; return the new file there, and its place in the table."""
    problems = Problems(str(table))
    existing = table_files(table, problems)
    problems.raise_if_any()
    cells = [row.cells for row in new.rows]
    if not table.is_dir():
        write_like(table, cells, whole, keep=True)
        return whole, table
    whole.mkdir()
    for path in existing:
        (whole / path.name).symlink_to(path.resolve())
    # A name that sorts last: the order of rows decides which of two duplicates stays, and the order of slices.
    name = f"added-{len(existing):04}{''.join(existing[0].suffixes[-2:])}"
    while name <= existing[-1].name:
        name = f"z{name}"
    write_like(existing[0], cells, whole / name, keep=False)
    return whole / name, table / name


def summary(new: NewRows, trial: Trial | None, path: str) -> str:
    """Return what was added and left out, for people."""
    if trial is None:
        return "\n".join(["no new row: nothing was changed", *_left_out(new)])
    lines = [f"{path}: {len(new.rows):,} rows added"]
    lines += [f"  {count:,} × {' / '.join(group)}" for group, count in sorted(new.counts.items())]
    split = ", ".join(f"{name} {count:,}" for name, count in trial.rows.items())
    return "\n".join([*lines, *_left_out(new), f"It has {split} now; {NOTES} says where these are from."])


def _left_out(new: NewRows) -> list[str]:
    return [f"  left out: {count:,} × {reason}" for reason, count in new.left_out.most_common()]
