"""The remedy of each finding of the lock check ends that finding."""

import shlex
import shutil
import subprocess
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from tests.documents import load, save
from tests.dvc.review.stage_kinds import build, cat, commit, dvc, git, status, write
from verdict.base.errors import VerdictError
from verdict.repo.lock.check import check
from verdict.repo.lock.finding import Finding
from verdict.repo.repro import reproduce

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with stages of several kinds, all of them run."""
    folder = tmp_path_factory.mktemp("mend") / "original"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(folder.parent / "site"))
        build(folder, ["plain", "kept by git", "frozen", "second dvc.yaml", "pointer anywhere", "order"])
    return folder


@pytest.fixture
def tree(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the repository to damage."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    shutil.copytree(original, tmp_path / "tree", symlinks=True)
    git(tmp_path / "tree", "status")  # refreshes what the index knows of the copied files
    return tmp_path / "tree"


def apply(root: Path, mend: str) -> None:
    """Do what a finding says: the last of several ways, as a shell does it."""
    for part in mend.rsplit(", or ", maxsplit=1)[-1].removeprefix("to take it back: ").split(" && "):
        if part.startswith("dvc "):
            dvc(root, *shlex.split(part)[1:])
        elif part == "verdict repro":
            with chdir(root):
                reproduce(root)
        else:
            subprocess.run(["/bin/sh", "-c", part], cwd=root, check=True, capture_output=True)


def mended(root: Path, place: str, ran: bool = False) -> Finding:
    """The finding about a place, after it and all that came with it were mended, one by one."""
    first = next(finding for finding in check(root, ran) if place in finding.where)
    for _ in range(10):
        findings = check(root, ran)
        if not findings:
            return first
        apply(root, next((f for f in findings if f == first), findings[0]).mend)
        assert first not in check(root, ran), first.mend
    raise AssertionError([str(finding) for finding in findings])


def _edit(path: str, old: str, new: str) -> Change:
    def edit(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert old in text
        (root / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def _yaml(path: str, change: Callable[[Any], object]) -> Change:
    def edit(root: Path) -> None:
        document = load(root / path)
        change(document)
        save(root / path, document)

    return edit


def _stage(name: str, **keys: Any) -> Change:  # noqa: ANN401 - YAML
    return _yaml("dvc.yaml", lambda document: document["stages"][name].update(keys))


def _content(path: str, content: bytes) -> Change:
    return lambda root: (root / path).write_bytes(content)


def _gone(*paths: str) -> Change:
    def remove(root: Path) -> None:
        for path in paths:
            (root / path).unlink()

    return remove


def _in_git(path: str, content: bytes, attributes: str = "", **settings: str) -> Change:
    """A dependency that was run and committed with such bytes, under such attributes and settings of git."""

    def edit(root: Path) -> None:
        for key, value in settings.items():
            git(root, "config", key.replace("_", "."), value)
        with (root / ".gitattributes").open("a", encoding="utf-8") as file:
            file.write(attributes)
        (root / path).write_bytes(content)
        dvc(root, "repro", "--quiet")
        commit(root)
        assert git(root, "status", "--porcelain") == ""

    return edit


def _overlooked(flag: str) -> Change:
    def edit(root: Path) -> None:
        git(root, "update-index", f"--{flag}", "plain.py")
        (root / "plain.py").write_text("y\n", encoding="utf-8")
        dvc(root, "repro", "--quiet")
        assert git(root, "status", "--porcelain", "--", "plain.py") == ""

    return edit


def _merge(root: Path) -> None:
    """A merge of two branches with a run each, stopped at dvc.lock."""
    (root / ".gitattributes").write_text("dvc.lock -merge\n", encoding="utf-8")
    commit(root)
    for branch, text in (("one", "1\n"), ("two", "2\n")):
        git(root, "switch", "--quiet", "--create", branch, "main")
        (root / f"{branch}.txt").write_text(text, encoding="utf-8")
        (root / "plain.py").write_text(text if branch == "one" else "x\n", encoding="utf-8")
        (root / "k.txt").write_text(text if branch == "two" else "1", encoding="utf-8")
        dvc(root, "repro", "--quiet")
        commit(root)
    subprocess.run(["git", "merge", "--quiet", "one"], cwd=root, check=False, capture_output=True)
    _edit("dvc.lock", "schema", "<<<<<<< HEAD\nschema")(root)


def _ignored_in_a_folder(root: Path) -> None:
    write(root, {"order/a/notes.log": "mine", "order/x y.log": "mine"})
    with (root / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("*.log\n")
    dvc(root, "repro", "--quiet")
    commit(root)


def _ignored(root: Path) -> None:
    git(root, "rm", "--quiet", "--cached", "plain.py")
    with (root / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("plain.py\n")
    commit(root)


def _empty_folder(root: Path) -> None:
    (root / "void").mkdir()
    _stage("plain", deps=["plain.py", "void"])(root)
    dvc(root, "repro", "--quiet")
    commit(root)


def _new_pointer(root: Path) -> None:
    write(root, {"new.txt": "1", "new.txt.dvc": "outs: 3"})


def _strict_line_ends(root: Path) -> None:
    """A CRLF, and a setting with which `git add` refuses what it would convert."""
    _in_git("plain.py", b"a\r\n")(root)
    git(root, "config", "core.safecrlf", "true")


def _like_an_option(root: Path) -> None:
    write(root, {"-f": ""})
    (root / "-f").write_bytes(b"a\r\n")
    _stage("kept", deps=["k.txt", "-f"])(root)
    dvc(root, "repro", "--quiet")


def _sparse(path: str) -> Change:
    def leave_out(root: Path) -> None:
        git(root, "sparse-checkout", "set", "--no-cone", "/*", f"!/{path}")
        if (root / path).parent != root:  # else there is nothing to run with
            dvc(root, "repro", "--quiet")

    return leave_out


_CASES: dict[str, tuple[Change, str]] = {
    "code": (_content("plain.py", b"y\n"), "plain.py"),
    "param": (_edit("params.yaml", "rate", "speed"), "params.yaml"),
    "command": (_stage("plain", cmd="cat plain.py plain.py > plain.out"), "dvc.yaml"),
    "command of a frozen stage": (_stage("frozen", cmd="cat frozen.txt frozen.txt > frozen.out"), "dvc.yaml"),
    "added dependency": (_stage("plain", deps=["plain.py", "k.txt"]), "k.txt"),
    "removed dependency": (_yaml("dvc.yaml", lambda d: d["stages"]["plain"].pop("deps")), "plain.py"),
    "added param": (_stage("kept", params=["plain.rate"]), "plain.rate"),
    "removed param": (_yaml("dvc.yaml", lambda d: d["stages"]["plain"].pop("params")), "plain"),
    "added output": (_stage("plain", outs=["plain.out", "more.out"], cmd="touch plain.out more.out"), "more.out"),
    "removed output": (_yaml("dvc.yaml", lambda d: d["stages"]["kept"].pop("plots")), "kplots"),
    "added stage": (_yaml("dvc.yaml", lambda d: d["stages"].update(new={"cmd": "touch n", "outs": ["n"]})), "dvc.lock"),
    "edited metrics": (_content("k.json", b"9"), "k.json"),
    "removed metrics": (_gone("k.json"), "k.json"),
    "edited output": (_content("sub/out.txt", b"9"), "sub/out.txt"),
    "edited output of a frozen stage": (_content("frozen.out", b"9"), "frozen.out"),
    "edited data": (_content("tools/words.txt", b"9"), "tools/words.txt"),
    "removed dependency's file": (_gone("plain.py"), "plain.py"),
    "another pointer": (_edit("tools/words.txt.dvc", "md5: ", "md5: 0"), "tools/words.txt"),
    "broken pointer": (_content("tools/words.txt.dvc", b"outs: 3"), "tools/words.txt.dvc"),
    "new broken pointer": (_new_pointer, "new.txt.dvc"),
    "chain": (_yaml("dvc.lock", lambda d: d["stages"]["kept"]["outs"][0].update(md5="0" * 32)), "k.json"),
    "merge": (_merge, "dvc.lock"),
    "marks of a conflict": (_edit("dvc.lock", "schema", "<<<<<<< HEAD\nschema"), "dvc.lock"),
    "not YAML": (_content("dvc.lock", b"stages: ["), "dvc.lock"),
    "not text": (_content("dvc.lock", b"stages: \xff"), "dvc.lock"),
    "no stages": (_content("dvc.lock", b"schema: '2.0'\n"), "dvc.lock"),
    "empty": (_content("dvc.lock", b""), "dvc.lock"),
    "empty entry": (_content("dvc.lock", b"stages: {plain: }\n"), "dvc.lock"),
    "an entry that is not DVC's": (_content("dvc.lock", b"schema: '2.0'\nstages: {plain: {cmds: 1}}\n"), "dvc.lock"),
    "no lock": (_gone("dvc.lock"), "dvc.lock"),
    "no second lock": (_gone("sub/dvc.lock"), "sub/dvc.lock"),
    "line ends": (_in_git("plain.py", b"a\r\nb\r\n"), "plain.py"),
    "line ends of a setting": (
        _in_git("plain.py", b"a\r\n", "*.py -text\n*.py !text !eol\n", core_autocrlf="true"),
        "plain.py",
    ),
    "line ends of an attribute": (_in_git("plain.py", b"a\nb\n", "*.py text eol=crlf\n"), "plain.py"),
    "line ends of an output": (_in_git("k.txt", b"1\r\n", "k.txt -text\n"), "k.json"),
    "line ends that git refuses": (_strict_line_ends, "plain.py"),
    "a name like an option": (_like_an_option, "-f"),
    "left out of a sparse checkout": (_sparse("plain.py"), "plain.py"),
    "left out of a folder": (_sparse("order/a.txt"), "order/a.txt"),
    "ident": (_in_git("plain.py", b"$Id$\n", "*.py ident\n"), "plain.py"),
    "encoding": (
        _in_git("plain.py", b"\xfe\xff" + "ä\n".encode("utf-16-be"), "*.py working-tree-encoding=UTF-16\n"),
        "plain.py",
    ),
    "filter": (
        _in_git("plain.py", b"abc\n", "*.py filter=up\n", filter_up_clean="tr a-z A-Z", filter_up_smudge="tr A-Z a-z"),
        "plain.py",
    ),
    "assume-unchanged": (_overlooked("assume-unchanged"), "plain.py"),
    "skip-worktree": (_overlooked("skip-worktree"), "plain.py"),
    "ignored by git": (_ignored, "plain.py"),
    "ignored by git in a folder": (_ignored_in_a_folder, "order/"),
    "empty folder": (_empty_folder, "void"),
}


@pytest.mark.parametrize("name", _CASES)
def test_the_command_that_a_finding_names_ends_it(tree: Path, name: str) -> None:
    """Each kind of finding is gone after its command, and a clone of what is then committed is consistent, too."""
    spoil, place = _CASES[name]
    spoil(tree)
    mended(tree, place)
    commit(tree)
    git(tree.parent, "clone", "--quiet", str(tree), "clone")
    assert [str(finding) for finding in check(tree.parent / "clone")] == []


def test_a_submodule_that_is_not_there_is_named(tree: Path) -> None:
    """In a clone without submodules a dependency in one comes by git's command; line ends there are its own affair."""
    lib = tree.parent / "lib"
    lib.mkdir()
    git(lib, "init", "--quiet")
    (lib / "code.py").write_bytes(b"a\r\n")
    git(lib, "add", "--all")
    git(lib, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "all")
    git(tree, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(lib), "lib")
    _stage("kept", deps=["k.txt", "lib/code.py"])(tree)
    dvc(tree, "repro", "--quiet")
    assert check(tree) == []
    commit(tree)
    git(tree.parent, "clone", "--quiet", str(tree), "clone")
    assert [finding.mend for finding in check(tree.parent / "clone")] == ["git submodule update --init -- lib"]


@pytest.mark.parametrize(("name", "text"), [("o.yaml", "k: .nan\n"), ("o.py", "k = {'a': (1, 2)}\n")])
def test_a_param_that_never_equals_itself_is_told_as_that(tree: Path, name: str, text: str) -> None:
    """DVC finds such a value changed after each run: another value ends it, no run does."""
    write(tree, {name: text})
    _stage("kept", params=[{name: ["k"]}])(tree)
    dvc(tree, "repro", "--quiet")
    (found,) = check(tree)
    assert {found.stage} == status(tree)
    assert found.mend == f"in {name}, write a value that DVC finds the same when it reads it, then dvc repro kept"


def test_a_left_over_entry_is_deleted_by_hand(tree: Path) -> None:
    """DVC has no command that takes an entry out of dvc.lock: it is named, and deleting it is enough."""
    _yaml("dvc.yaml", lambda document: document["stages"].pop("order"))(tree)
    (found,) = check(tree)
    assert found.mend == "delete the entry order from dvc.lock"
    _yaml("dvc.lock", lambda document: document["stages"].pop("order"))(tree)
    assert check(tree) == []


def test_a_record_that_is_gone_comes_back_by_running_that_stage_alone(tree: Path) -> None:
    """With `ran`, a stage whose record the run-cache lost is named, and its command writes the record again."""
    shutil.rmtree(tree / ".dvc/cache/runs")
    (tree / "sub/dvc.yaml").unlink()
    for name in ("dvc.lock", "next.txt", "out.txt"):
        (tree / "sub" / name).unlink()
    assert {finding.stage for finding in check(tree, ran=True)} == {
        "plain",
        "kept",
        "reader",
        "frozen",
        "words",
        "order",
    }
    dvc(tree, "unfreeze", "frozen")
    assert mended(tree, "dvc.lock", ran=True).stage == "plain"


def test_what_git_stores_otherwise_is_named_to_its_author_alone(tree: Path) -> None:
    """Git and DVC call a CRLF clean; the author learns of it, other clones only that they are stale."""
    _CASES["line ends"][0](tree)
    assert (git(tree, "status", "--porcelain"), status(tree)) == ("", set())
    (found,) = check(tree)
    assert (found.stage, found.where) == ("plain", "plain.py")
    assert "git stores other bytes than lie here (line ends)" in found.what
    git(tree.parent, "clone", "--quiet", str(tree), "clone")
    (stale,) = check(tree.parent / "clone")
    assert (stale.stage, stale.mend) == ("plain", "dvc repro plain")


def test_a_crlf_is_named_before_it_is_committed(tree: Path) -> None:
    """A file whose line ends `git add` will change is named beforehand: the run need not be repeated."""
    write(tree, {"new.py": ""})
    (tree / "new.py").write_bytes(b"a\r\n")
    (tree / "plain.py").write_bytes(b"a\r\n")
    _stage("kept", deps=["k.txt", "new.py"])(tree)
    dvc(tree, "repro", "--quiet")
    assert {finding.where for finding in check(tree)} == {"new.py", "plain.py"}


def test_bytes_that_git_keeps_as_they_are_are_no_finding(tree: Path) -> None:
    """A CRLF that attributes keep, or that was committed before there were any, is the same everywhere."""
    _in_git("plain.py", b"a\r\n", "*.py -text\n")(tree)
    assert check(tree) == []
    _in_git("plain.py", b"b\r\n", "*.py !text !eol\n")(tree)
    assert check(tree) == []


def test_odd_places_are_asked_of_git_all_the_same(tree: Path) -> None:
    """A colon and quotes in the path of the repository; spaces, quotes, globs and other letters in names."""
    root = tree.rename(tree.parent / 'a: "b" \\c')
    names = ['x "y" [z]*.py', "größe.py"]
    for name in names:
        (root / "order" / name).write_bytes(b"a\r\n")
    dvc(root, "repro", "--quiet")
    commit(root)
    assert {finding.where for finding in check(root)} == {f"order/{name}" for name in names}
    git(root, "config", "core.autocrlf", "true")
    mended(root, names[0])


def test_without_git_nothing_is_asked_of_it(tmp_path: Path) -> None:
    """A tree that git does not know, as `dvc init --no-scm` makes it, is compared all the same."""
    dvc(tmp_path, "init", "--no-scm", "--quiet")
    (tmp_path / "a.txt").write_bytes(b"a\r\n")
    save(tmp_path / "dvc.yaml", {"stages": {"a": cat("a.txt", out="b.txt")}})
    dvc(tmp_path, "repro", "--quiet")
    assert check(tmp_path) == []
    (tmp_path / "a.txt").write_bytes(b"b\r\n")
    assert [finding.stage for finding in check(tmp_path)] == ["a"]


def test_a_repository_of_dvc_may_be_a_folder_of_gits(tmp_path: Path) -> None:
    """Paths are those of DVC's root, not of git's, also in the command; a link to the root leads to the same."""
    git(tmp_path, "init", "--quiet")
    write(tmp_path, {".gitattributes": "* text=auto eol=lf\n"})
    root = tmp_path / "sub"
    root.mkdir()
    dvc(root, "init", "--subdir", "--quiet")
    (root / "a b.txt").write_bytes(b"a\r\n")
    stage = {"cmd": "cat 'a b.txt' > b.txt", "deps": ["a b.txt"], "outs": ["b.txt"]}
    save(root / "dvc.yaml", {"stages": {"a": stage}})
    dvc(root, "repro", "--quiet")
    git(tmp_path, "add", "--all")
    (tmp_path / "link").symlink_to("sub")
    assert [finding.where for finding in check(tmp_path / "link")] == ["a b.txt"]
    mended(root, "a b.txt")


def test_an_import_is_taken_by_its_pointer_and_its_source_is_not_asked(tree: Path) -> None:
    """The pointer has the hash of imported data; its source is not read."""
    digest = load(tree / "tools/words.txt.dvc")["outs"][0]
    source = {"path": "w.txt", "repo": {"url": "http://127.0.0.1:9/x", "rev_lock": "a" * 40}}
    pointer = {"frozen": True, "deps": [source], "outs": [digest]}
    save(tree / "tools/words.txt.dvc", pointer)
    assert [finding.what for finding in check(tree)] == ["was edited after its data came"]
    from dvc.repo import Repo

    with Repo(str(tree)) as repo:
        pointer["md5"] = repo.stage.load_one(str(tree / "tools/words.txt.dvc")).compute_md5()
    save(tree / "tools/words.txt.dvc", pointer)
    assert check(tree) == []


@pytest.mark.parametrize("path", ["/usr/bin/env", "../elsewhere.txt", "s3://bucket/x"])
def test_a_dependency_outside_the_repository_is_refused_unread(tree: Path, path: str) -> None:
    """Nothing outside the repository is read for a stage: it would be another file elsewhere."""
    _stage("plain", deps=["plain.py", path])(tree)
    with pytest.raises(VerdictError, match="leads out of the repository"):
        check(tree)


@pytest.mark.parametrize(
    ("spoil", "stage", "told"),
    [
        (_content("params.yaml", b"plain: 2024-01-01\n"), "all", "date"),
        (_content("params.yaml", b"plain: ["), "all", "params.yaml"),
        (_content("dvc.yaml", b"stages: {plain: {cmd: cat, wdir: [1]}}\n"), "all", "validation failed"),
        (_content("order/.dvcignore", b"x\n"), "order", ".dvcignore"),
        (lambda root: (root / "order" / "lost").symlink_to("nowhere"), "order", "lost"),
        (
            _content("data.dvc", b"outs: [{path: data, md5: %s, cmd: x}]\n" % (b"a" * 32)),
            "data",
            "extra keys not allowed",
        ),
    ],
    ids=["a date", "broken params", "dvc.yaml", "a .dvcignore in a dependency", "a broken link", "pointer"],
)
def test_what_dvc_cannot_read_is_named_with_its_reason(tree: Path, spoil: Change, stage: str, told: str) -> None:
    """If DVC itself gives up, the finding has the file and DVC's words, and the check goes on."""
    spoil(tree)
    assert any(finding.stage == stage and told in finding.what for finding in check(tree))
