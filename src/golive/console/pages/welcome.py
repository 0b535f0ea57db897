"""One-time links: the owner's first visit, an invitation, a password set anew."""

from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from golive.people import audit
from golive.people import welcome as links
from golive.people.models import Purpose, Role, User, WelcomeLink


class WelcomeForm(forms.Form):
    """Who they are and how they sign in."""

    email = forms.EmailField(
        max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    name = forms.CharField(max_length=120, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        strip=False, max_length=1000, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: object, link: WelcomeLink, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.link = link
        self.fields["password"].help_text = " ".join(password_validators_help_texts())
        if link.purpose == Purpose.RESET:
            del self.fields["email"], self.fields["name"]
            self.fields["password"].widget.attrs["autofocus"] = True
        elif link.email:
            self.fields["email"].initial = link.email
            self.fields["email"].disabled = True

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exists():
            raise ValidationError("Somebody with this email address is here already.")
        return email

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        email = self.link.email or self.cleaned_data.get("email", "")
        validate_password(password, User(email=email, first_name=self.cleaned_data.get("name", "")))
        return password

    def account(self, link: WelcomeLink) -> User:
        """Make the account or set its password."""
        data = self.cleaned_data
        if link.purpose == Purpose.RESET:
            person = User.objects.get(email=link.email, is_active=True)
            person.set_password(data["password"])
            person.save(update_fields=["password"])
            audit.record(person.email, "person.password", person.email)
            return person
        person = User.objects.create_person(data["email"], data["password"], Role(link.role), data["name"])
        audit.record(person.email, "person.join", person.email, role=link.role, purpose=link.purpose)
        return person


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form of a link, and use the link up when the form is right."""
    now = timezone.now()
    try:
        link = links.find(token, now)
        form = WelcomeForm(request.POST or None, link=link)
        if request.method == "POST" and form.is_valid():
            person = links.redeem(token, now, form.account)
            if Authenticator.objects.filter(user_id=person.pk).exists():  # a link is no second factor
                return redirect(settings.LOGIN_URL)
            login(request, person, backend=settings.AUTHENTICATION_BACKENDS[0])
            return redirect("/")
    except (links.LinkRefused, User.DoesNotExist) as error:
        said = str(error) if isinstance(error, links.LinkRefused) else "This account is gone or disabled."
        return render(request, "console/welcome_refused.html", {"reason": said}, status=410)
    return render(request, "console/welcome.html", {"form": form, "link": link})
