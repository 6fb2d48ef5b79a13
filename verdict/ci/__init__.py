"""The review in GitHub Actions: an untrusted run of a change's code, and the judge, which is main's code.

`verdict ci plan` and `reproduce` run beside the change's code and write a bundle. `judge`, `publish`, `comment` and
`commit-lock` run main's code and read that bundle as data. `main` and `audit` check main itself. `github` is the API;
`sweep`, `retrain`, `relay` and `cost` are the steps of their workflows, with their own publishing.
"""
