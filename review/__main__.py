"""`python -m review lock | compare | gate | report | repro`: the commands of the review."""

import argparse
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from classifier.errors import VerdictError, exit_code
from review.policy import APPROVABLE


def _lock(options: argparse.Namespace) -> int:
    from review.lock import check

    findings = check(Path.cwd(), options.ran)
    for finding in findings:
        print(finding)
    print(f"dvc.lock: {len(findings)} findings" if findings else "dvc.lock is consistent with this tree")
    return 1 if findings else 0


def _compare(options: argparse.Namespace) -> int:
    from review.command import compare

    return compare(options)


def _gate(options: argparse.Namespace) -> int:
    from review.command import gate

    return gate(options)


def _report(options: argparse.Namespace) -> int:
    from review.command import report

    return report(options)
