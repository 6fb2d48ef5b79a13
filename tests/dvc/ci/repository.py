"""A small git repository for tests of the judge's git code; no DAG runs in it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

LOCK = """schema: '2.0'
stages:
  train:
    cmd: python -I -m stages.train
    deps:
    - path: stages/train.py
      md5: a000000000000000000000000000000a
    outs:
    - path: metrics/evaluation.json
      md5: b111111111111111111111111111111b
"""
FILES = {
    "dvc.lock": LOCK,
    "dvc.yaml": "stages: {}\n",
    "params.yaml": "train: {seed: 1}\n",
    "stages/train.py": "print('train')\n",
    "metrics/evaluation.json": '{"f1": 0.5}\n',
    "metrics/README.md": "What the figures mean.\n",
    "docs/a.md": "text\n",
    ".dvc/config": "[core]\n",
}


@dataclass(frozen=True)
class Repository:
    """A repository at `path`, with a first commit on main."""

    path: Path

    def git(self, *arguments: str) -> str:
        """Run git; return its output."""
        identity = ["-c", "user.name=author", "-c", "user.email=author@localhost"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.path, check=True, capture_output=True, encoding="utf-8"
        )
        return done.stdout.strip()

    def put(self, name: str, text: str) -> None:
        """Write one file."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text, encoding="utf-8")

    def commit(self, message: str = "change") -> str:
        """Commit everything; return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, start: str = "main") -> None:
        """Make a branch and check it out."""
        self.git("checkout", "--quiet", "-b", name, start)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with `FILES` on main."""
    created = Repository(tmp_path / "repository")
    created.path.mkdir()
    created.git("init", "--quiet", "--initial-branch", "main")
    for name, text in FILES.items():
        created.put(name, text)
    created.commit("main")
    return created
