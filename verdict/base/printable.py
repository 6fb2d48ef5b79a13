"""Makes untrusted text, such as ids, branch names and messages, fit for one line of a terminal or a report."""

import re
import unicodedata

MAX_LENGTH = 300


def plain(text: object, most: int = MAX_LENGTH) -> str:
    """Text in one line, cut to `most` characters, without control characters or marks that turn its direction."""
    cleaned = "".join(
        char
        if char == "\N{NO-BREAK SPACE}"
        else " "
        if char.isspace()
        else "�"
        if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn")
        else char
        for char in str(text)[: 2 * most]
    )
    line = re.sub(" +", " ", cleaned).strip()
    return line if len(line) <= most and len(str(text)) <= 2 * most else line[: most - 1] + "…"
