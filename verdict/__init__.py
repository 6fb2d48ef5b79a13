"""Text classification whose changes are reproduced, measured and judged: `verdict --help` lists the commands."""
