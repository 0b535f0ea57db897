"""People who use acme: they sign up, follow the mail, work, pay, and some leave.

    locust --headless --locustfile traffic/locustfile.py --host http://127.0.0.1:8000

Runs until it is stopped; a dead acme is only a stream of failures, and people come back when it does.

TRAFFIC_MAIL_URL    the mail sink's page, where verification mails are read (default http://127.0.0.1:8025)
TRAFFIC_RATE        requests a second in all, roughly (default 6)
"""

import os
import random
import re
import secrets

from locust import HttpUser, LoadTestShape, between, task

from traffic.browser import Browser

MAIL_URL = os.environ.get("TRAFFIC_MAIL_URL", "http://127.0.0.1:8025")
RATE = float(os.environ.get("TRAFFIC_RATE", "6"))
_REQUESTS_PER_PERSON = 0.6  # a second: one step of one or two requests, then some thinking
PASSWORD = "a quiet green morning"
GOOD, FAILS_AT_RENEWAL, DECLINED = "4242424242424242", "4000000000000341", "4000000000000002"

NAMES = ("Ada", "Grace", "Linus", "Margaret", "Edsger", "Barbara", "Ken", "Radia", "Donald", "Frances")
TEAMS = ("Harbour", "Lantern", "Cobalt", "Juniper", "Meridian", "Tandem", "Quarry", "Northwind", "Fable", "Orbit")
PROJECTS = ("Website", "Launch", "Hiring", "Mobile app", "Customer interviews", "Move to the new office")
VERBS = ("Write", "Review", "Plan", "Fix", "Test", "Call about", "Clean up", "Measure")
THINGS = ("the landing page", "invoices", "the onboarding mail", "search", "the release notes", "backups", "pricing")


class Steady(LoadTestShape):
    """A constant number of people for as long as nobody stops it."""

    def tick(self) -> tuple[int, float]:
        return max(1, round(RATE / _REQUESTS_PER_PERSON)), 1.0


class Customer(HttpUser):
    """Signs up, works for a while, perhaps pays, perhaps cancels, leaves; then someone new takes the seat."""

    wait_time = between(1.5, 4)

    def on_start(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A new person sits down at a new browser."""
        self.client.cookies.clear()
        self.browser = Browser(self)
        self.email = f"{secrets.token_hex(5)}@{random.choice(TEAMS).lower()}.example"
        self.projects: list[str] = []
        self.key = ""
        self.plan = "free"
        self.steps_left = random.randint(25, 80)

    @task
    def live(self) -> None:
        """One step of this person's day."""
        if not self.projects:
            if not self.sign_up():
                self.begin()
            return
        steps = {
            self.add_task: 30,
            self.look_around: 22,
            self.use_api: 20,
            self.finish_task: 18,
            self.view_report: 12,
            self.choose_plan: 6,
            self.log_in_again: 3,
        }
        random.choices(list(steps), weights=list(steps.values()))[0]()
        self.steps_left -= 1
        if self.steps_left <= 0 or self.browser.was_sent_to_login:
            self.leave()

    def sign_up(self) -> bool:
        """From the front page to the first project."""
        if self.browser.get("/") is None:
            return False
        sent = self.browser.submit(
            "/signup",
            served_on="/signup",
            name=random.choice(NAMES),
            team=f"{random.choice(TEAMS)} {random.randint(2, 99)}",
            email=self.email,
            password=PASSWORD,
        )
        link = self.browser.mailed_link(MAIL_URL, self.email) if sent is not None else None
        if link is None:
            return False
        if self.browser.get(link, label="/verify") is None:
            return False
        return self.add_project()

    def add_project(self) -> bool:
        page = self.browser.submit("/app/projects", served_on="/app", name=random.choice(PROJECTS))
        if page is None:
            return False
        self.projects.append(re.sub(r"^https?://[^/]+", "", self.browser.location))
        return True

    def add_task(self) -> None:
        project = random.choice(self.projects)
        title = f"{random.choice(VERBS)} {random.choice(THINGS)}"
        self.browser.submit(f"{project}/tasks", served_on=project, label="/app/projects/[id]/tasks", title=title)

    def finish_task(self) -> None:
        project = random.choice(self.projects)
        page = self.browser.get(project, label="/app/projects/[id]") or ""
        if tasks := re.findall(r'action="(/app/tasks/\d+)"', page):
            status = random.choice(("doing", "done", "done"))
            self.browser.submit(random.choice(tasks), served_on=project, label="/app/tasks/[id]", status=status)

    def look_around(self) -> None:
        self.browser.get(random.choice(("/app", "/app", "/team", "/billing", "/support", "/")))

    def view_report(self) -> None:
        self.browser.get("/app/reports")

    def use_api(self) -> None:
        """A small program of theirs with a key."""
        if not self.key:
            page = self.browser.submit("/team/keys", served_on="/team", name="nightly script") or ""
            found = re.search(r'id="new-key">(acme_[\w-]+)<', page)
            self.key = found[1] if found else ""
            return
        headers = {"Authorization": f"Bearer {self.key}"}
        self.client.get("/api/projects", headers=headers, timeout=20)
        if random.random() < 0.5:
            number = random.choice(self.projects).rpartition("/")[2]
            title = f"{random.choice(VERBS)} {random.choice(THINGS)}"
            path = f"/api/projects/{number}/tasks"
            self.client.post(path, headers=headers, json={"title": title}, name="/api/projects/[id]/tasks", timeout=20)

    def choose_plan(self) -> None:
        """Subscribe first; later upgrade, downgrade or cancel."""
        if self.plan == "free":
            wanted = random.choices(("team", "business"), weights=(3, 1))[0]
            page = self.browser.submit("/billing/plan", served_on="/billing", plan=wanted)
            if page is None or "/pay/" not in self.browser.location:
                return
            card = random.choices((GOOD, FAILS_AT_RENEWAL, DECLINED), weights=(17, 1, 2))[0]
            if self.browser.pay(card) is not None:
                self.plan = wanted
        elif random.random() < 0.3:
            self.browser.submit("/billing/cancel", served_on="/billing")
            self.steps_left = 0
        else:
            self.plan = "team" if self.plan == "business" else "business"
            self.browser.submit("/billing/plan", served_on="/billing", plan=self.plan)

    def log_in_again(self) -> None:
        self.browser.submit("/logout", served_on="/app")
        self.browser.submit("/login", served_on="/login", email=self.email, password=PASSWORD)

    def leave(self) -> None:
        """Log out and make room for someone new."""
        self.browser.submit("/logout", served_on="/app")
        self.begin()
