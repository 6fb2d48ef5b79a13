"""The report: report.md for GitHub with its pictures, and report.html, the same in one file. `document` writes it."""
