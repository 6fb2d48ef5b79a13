"""A sweep in GitHub Actions: what the steps of .github/workflows/sweep.yml run beside `verdict sweep`."""
