"""What a reader may run, beyond the engine's own `readonly = 1`.

The embedded engine is a command-line ClickHouse at heart: `readonly = 1` stops writes and most table functions, yet
it still lets `file('/etc/passwd')`, `INTO OUTFILE`, `DESCRIBE url(…)`, `KILL QUERY` and Python objects through. So a
reader's statement must be a plain read by the engine's own classifier, and the engine's own canonical text of it
(comments gone, every name in its true spelling) may name only harmless functions.
"""

from collections.abc import Collection, Mapping

from golive.telemetry.statements import tokens

# Table functions that only compute or read the store's own tables.
HARMLESS_TABLE_FUNCTIONS = frozenset(
    {"format", "generate_series", "generateseries", "merge", "null", "numbers", "numbers_mt", "primes", "values"}
    | {"view", "zeros", "zeros_mt", "sqlstandardvalues"}
)
# Scalar functions that reach outside the engine. They can be passed by name (`arrayMap(file, …)`), so the bare name
# is refused wherever it stands as an identifier.
OUTWARD_FUNCTIONS = frozenset(
    {"file", "aiclassify", "aiembed", "aiextract", "aifilter", "aigenerate", "airedact", "aisimilarity", "aitranslate"}
)


class Forbidden(Exception):
    """A reader's statement would reach outside the store's tables."""


def examine(canonical: str, parameters: Mapping[str, str], table_functions: Collection[str]) -> None:
    """Raise Forbidden when the statement names something that is not for readers.

    `canonical` is the engine's formatted text, `table_functions` the lower-case names the engine knows.
    """
    previous = None
    found = list(tokens(canonical))
    for token in found:
        name = _name(token.text) if token.kind in ("word", "quoted") else ""
        if name in OUTWARD_FUNCTIONS:
            raise Forbidden(f"Function {name} is not for readers.")
        if token.text == "(" and previous in table_functions and previous not in HARMLESS_TABLE_FUNCTIONS:
            raise Forbidden(f"Table function {previous} is not for readers.")
        previous = name
    if any(token.is_word("IDENTIFIER") for token in found):  # a bound name counts like a written one
        for value in parameters.values():
            if any(_name(token.text) in OUTWARD_FUNCTIONS for token in tokens(value)):
                raise Forbidden("This name is not for readers.")


def _name(text: str) -> str:
    return text.strip('`"').lower()
