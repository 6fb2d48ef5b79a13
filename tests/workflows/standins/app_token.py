"""actions/create-github-app-token: hand out a token that the test registered with its GitHub."""

import os

from tests.workflows.standins.step import fail, get_input, mask, output


def main() -> None:
    """Output the token for any non-empty key."""
    if not (get_input("client-id") or get_input("app-id")) or not get_input("private-key"):
        fail("Either 'client-id' or 'app-id', and 'private-key', must be set to a non-empty string")
    token = os.environ.get("STANDIN_APP_TOKEN", "")
    if not token:
        fail("Not Found: the App is not installed here")
    mask(token)
    output(token=token, installation_id="1", app_slug=os.environ.get("STANDIN_APP_SLUG", "verdict"))


if __name__ == "__main__":
    main()
