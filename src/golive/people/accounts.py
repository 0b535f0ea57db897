"""Accounts are made by invitation only, and second factors are kept encrypted."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from golive.people import vault


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's adapter with registration closed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SealingMfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's adapter, encrypting what it would keep in clear: TOTP secrets and recovery codes' seeds."""

    def encrypt(self, text: str) -> str:
        return vault.encrypt_text(text, "mfa")

    def decrypt(self, encrypted_text: str) -> str:
        return vault.decrypt_text(encrypted_text, "mfa")
