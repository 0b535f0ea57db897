"""What a person's role lets them do: `@needs(Role.RESPONDER)` on a view."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from golive.people.models import Role, User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

MEANINGS = {
    Role.OWNER: "everything, people and roles included",
    Role.ADMIN: "projects, keys, tokens, settings, and all below",
    Role.RESPONDER: "acknowledge, mute, write on incidents and the status page, and all below",
    Role.VIEWER: "look at everything",
}


def may(person: Any, role: Role) -> bool:
    """Whether somebody's role includes `role`; an anonymous visitor's never does."""
    return isinstance(person, User) and person.may(role)


def lacking(role: Role) -> str:
    """What somebody is told who lacks a role."""
    return f"This needs the role {role.label.lower()}. Ask an owner of this install."


def needs(role: Role) -> Callable[[View[P]], View[P]]:
    """Let only people whose role includes `role` through; others get a page that says what is lacking."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not may(request.user, role):
                raise PermissionDenied(lacking(role))
            return view(request, *args, **kwargs)

        return guarded

    return decorate
