"""The workflow files of .github, executed offline by act against a GitHub on 127.0.0.1."""
