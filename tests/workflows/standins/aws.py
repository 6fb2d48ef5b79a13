"""aws-actions/configure-aws-credentials: the test's keys for a role, or the given keys."""

import os

from tests.workflows.standins.step import export, fail, get_flag, get_input, mask, output


def main() -> None:
    """Export the keys; without any, end as the action does where OIDC is not configured."""
    role = get_input("role-to-assume")
    prefix = "STANDIN_AWS_" if role else None
    key = os.environ.get(f"{prefix}ACCESS_KEY_ID", "") if prefix else get_input("aws-access-key-id")
    secret = os.environ.get(f"{prefix}SECRET_ACCESS_KEY", "") if prefix else get_input("aws-secret-access-key")
    if not key or not secret:
        fail("Credentials could not be loaded, please check your action inputs: Could not load credentials")
    if not get_input("aws-region"):
        fail("Input required and not supplied: aws-region")
    mask(secret)
    if get_flag("output-env-credentials", "true"):
        export(AWS_REGION=get_input("aws-region"), AWS_DEFAULT_REGION=get_input("aws-region"))
        export(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
    if get_flag("output-credentials"):
        output(aws_access_key_id=key, aws_secret_access_key=secret)


if __name__ == "__main__":
    main()
