"""Accounts are made by invitation only: there is no public sign-up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's adapter with registration closed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
