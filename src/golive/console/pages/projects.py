"""All projects, and a new one."""

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify

from golive.console import once
from golive.people import audit, keys
from golive.people.models import Project, Role, User
from golive.people.permissions import lacking, may


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]
    """A project's name and address; its slug follows from the name."""

    class Meta:
        model = Project
        fields = ["name", "url"]
        labels = {"url": "Address"}
        help_texts = {"url": "Where the product runs, like https://acme.example. Leave empty if it is not up yet."}

    url = forms.URLField(required=False, assume_scheme="https", label="Address")

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        slug = slugify(name)[:63]
        if not slug:
            raise ValidationError("A name needs letters or digits.")
        if not self.instance.pk and Project.objects.filter(slug=slug).exists():
            raise ValidationError(f"There is a project {slug} already.")
        return name


def projects(request: HttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None)
    if request.method == "POST":
        if not may(request.user, Role.ADMIN) or not isinstance(request.user, User):
            raise PermissionDenied(lacking(Role.ADMIN))
        if form.is_valid():
            data = form.cleaned_data
            made, ingest_key, _ = keys.add_project(slugify(data["name"])[:63], data["name"], data["url"])
            audit.record(request.user.email, "project.add", made.slug, project=made)
            once.keep(request, f"key:{made.pk}", ingest_key)
            return redirect("settings", made.slug)
    context = {
        "projects": list(Project.objects.all()),
        "form": form,
        "may_add": may(request.user, Role.ADMIN),
    }
    return render(request, "console/projects.html", context)
