"""Tables. Everything that belongs to a customer carries `account_id`."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Times are aware; names of constraints are stable, so that migrations can speak of them."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text, dict[str, Any]: JSONB}


class Role(StrEnum):
    OWNER = "owner"
    MEMBER = "member"


class Status(StrEnum):
    TODO = "todo"
    DOING = "doing"
    DONE = "done"


class Purpose(StrEnum):
    """What a link in a mail may be used for."""

    VERIFY = "verify"
    RESET = "reset"
    INVITE = "invite"
    SECOND = "second"  # not mailed: the cookie between the two steps of a login


class Account(Base):
    """A customer: a team with its plan."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    plan: Mapped[str] = mapped_column(server_default="free")
    stripe_customer: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class User(Base):
    """A person; belongs to one account. Invited people have no password until they accept."""

    __tablename__ = "person"
    __table_args__ = (Index("uq_person_email_lower", text("lower(email)"), unique=True),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    role: Mapped[str] = mapped_column(String(16))
    verified_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)


class Login(Base):
    """A session in a browser; the cookie holds a token of which only the hash is kept."""

    __tablename__ = "login"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class MailToken(Base):
    """A single-use link in a mail."""

    __tablename__ = "mail_token"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class ApiKey(Base):
    """A key of the JSON API; `hint` is the beginning that people recognise it by."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    name: Mapped[str]
    hint: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class Project(Base):
    __tablename__ = "project"
    __table_args__ = (UniqueConstraint("account_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Task(Base):
    """A piece of work. The composite key makes a task of one account in a project of another impossible."""

    __tablename__ = "task"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "project_id"], ["project.account_id", "project.id"], ondelete="CASCADE"),
        CheckConstraint("status IN ('todo', 'doing', 'done')", name="status"),
        Index("ix_task_account_project_status", "account_id", "project_id", "status"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    project_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str]
    status: Mapped[str] = mapped_column(String(8), server_default=Status.TODO.value)
    due_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    done_at: Mapped[datetime | None]


class Subscription(Base):
    """What the account pays for, as the payment provider last said."""

    __tablename__ = "subscription"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    stripe_id: Mapped[str] = mapped_column(unique=True)
    plan: Mapped[str]
    status: Mapped[str]
    ends_at_period_end: Mapped[bool]
    period_end: Mapped[datetime]


class Payment(Base):
    """A paid or failed invoice."""

    __tablename__ = "payment"

    invoice_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str]
    at: Mapped[datetime]


class PaymentEvent(Base):
    """Webhook events that were processed: the primary key makes each count once."""

    __tablename__ = "payment_event"

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Totp(Base):
    """The second factor of a person; in force once it is confirmed. `last_step`: no code works twice."""

    __tablename__ = "totp"

    user_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str]
    last_step: Mapped[int] = mapped_column(BigInteger)
    confirmed_at: Mapped[datetime | None]


class OnboardingStep(Base):
    """A first step that an account has taken."""

    __tablename__ = "onboarding_step"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class SentLetter(Base):
    """A mail of the sequence that somebody has got."""

    __tablename__ = "sent_letter"

    user_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class RateCount(Base):
    """Attempts in one window of a rate limit."""

    __tablename__ = "rate_count"

    key: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]


class FaultSwitch(Base):
    """A fault that is switched on, shared by all workers (demonstrations and tests only)."""

    __tablename__ = "fault_switch"

    name: Mapped[str] = mapped_column(primary_key=True)
    settings: Mapped[dict[str, Any]]
    until: Mapped[datetime | None]
