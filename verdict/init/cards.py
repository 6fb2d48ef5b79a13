"""The skeletons of a data card and a model card, with TODOs for what only people know."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verdict.init.trial import Trial

_DATA = """\
# Data card: {name}

| | |
|---|---|
| Source | TODO: where it comes from, how it was collected, when |
| Licence | TODO |
| Size | {rows:,} rows after preparation |
| Language | TODO |
| Pointer | `{pointer}`; `dvc pull` gets the data from the team's remote |

TODO: what a row is, who labelled it and how, whether it holds personal data, what is known to be wrong with it.

## Columns

| column | means |
|---|---|
{columns}

## Numbers

| label | train | validation | test |
|---|--:|--:|--:|
{counts}

What was left out: {dropped}. `metrics/data.json` has the figures of the last run.
"""
_MODEL = """\
# Model card

| | |
|---|---|
| Task | text in; a probability of each class out: {labels} |
| Kind | `train.model` of params.yaml |
| Trained on | {rows:,} rows (train + validation); [data card](../data/README.md) |
| Made by | `verdict repro`; the same bytes every time |

TODO: what it is for, what it is not for, where it fails and who would bear that.

## How good it is

`verdict scores` prints the figures of the test split; `metrics/evaluation.json` has them, `plots/` the pictures.

```sh
verdict predict --model models/classifier < lines.txt
```
"""


def data_card(place: Path, data: Mapping[str, Any], trial: Trial) -> str:
    """Return a data card for a table, from its group of params.yaml and the result of `prepare`."""
    described = {
        key: value for key, value in data.items() if key not in ("path", "labels", "conflicts", "damaged", "positive")
    }
    columns = [f"| {_cell(value)} | {key}: TODO |" for key, value in described.items()]
    counts = [
        f"| {_cell(label)} | {' | '.join(f'{split[label]:,}' for split in trial.counts['label'])} |"
        for label in trial.dataset.labels
    ]
    dropped = ", ".join(f"{count:,} × {reason}" for reason, count in trial.dropped.most_common()) or "nothing"
    return _DATA.format(
        name=place.name,
        rows=sum(trial.rows.values()),
        pointer=f"{place.name}.dvc",
        columns="\n".join(columns),
        counts="\n".join(counts),
        dropped=dropped,
    )


def model_card(trial: Trial) -> str:
    """Return a model card for the classes of a table."""
    labels = ", ".join(map(_cell, trial.dataset.labels))
    return _MODEL.format(labels=labels, rows=trial.rows["train"] + trial.rows["validation"])


def _cell(value: object) -> str:
    """Return a value as a cell of a Markdown table."""
    if isinstance(value, Mapping):
        value = value["column"]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"`{text}`".replace("|", "\\|").replace("\n", " ")
