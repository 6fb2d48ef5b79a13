"""A sweep in GitHub Actions: the steps of .github/workflows/sweep.yml other than `verdict sweep`."""
