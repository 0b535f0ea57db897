"""A value shown once, on the page after the one that made it; sealed in the session until then."""

from django.http import HttpRequest

from golive.people import vault


def keep(request: HttpRequest, name: str, value: str) -> None:
    """Keep a value for the next page of this session."""
    request.session[f"once:{name}"] = vault.encrypt_text(value, f"once:{name}")


def take(request: HttpRequest, name: str) -> str:
    """The value kept, which is then gone; "" when there is none."""
    sealed = request.session.pop(f"once:{name}", "")
    return vault.decrypt_text(sealed, f"once:{name}") if sealed else ""
