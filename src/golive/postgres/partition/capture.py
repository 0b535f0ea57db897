"""What records the changes of a table while it is copied, as statements: tables, functions and triggers."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from golive.postgres.partition.shape import Shape
from golive.postgres.partition.steps import I, Names, S, columns_sql
from golive.postgres.session import Statement

TRIGGERS = ("zz_golive_capture", "zz_golive_truncation")


@dataclass(frozen=True)
class Capture:
    """The change capture of one table. `changed` are the columns of a changed row that are recorded."""

    shape: Shape
    names: Names
    changed: Sequence[str]

    @property
    def changes(self) -> sql.Identifier:
        """The table of changed keys, in their order."""
        return self._named("_golive_changes")

    @property
    def progress(self) -> sql.Identifier:
        """The table of how far the copy is: one row."""
        return self._named("_golive_progress")

    @property
    def functions(self) -> tuple[sql.Identifier, sql.Identifier]:
        """Those of the triggers."""
        return self._named("_golive_capture"), self._named("_golive_emptied")

    @property
    def typed(self) -> sql.Composed:
        """The recorded columns with their types."""
        kinds = {each["name"]: each["type"] for each in self.shape.columns}
        return S(", ").join(S("{} {}").format(I(name), S(kinds[name])) for name in self.changed)

    def _named(self, suffix: str) -> sql.Identifier:
        return I(self.names.schema, self.names.short(suffix))

    def begin(self, indexed: bool) -> list[Statement]:
        """Make it all; `indexed` says whether the copy has its indexes already. The triggers come last: they lock."""
        old, new = (S(", ").join(S("{}.{}").format(S(row), I(name)) for name in self.changed) for row in ("OLD", "NEW"))
        columns, (capture, emptied) = columns_sql(self.changed), self.functions
        begins = S("() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS")
        each_row, each_statement = (I(name) for name in TRIGGERS)
        return [
            S("CREATE TABLE {} (golive_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {})").format(
                self.changes, self.typed
            ),
            S(
                "CREATE TABLE {} (golive_batch bigint NOT NULL, golive_finished boolean NOT NULL, "
                "golive_indexed boolean NOT NULL, golive_analyzed boolean NOT NULL, {})"
            ).format(self.progress, self.typed),
            S(
                "INSERT INTO {} (golive_batch, golive_finished, golive_indexed, golive_analyzed) "
                "VALUES (0, false, {}, false)"
            ).format(self.progress, sql.Literal(indexed)),
            S(
                "CREATE FUNCTION {}{} $golive$ BEGIN "
                "IF TG_OP <> 'INSERT' THEN INSERT INTO {} ({}) VALUES ({}); END IF; "
                "IF TG_OP = 'UPDATE' THEN IF ROW({})::text = ROW({})::text THEN RETURN NULL; END IF; END IF; "
                "IF TG_OP <> 'DELETE' THEN INSERT INTO {} ({}) VALUES ({}); END IF; RETURN NULL; END $golive$"
            ).format(capture, begins, self.changes, columns, old, old, new, self.changes, columns, new),
            # No row trigger sees a TRUNCATE: it empties the copy too, in its own transaction.
            S("CREATE FUNCTION {}{} $golive$ BEGIN TRUNCATE {}, {}; RETURN NULL; END $golive$").format(
                emptied, begins, I(self.names.schema, self.names.parent), self.changes
            ),
            S("CREATE TRIGGER {} AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW EXECUTE FUNCTION {}()").format(
                each_row, self.shape.where, capture
            ),
            S("CREATE TRIGGER {} AFTER TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION {}()").format(
                each_statement, self.shape.where, emptied
            ),
        ]

    def let_go(self) -> list[Statement]:
        """Take the triggers off the table: just before the names change."""
        return [S("DROP TRIGGER IF EXISTS {} ON {}").format(I(name), self.shape.where) for name in TRIGGERS]

    def end(self) -> list[Statement]:
        """Take away the rest."""
        return [
            *(S("DROP FUNCTION IF EXISTS {}()").format(name) for name in self.functions),
            *(S("DROP TABLE IF EXISTS {}").format(table) for table in (self.changes, self.progress)),
        ]
