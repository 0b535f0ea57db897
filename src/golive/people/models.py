"""People and projects, and what they authenticate with. No credential is stored in clear."""

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models


class Role(models.TextChoices):
    """What a person may do; each role includes those after it."""

    OWNER = "owner"
    ADMIN = "admin"
    RESPONDER = "responder"
    VIEWER = "viewer"


class PeopleManager(UserManager["User"]):
    """Makes people by email address."""

    def create_person(self, email: str, password: str | None, role: Role, name: str = "") -> "User":
        email = self.normalize_email(email).lower()
        person = self.model(email=email, username=email, first_name=name, role=role)
        person.set_password(password)
        person.save()
        return person


class User(AbstractUser):
    """A person who uses the console, known by email address."""

    email = models.EmailField(unique=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    time_zone = models.CharField(max_length=64, default="UTC")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
    objects = PeopleManager()  # type: ignore[misc]  # the base declares it for its own class

    def __str__(self) -> str:
        return self.first_name or self.email

    def may(self, role: Role) -> bool:
        """Whether this person's role includes `role`."""
        order = list(Role)
        return self.is_active and order.index(Role(self.role)) <= order.index(role)

    def is_last_owner(self) -> bool:
        """Whether nobody else could run this install."""
        if not self.is_active or self.role != Role.OWNER:
            return False
        return not User.objects.filter(role=Role.OWNER, is_active=True).exclude(pk=self.pk).exists()


class Purpose(models.TextChoices):
    """What a one-time link is for."""

    OWNER = "owner"
    INVITE = "invite"
    RESET = "reset"


class WelcomeLink(models.Model):
    """A one-time link that makes an account or sets its password anew. `digest` is the hex SHA-256 of its token."""

    digest = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=8, choices=Purpose)
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)


class Project(models.Model):
    """One product under watch. `slug` is its name in the telemetry store's `project` column."""

    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=120)
    url = models.URLField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class KeyKind(models.TextChoices):
    """A secret write-only key for servers, or the public key inside a Sentry DSN."""

    INGEST = "ingest"
    DSN = "dsn"


class IngestKey(models.Model):
    """A write-only key of a project. `digest` is the hex SHA-256 of the key."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=8, choices=KeyKind)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    public_value = models.CharField(max_length=64, blank=True)  # a DSN's key is public by design
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)


class ApiToken(models.Model):
    """An API token with scopes such as "incidents:write". `digest` is the hex SHA-256 of the token."""

    name = models.CharField(max_length=120)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)


class Secret(models.Model):
    """A secret kept encrypted at rest, referred to as `secret:NAME`; each change is a new version."""

    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField(default=1)
    ciphertext = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="secret_name_version")]


class AuditEntry(models.Model):
    """Who did what to what, when; never changed, never holds a secret's value."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=80)
    subject = models.CharField(max_length=200)
    details = models.JSONField(default=dict)
    project = models.ForeignKey(Project, on_delete=models.SET_NULL, null=True, blank=True)
