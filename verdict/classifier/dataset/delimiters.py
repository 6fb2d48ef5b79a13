"""The delimiters of the formats with lines of cells."""

DELIMITERS = {"csv": ",", "tsv": "\t"}
_OTHERS = ";\t|,"  # where the first line has none of the file's own: spreadsheets write semicolons in many countries


def delimiter_of(first: str, kind: str) -> str:
    """Detect the delimiter of a file by its first line."""
    usual = DELIMITERS[kind]
    return next((sign for sign in usual + _OTHERS if sign in first), usual)
