"""Signing up, confirming, logging in, resetting, inviting."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from acme.mail import Letter
from acme.ratelimit import LOGIN_BY_EMAIL, SIGNUP_BY_ADDRESS, Limit, seconds_left
from acme.web.identity import SESSION_COOKIE
from tests.integration.conftest import PASSWORD, Browser


def test_signup_needs_the_mailed_link_and_leads_into_the_product(browser: Browser) -> None:
    answer = browser.post("/signup", name="Ada", team="Engines", email="ada@example.com", password=PASSWORD)
    assert answer.headers["location"] == "/check-mail"
    assert browser.client.get("/app", follow_redirects=False).headers["location"] == "/login?next=/app"
    page = browser.get(browser.mailed_link("ada@example.com"))
    assert "Your address is confirmed" in page
    assert "Engines · Free plan" in page


def test_a_verification_link_works_once(browser: Browser, other: Browser) -> None:
    browser.sign_up()
    assert other.client.get(browser.mailed_link("ada@example.com")).status_code == 410


@pytest.mark.parametrize(
    "wrong",
    [{"email": "nonsense"}, {"password": "short"}, {"name": " "}, {"team": ""}, {"password": "ada@example.com"}],
)
def test_a_wrong_form_is_served_again_with_what_was_typed(browser: Browser, wrong: dict[str, str]) -> None:
    typed = {"name": "Ada", "team": "Engines", "email": "ada@example.com", "password": PASSWORD} | wrong
    answer = browser.post("/signup", **typed)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert typed["email"] in answer.text
    assert browser.letters == []


def test_a_taken_address_is_not_revealed(browser: Browser, other: Browser, letters: list[Letter]) -> None:
    browser.sign_up()
    answer = other.post("/signup", name="Eve", team="Evil", email="ADA@example.com", password=PASSWORD)
    assert answer.headers["location"] == "/check-mail"
    assert len(letters) == 1


def test_login_and_logout(browser: Browser, other: Browser) -> None:
    browser.sign_up()
    assert other.post("/login", email="ada@example.com", password="wrong wrong wrong").status_code == 401
    answer = other.post("/login", email="Ada@Example.com", password=PASSWORD, next="/app/reports")
    assert answer.headers["location"] == "/app/reports"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    kept = other.client.cookies[SESSION_COOKIE]
    other.post("/logout", "/app")
    other.client.cookies.set(SESSION_COOKIE, kept)
    assert other.client.get("/app", follow_redirects=False).status_code == 303


def test_login_before_confirming_sends_the_link_again(browser: Browser, letters: list[Letter]) -> None:
    browser.post("/signup", name="Ada", team="Engines", email="ada@example.com", password=PASSWORD)
    browser.post("/login", email="ada@example.com", password=PASSWORD)
    assert len(letters) == 2
    assert SESSION_COOKIE not in browser.client.cookies
    browser.get(browser.mailed_link("ada@example.com"))


def test_a_reset_ends_all_sessions_and_its_link(browser: Browser, other: Browser) -> None:
    browser.sign_up()
    other.post("/forgot", email="ada@example.com")
    link = other.mailed_link("ada@example.com")
    token = link.partition("token=")[2]
    assert other.post("/reset", link, token=token, password="short").status_code == 422
    assert other.post("/reset", link, token=token, password="another good password").status_code == 303
    assert browser.client.get("/app", follow_redirects=False).status_code == 303
    assert other.client.get("/app").status_code == 200
    assert browser.client.get(link).status_code == 410
    assert browser.post("/login", email="ada@example.com", password=PASSWORD).status_code == 401


def test_a_reset_for_a_stranger_sends_nothing_and_looks_the_same(browser: Browser) -> None:
    assert browser.post("/forgot", email="stranger@example.com").headers["location"] == "/check-mail"
    assert browser.letters == []


def test_an_invited_person_joins_the_same_team(browser: Browser, other: Browser) -> None:
    browser.sign_up()
    assert browser.post("/team/members", "/team", email="bob@example.com").status_code == 303
    link = other.mailed_link("bob@example.com")
    other.post("/reset", link, token=link.partition("token=")[2], password="bobs good password")
    assert "bob@example.com" in other.get("/team")
    assert other.post("/team/members", "/team", email="eve@example.com").status_code == 422
    answer = browser.post("/team/members", "/team", email="third@example.com")
    assert "Upgrade for more" in answer.text


def within_one_window(limit: Limit) -> None:
    """Windows are aligned to the epoch: attempts on both sides of an edge are two counts."""
    if (left := seconds_left(limit, datetime.now(UTC))) < 15:
        time.sleep(left + 1)


def test_logins_are_limited_by_address_of_mail(browser: Browser) -> None:
    within_one_window(LOGIN_BY_EMAIL)
    answers = [browser.post("/login", email="ada@example.com", password="x") for _ in range(LOGIN_BY_EMAIL.most + 1)]
    assert [answer.status_code for answer in answers] == [401] * LOGIN_BY_EMAIL.most + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 300
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    token = browser.form_token("/login")
    data = {"form_token": token, "email": "ada@example.com", "password": "x"}
    assert browser.client.post("/login", data=data, headers=forwarded).status_code == 429


def test_signups_are_limited(browser: Browser) -> None:
    within_one_window(SIGNUP_BY_ADDRESS)
    token = browser.form_token("/signup")
    codes = [
        browser.client.post("/signup", data={"form_token": token}).status_code
        for _ in range(SIGNUP_BY_ADDRESS.most + 1)
    ]
    assert codes[-2:] == [422, 429]


def test_every_form_needs_its_token(browser: Browser, application: TestClient) -> None:
    browser.sign_up()
    paths = [
        path.path.format(project_id=1, task_id=1, key_id=1)
        for path in _routes(application)
        if "POST" in path.methods and not path.path.startswith(("/api", "/webhooks", "/_faults", "/unsubscribe"))
    ]
    assert len(paths) >= 15
    for path in paths:
        for given in ({}, {"form_token": "0" * 64}):
            assert application.post(path, data=given).status_code == 403, path


def _routes(application: TestClient) -> list[Any]:
    assert isinstance(application.app, FastAPI)
    return [route for route in iter_route_contexts(application.app.routes) if getattr(route, "methods", None)]
