"""Main's code, which reads what a run handed over as data: nothing of a pull request is executed here."""
