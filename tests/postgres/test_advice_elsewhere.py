"""An index is unused only when nobody uses it anywhere."""

from golive.postgres.advice import elsewhere
from golive.postgres.session import session
from golive.sandbox.servers import free_port

from .conftest import Place


def test_foreign_keys_and_the_scans_of_replicas_are_asked(place: Place) -> None:
    place.run("CREATE TABLE customer (id int PRIMARY KEY)")
    place.run("CREATE TABLE invoice (id int PRIMARY KEY, customer_id int REFERENCES customer, paid bool)")
    place.run("CREATE INDEX invoice_paid ON invoice (paid)")
    place.run("SET enable_seqscan = off; SELECT count(*) FROM invoice WHERE paid; SELECT pg_stat_force_next_flush()")
    with session(place.url) as connection:
        alone = elsewhere.look(connection, [])
        with_one = elsewhere.look(connection, [place.url])
        with_a_dead_one = elsewhere.look(connection, [place.url, f"postgresql://x@127.0.0.1:{free_port()}/x"])
    assert alone.foreign_keys == [("public", "invoice", "customer_id")]
    assert (alone.replicas, alone.scans) == (0, {})
    assert with_one.scans is not None
    assert with_one.scans["invoice_paid"] == 1
    assert (with_a_dead_one.replicas, with_a_dead_one.scans) == (2, None)
