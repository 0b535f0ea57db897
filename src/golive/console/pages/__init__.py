"""The pages of the frame itself: home, search, projects and their settings, people, audit, account."""

from django.urls import path

from golive.console.navigation import Entry
from golive.console.pages import account, audit, health, home, people, projects, search, settings, welcome

urlpatterns = [
    path("", home.first, name="first"),
    path("healthz", health.healthz, name="healthz"),
    path("p/<slug:slug>/", home.home, name="home"),
    path("p/<slug:slug>/headline/", home.headline, name="home-headline"),
    path("p/<slug:slug>/panels/<slug:name>/", home.panel, name="home-panel"),
    path("p/<slug:slug>/settings/", settings.page, name="settings"),
    path("p/<slug:slug>/settings/keys/", settings.create_key, name="settings-key-create"),
    path("p/<slug:slug>/settings/keys/<int:pk>/revocation/", settings.revoke_key, name="settings-key-revoke"),
    path("p/<slug:slug>/settings/details/", settings.change_details, name="settings-details"),
    path("p/<slug:slug>/settings/deletion/", settings.delete, name="settings-delete"),
    path("search/", search.search, name="search"),
    path("projects/", projects.projects, name="projects"),
    path("tokens/", settings.create_token, name="token-create"),
    path("tokens/<int:pk>/revocation/", settings.revoke_token, name="token-revoke"),
    path("people/", people.people, name="people"),
    path("people/<int:pk>/role/", people.change_role, name="people-role"),
    path("people/<int:pk>/standing/", people.change_standing, name="people-standing"),
    path("people/<int:pk>/reset/", people.reset_link, name="people-reset"),
    path("audit/", audit.audit, name="audit"),
    path("account/", account.account, name="account"),
    path("welcome/<str:token>/", welcome.welcome, name="welcome"),
    path("accounts/password/reset/", account.forgotten, name="forgotten"),
    path("accounts/signup/", account.closed),
    path("accounts/email/", account.closed),
    path("accounts/confirm-email/", account.closed),
    path("accounts/password/set/", account.closed),
]

NAVIGATION = [
    Entry("Home", "home", "home", "h", 0),
    Entry("Settings", "settings", "settings", ",", 90),
]
