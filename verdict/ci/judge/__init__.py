"""The judge: main's code, which reads a run's bundle as data. No code of a pull request is executed here."""
