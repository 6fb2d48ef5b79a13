"""What parts the cells of a line, in the formats that have lines of cells."""

DELIMITERS = {"csv": ",", "tsv": "\t"}
_OTHERS = ";\t|,"  # where the first line has none of the file's own: spreadsheets write semicolons in many countries


def delimiter_of(first: str, kind: str) -> str:
    """What parts the cells of a file of a kind, by its first line."""
    usual = DELIMITERS[kind]
    return next((sign for sign in usual + _OTHERS if sign in first), usual)
