"""Reads on replicas, writes on the primary, and everybody reads what they wrote.

    pool = RoutedPool(primary_url, [replica_url])                       # psycopg, see pool.py
    DATABASE_ROUTERS = ["golive_client.routing.django.Router"]          # Django, see django.py
    Session = routed_sessionmaker(primary_engine, [replica_engine])     # SQLAlchemy, see sqlalchemy.py

Whoever wrote is given a token (a position in the primary's log); a replica serves them once it has replayed it.
"""

from golive_client.routing.choose import Choice, Policy, Replica, choose
from golive_client.routing.lsn import Token
from golive_client.routing.scope import heavy, scope

__all__ = ["Choice", "Policy", "Replica", "Token", "choose", "heavy", "scope"]
