"""The outcome of a rule of the gate, which every rule returns."""

from dataclasses import dataclass

BY_PERSON = "let a person approve it: --approve {0}, or in a pull request the label `approve: {0}`"


@dataclass(frozen=True)
class Rule:
    """The outcome of a rule: its name, its requirement, the finding, and a remedy where it failed.

    `brief` is the finding for the verdict's first line; empty where the claim about the model says it.
    """

    name: str
    requirement: str
    passed: bool
    finding: str
    remedy: str = ""
    approved: bool = False
    brief: str = ""
