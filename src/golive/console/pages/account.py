"""A person's own sign-in: password, second factors; and what golive does not offer."""

from allauth.mfa.models import Authenticator
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def account(request: HttpRequest) -> HttpResponse:
    """Password and second factors at a glance."""
    kinds = set(Authenticator.objects.filter(user_id=request.user.pk).values_list("type", flat=True))
    return render(
        request,
        "console/account.html",
        {
            "totp": "totp" in kinds,
            "keys": Authenticator.objects.filter(user_id=request.user.pk, type="webauthn").count(),
            "codes": "recovery_codes" in kinds,
        },
    )


@login_not_required
def forgotten(request: HttpRequest) -> HttpResponse:
    """Who can help when a password is forgotten: golive may have no mail, so owners make the link."""
    return render(request, "console/forgotten.html")


@login_not_required
def closed(request: HttpRequest) -> HttpResponse:
    """Accounts are made by invitation."""
    return render(request, "console/closed.html", status=404)
