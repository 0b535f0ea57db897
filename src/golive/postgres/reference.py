"""References to URLs that hold a password."""

from typing import Annotated

from pydantic import AfterValidator

from golive.people.secrets import is_reference


def _reference(text: str) -> str:
    if text and not is_reference(text):
        raise ValueError("a database's URL holds a password: write env:NAME, file:PATH or secret:NAME instead")
    return text


Reference = Annotated[str, AfterValidator(_reference)]
