"""The inbox for the team, the form for customers, and the doors of the chat."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.people.models import Project, Role
from golive.people.permissions import needs
from golive.people.tokens import Failures, actor
from golive.support import chat, desk
from golive.support.desk import SupportError
from golive.support.models import Channel, Conversation
from golive.support.target import judge

PER_PAGE = 50
SHOWN = {"waiting": "Waiting", "open": "Open", "closed": "Closed", "all": "All"}
writes = Failures(limit=10)  # of one address, in a minute


class ContactForm(forms.Form):
    """What a customer writes. `website` is not shown to people: what fills it in is a machine."""

    email = forms.EmailField(label="Your email address", max_length=254)
    name = forms.CharField(label="Your name", max_length=120, required=False)
    subject = forms.CharField(label="What is it about?", max_length=200)
    text = forms.CharField(label="Your message", max_length=desk.LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 7}))
    website = forms.CharField(required=False, widget=forms.HiddenInput())


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest, slug: str) -> HttpResponse:
    """The public form; says by when a person answers."""
    project = get_object_or_404(Project, slug=slug)
    inbox = desk.inbox_of(project)
    if not inbox.form:
        raise Http404("This project has no contact form.")
    form = ContactForm(request.POST or None, auto_id="%s")
    context = {"project": project, "inbox": inbox, "form": form, "sent": False, "promise": desk.promise(inbox)}
    if request.method != "POST":
        return render(request, "support/contact.html", context)
    if writes.exceeded(request.META.get("REMOTE_ADDR", ""), timezone.now()):
        context["problem"] = "That were many messages in a minute; please wait a moment and send it again."
        answer = render(request, "support/contact.html", context, status=429)
        answer["Retry-After"] = "60"
        return answer
    if not form.is_valid():
        return render(request, "support/contact.html", context, status=422)
    told = form.cleaned_data
    context["sent"] = True
    if not told.pop("website"):
        context["conversation"] = desk.take_form(inbox, now=timezone.now(), **told)
    return render(request, "support/contact.html", context)


@needs(Role.RESPONDER)
def conversations(request: HttpRequest, slug: str) -> HttpResponse:
    """Who wrote, and who waits; those who wait longest first."""
    project = project_of(request, slug)
    inbox, now = desk.inbox_of(project), timezone.now()
    everything = Conversation.objects.filter(project=project).select_related("project")
    waiting = everything.exclude(waiting_since=None).order_by("waiting_since")
    shown = request.GET.get("show", "waiting" if waiting.exists() else "open")
    found = {
        "waiting": waiting,
        "open": everything.filter(closed_at=None),
        "closed": everything.exclude(closed_at=None),
    }.get(shown, everything)
    words = request.GET.get("q", "").strip()
    if words:
        found = found.filter(Q(subject__icontains=words) | Q(email__icontains=words) | Q(name__icontains=words))
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    oldest = waiting.first()
    context = {
        "project": project,
        "inbox": inbox,
        "page": page,
        "rows": [(one, judge(one.waiting_since, inbox.reply_within, now)) for one in page.object_list],
        "waiting": waiting.count(),
        "oldest": judge(oldest.waiting_since, inbox.reply_within, now) if oldest else None,
        "shown": shown,
        "choices": SHOWN,
        "words": words,
        "total": everything.count(),
        "form_url": request.build_absolute_uri(f"/support/{slug}/"),
    }
    return render(request, "support/list.html", context)


@needs(Role.RESPONDER)
def conversation(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """All that was said, and the answer."""
    project = project_of(request, slug)
    found = get_object_or_404(Conversation, project=project, number=number)
    inbox = desk.inbox_of(project)
    context = {
        "project": project,
        "conversation": found,
        "said": list(found.said.all()),
        "target": judge(found.waiting_since, inbox.reply_within, timezone.now()),
        "live": found.channel == Channel.CHAT and found.closed_at is None,
    }
    name = "support/said.html" if "HX-Request" in request.headers else "support/conversation.html"
    return render(request, name, context)


@require_POST
@needs(Role.RESPONDER)
def act(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Answer, write a note, take, close."""
    found = get_object_or_404(Conversation.objects.select_related("project"), project__slug=slug, number=number)
    by, now, given = actor(request), timezone.now(), request.POST
    try:
        match given.get("do", ""):
            case "reply":
                desk.reply(found, given.get("text", ""), by, now)
                messages.success(request, f"Your answer is on its way to {found.who}.")
            case "note":
                desk.note(found, given.get("text", ""), by, now)
            case "take":
                desk.assign(found, by, by)
            case "close":
                desk.close(found, by, now)
                messages.success(request, f"Closed. It opens again when {found.who} writes.")
            case _:
                messages.error(request, "Choose what to do: answer, note, take or close.")
    except SupportError as error:
        messages.error(request, str(error))
    return redirect("support-conversation", slug, number)


urlpatterns = [
    path("p/<slug:slug>/support/", conversations, name="support"),
    path("p/<slug:slug>/support/<int:number>/", conversation, name="support-conversation"),
    path("p/<slug:slug>/support/<int:number>/act/", act, name="support-act"),
    path("support/<slug:slug>/", contact, name="contact"),
    path("support/<slug:slug>/chat/", chat.begin, name="chat"),
    path("support/<slug:slug>/chat/messages/", chat.messages, name="chat-messages"),
]
NAVIGATION = [Entry("Support", "support", "messages", "m", 58)]
