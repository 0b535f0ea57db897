"""`golive db`: all that the topics' `commands.py` offer, under one name."""

import typer

from golive.postgres import topics

app = typer.Typer()
db_app = typer.Typer(no_args_is_help=True, help="Your PostgreSQL: look, pool, replicas, backups, advice.")
app.add_typer(db_app, name="db")

for _, _module in topics.modules("commands"):
    db_app.add_typer(_module.app)
