"""Tests of verdict/base/flatten.py."""

from verdict.base.flatten import dotted, flatten, leaves


def test_groups_become_dotted_keys() -> None:
    """Values and lists at any depth are leaves, and so is an empty group, which would vanish otherwise."""
    document = {"a": {"b": 1, "c": {"d": [2, {"e": 3}]}}, "empty": {}, "none": None}
    assert flatten(document) == {"a.b": 1, "a.c.d": [2, {"e": 3}], "empty": {}, "none": None}


def test_a_key_with_a_dot_is_no_group() -> None:
    """The key "gate.lock" cannot pass for `lock` of `gate`."""
    assert flatten({"gate.lock": 1, "gate": {"lock": 2}}) == {"'gate.lock'": 1, "gate.lock": 2}


def test_what_is_no_group_is_one_leaf() -> None:
    """A document without any key has one leaf, with the empty path."""
    assert list(leaves(None)) == [((), None)]
    assert dotted(()) == ""
