"""Bring any store, embedded or a real ClickHouse, to the newest schema through its HTTP interface."""

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from golive.telemetry.address import DATABASE, StoreError, connection, endpoint
from golive.telemetry.versions import CREATE_DATABASE, apply, steps


def migrate() -> list[str]:
    """Bring the store that `endpoint()` names to the newest schema; returns the versions applied now.

    Safe to repeat and to interrupt. Raises StoreError when the store cannot be reached or refuses a statement.
    """
    place = endpoint()
    user, password = place.writer
    try:
        client = clickhouse_connect.get_client(
            **connection(place.url), username=user, password=password, autogenerate_session_id=False
        )
        try:
            client.command(CREATE_DATABASE)
            client.database = DATABASE
            return apply(client.command, lambda sql: [row[0] for row in client.query(sql).result_rows], steps())
        finally:
            client.close()
    except ClickHouseError as error:
        raise StoreError(f"The schema of the telemetry store at {place.place} was not applied: {error}") from error
