"""People and their roles: invite, change, disable."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from golive.people import audit, welcome
from golive.people.models import Purpose, Role, User, WelcomeLink
from golive.people.permissions import MEANINGS, lacking, may, needs
from golive.people.tokens import actor


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(max_length=254)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.RESPONDER)

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exists():
            raise ValidationError("Somebody with this email address is here already.")
        return email


def people(request: HttpRequest) -> HttpResponse:
    """Everybody, what each may do, and the form that makes an invitation."""
    form, link = InviteForm(), ""
    if request.method == "POST":
        form, link = _invite(request)
    listed = list(User.objects.order_by("-is_active", "email"))
    return render(
        request,
        "console/people.html",
        {
            "listed": listed,
            "active": sum(person.is_active for person in listed),
            "invited": WelcomeLink.objects.filter(purpose=Purpose.INVITE, used_at=None, expires_at__gt=timezone.now()),
            "form": form,
            "link": link,
            "roles": Role.choices,
            "meanings": [(role.label, meaning) for role, meaning in MEANINGS.items()],
            "is_owner": may(request.user, Role.OWNER),
        },
    )


def _invite(request: HttpRequest) -> tuple[InviteForm, str]:
    if not may(request.user, Role.OWNER):
        raise PermissionDenied(lacking(Role.OWNER))
    form = InviteForm(request.POST)
    if not form.is_valid() or not isinstance(request.user, User):
        return form, ""
    email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    link = welcome.create(Purpose.INVITE, timezone.now(), email=email, role=role, by=request.user)
    audit.record(request.user.email, "person.invite", email, role=role)
    return InviteForm(), link


@require_POST
@needs(Role.OWNER)
def change_role(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    role = request.POST.get("role", "")
    if role not in Role.values:
        messages.error(request, f"{role!r} is not a role.")
    elif role != Role.OWNER and person.is_last_owner():
        messages.error(request, f"{person} is the only owner: make somebody else an owner first.")
    elif role != person.role:
        before, person.role = person.role, role
        person.save(update_fields=["role"])
        audit.record(actor(request), "person.role", person.email, before=before, after=role)
        messages.success(request, f"{person} is {role} now.")
    return redirect("people")


@require_POST
@needs(Role.OWNER)
def change_standing(request: HttpRequest, pk: int) -> HttpResponse:
    """Disable somebody (their sessions end at once) or let them in again."""
    person = get_object_or_404(User, pk=pk)
    active = request.POST.get("active") == "yes"
    if not active and person.is_last_owner():
        messages.error(request, f"{person} is the only owner: make somebody else an owner first.")
    elif active != person.is_active:
        person.is_active = active
        person.save(update_fields=["is_active"])
        audit.record(actor(request), "person.enable" if active else "person.disable", person.email)
        messages.success(request, f"{person} may sign in again." if active else f"{person} is signed out and disabled.")
    return redirect("people")


@require_POST
@needs(Role.OWNER)
def reset_link(request: HttpRequest, pk: int) -> HttpResponse:
    """A one-time link on which somebody sets a new password."""
    person = get_object_or_404(User, pk=pk, is_active=True)
    by = request.user if isinstance(request.user, User) else None
    link = welcome.create(Purpose.RESET, timezone.now(), email=person.email, role=Role(person.role), by=by)
    audit.record(actor(request), "person.reset", person.email)
    return render(request, "console/link.html", {"person": person, "link": link})
