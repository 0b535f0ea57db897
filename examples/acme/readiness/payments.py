"""Prints how many payments the delivery with $GOLIVE_NONCE led to. Imports little: it runs once for each delivery."""

import os

import psycopg


def main() -> None:
    with psycopg.connect(os.environ["ACME_DATABASE_URL"]) as connection:
        wanted = "SELECT count(*) FROM payment WHERE invoice_id LIKE %s"
        row = connection.execute(wanted, [f"in_{os.environ['GOLIVE_NONCE']}%"]).fetchone()
    print(row[0] if row else 0)


if __name__ == "__main__":
    main()
