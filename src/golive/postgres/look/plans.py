"""Plans in words, and a plan without values, since pg_stat_statements keeps none; nothing is executed."""

import hashlib
import re
from typing import Any

import psycopg
from psycopg import sql

from golive.postgres.pool.breaks import without_literals
from golive.postgres.session import Connection, one, version_of
from golive.postgres.trouble import said

_EXPLAINABLE = re.compile(r"[\s(]*(select|with|insert|update|delete|merge|values)\b", re.IGNORECASE)
_NODE = re.compile(r"^\s*(?:->\s*)?([A-Z][^(\n]*?)\s*\(cost", re.MULTILINE)
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_SCAN = re.compile(r"Seq Scan on (\S+)")


def sample(connection: Connection, text: str) -> tuple[dict[str, Any] | None, str]:
    """The plan as JSON, or why there is none. EXPLAIN without ANALYZE: the statement does not run."""
    if not _EXPLAINABLE.match(without_literals(text)):
        return None, "only queries have plans"
    if ";" in without_literals(text).rstrip().rstrip(";"):
        return None, "it is more than one statement"
    try:
        if version_of(connection) >= 16:
            rows = one(connection, b"EXPLAIN (GENERIC_PLAN, FORMAT JSON) " + text.encode())
        else:
            rows = _prepared(connection, text)
    except psycopg.errors.SyntaxError:
        return None, "its text was cut off (track_activity_query_size), or cannot be planned without parameters"
    except psycopg.Error as error:
        return None, said(error)
    plan: dict[str, Any] = rows["QUERY PLAN"][0]["Plan"]
    return plan, "generic plan: it hides what rare or frequent values would change"


def _prepared(connection: Connection, text: str) -> dict[str, Any]:
    """Before 16: PREPARE with a generic plan, and NULL for each parameter."""
    many = max((int(number) for number in re.findall(r"\$(\d+)", without_literals(text))), default=0)
    nulls = sql.SQL("({})").format(sql.SQL(", ").join([sql.SQL("NULL")] * many)) if many else sql.SQL("")
    with connection.transaction():
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        connection.execute(b"PREPARE golive_plan AS " + text.encode())
        try:
            return one(connection, sql.SQL("EXPLAIN (FORMAT JSON) EXECUTE golive_plan {}").format(nulls))
        finally:
            connection.execute("DEALLOCATE golive_plan")


def lines(plan: dict[str, Any], depth: int = 0) -> list[str]:
    """A plan as people read it, a node a line."""
    where = plan.get("Relation Name") or plan.get("Index Name") or ""
    index = f" using {plan['Index Name']}" if plan.get("Index Name") and plan.get("Relation Name") else ""
    condition = next((f"  {key}: {plan[key]}" for key in ("Index Cond", "Filter", "Hash Cond") if key in plan), "")
    head = f"{'  ' * depth}{plan['Node Type']}{index}{f' on {where}' if where else ''}"
    numbers = f"  (cost={plan.get('Total Cost', 0):.0f} rows={plan.get('Plan Rows', 0):.0f})"
    if "Actual Rows" in plan:
        numbers += f" (actual rows={plan['Actual Rows']:.0f} loops={plan.get('Actual Loops', 1)})"
    found = [head + numbers + condition]
    for below in plan.get("Plans", []):
        found += lines(below, depth + 1)
    return found


def shape(text: str) -> str:
    """What makes a plan another one: its nodes with their tables and indexes, not its numbers or values."""
    nodes = [" ".join(match[1].split()) for match in _NODE.finditer(text)]
    return hashlib.sha256("\n".join(nodes).encode()).hexdigest()


def masked(text: str) -> str:
    """A plan without the texts that stand in its conditions: they are people's data."""
    return _LITERAL.sub("'…'", text)


def scanned(text: str) -> list[str]:
    """The tables that a written plan reads from end to end."""
    return list(dict.fromkeys(match[1] for match in _SCAN.finditer(text)))
