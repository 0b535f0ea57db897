"""Prints 1 when the message with $GOLIVE_NONCE is in the support mailbox of the preview, else 0."""

import os

import httpx


def main() -> None:
    wanted = {"to": "support@acme.example", "q": os.environ["GOLIVE_NONCE"]}
    found = httpx.get(f"{os.environ['ACME_MAIL_URL']}/api/messages", params=wanted, timeout=10).json()
    print(1 if found["messages"] else 0)


if __name__ == "__main__":
    main()
