"""Django's settings. What an operator may vary comes from the environment: docs/reference/environment.md."""

import os
from importlib.util import find_spec
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from golive.kit.folders import data_folder, kept_secret
from golive.rooms import ROOMS

DATA = data_folder()

SECRET_KEY = kept_secret("web")
DEBUG = False
PUBLIC_URL = os.environ.get("GOLIVE_URL", "http://127.0.0.1:8400").rstrip("/")
_public = urlsplit(PUBLIC_URL)
_public_host = _public.hostname or "localhost"
ALLOWED_HOSTS = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    f"[{_public_host}]" if ":" in _public_host else _public_host,
    *filter(None, os.environ.get("GOLIVE_ALLOWED_HOSTS", "").split(",")),
]
CSRF_TRUSTED_ORIGINS = [  # a proxy that ends TLS speaks http to us, so the console's own origin has to be named
    f"{_public.scheme}://{_public.netloc}",
    *filter(None, os.environ.get("GOLIVE_ORIGINS", "").split(",")),
]
HTTPS = PUBLIC_URL.startswith("https://")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "ninja",
    *(f"golive.{room}" for room in ROOMS if find_spec(f"golive.{room}") is not None),
    "allauth",  # after the rooms, whose templates replace its own
    "allauth.account",
    "allauth.mfa",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "golive.console.middleware.refuse_nul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "golive.console.middleware.viewer_zone",
    "golive.console.middleware.LoginRequired",
]
ROOT_URLCONF = "golive.urls"
ASGI_APPLICATION = "golive.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "golive.console.frame.frame",
            ],
        },
    },
]

_database = dj_database_url.parse(os.environ.get("DATABASE_URL") or f"sqlite:///{DATA / 'golive.db'}", conn_max_age=60)
if _database["ENGINE"] == "django.db.backends.sqlite3":
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "golive.people.accounts.ClosedAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_SESSION_REMEMBER = True
MFA_ADAPTER = "golive.people.accounts.SealingMfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "golive"
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "/accounts/login/"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "golive_session"
CSRF_COOKIE_NAME = "golive_csrf"
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "style-src-attr": ["'unsafe-inline'"],  # uPlot places its axes with style attributes
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "golive.console.storage.VersionedStorage"},
}

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("GOLIVE_LOG_LEVEL", "INFO")},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        # Both log a whole trace for what they raise as well: the store being away is said once, by us.
        "urllib3": {"level": "ERROR"},
        "clickhouse_connect": {"level": "ERROR"},
    },
}
