"""The review in GitHub Actions: a run of a change's code that nobody trusts, and the judge, which is main's code.

`verdict ci plan` and `reproduce` run beside the change's code and hand over a bundle; `judge`, `publish`,
`comment` and `commit-lock` run main's code and take that bundle as data; `main` and `audit` watch over main itself.
"""
