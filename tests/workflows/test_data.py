"""Data in a pull request: the judge derives all tables by main's code, whatever the change's own code makes of them."""

import shutil

from tests.pipeline.clone import Clone
from tests.review.test_gate_data import add_rows
from tests.workflows.proposals import JUDGED, reproduce
from tests.workflows.site import Site


def test_added_rows_pass_without_a_label(direct: Site) -> None:
    """A pull request that adds rows to every split passes, and the comment has a line on the new test sentences."""

    def more(clone: Clone) -> None:
        add_rows(clone)
        reproduce(clone)

    direct.propose(more)
    kept = direct.origin.root / "unpacked"  # in place of a remote, from which the run, and not the judge, has the data
    shutil.copytree(kept / "main", kept / "pull-1")
    shutil.copytree(direct.clone.path / ".dvc/cache/files", kept / "pull-1/.dvc/cache/files", dirs_exist_ok=True)
    judged = direct.report(direct.experiment())
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = direct.checks()
    assert conclusion == "success", title
    comment = direct.comment()
    assert "nobody has approved yet, and no rule is asked of: weighted F1" in comment
    assert "main&#x27;s code derives them from the change&#x27;s raw data" in comment
    assert '<td align="left">test</td><td align="left">added</td>' in comment


def test_a_prepare_that_copies_test_rows_needs_a_label(direct: Site) -> None:
    """Lines in `prepare` that copy test rows to train, a word added, are not run until somebody approves them."""

    def copying(clone: Clone) -> None:
        path = clone.path / "stages" / "prepare.py"
        text = path.read_text(encoding="utf-8")
        line = "    for name, table in tables.items():\n"
        more = (
            "    more = [row._replace(id=row.id + 'x', document=row.document + 'x', text=row.text + ' indeed')\n"
            "            for row in tables['test'].itertuples(index=False)]\n"
            "    own = tables['train']\n"
            "    tables['train'] = own.__class__([*own.itertuples(index=False), *more], columns=own.columns)\n"
        )
        assert line in text
        path.write_text(text.replace(line, more + line, 1), encoding="utf-8")
        reproduce(clone)

    direct.propose(copying)
    ran = direct.experiment()
    judged = direct.report(ran)
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = direct.checks()
    assert conclusion == "failure"
    assert title.startswith("Fail, reproduced (running gave another dvc.lock)")
    direct.label(1, "approve: data")
    direct.report(direct.experiment(action="labeled", label="approve: data"))
    assert direct.checks()[-1][0] == "success", direct.checks()
    assert '<td align="left">train</td><td align="left">added</td>' in direct.comment()


def test_a_list_of_approved_rows_alone_is_judged(direct: Site) -> None:
    """A pull request that takes a line out of data/test-set.txt and nothing else runs, and fails by `data`."""

    def shortened(clone: Clone) -> None:
        path = clone.path / "data" / "test-set.txt"
        path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")

    direct.propose(shortened)
    judged = direct.report(direct.experiment())
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = direct.checks()
    assert conclusion == "failure"
    assert title.startswith("Fail, data (1 test row would be approved no more)")
