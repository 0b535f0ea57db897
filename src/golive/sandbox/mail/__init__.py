"""A mail sink: takes every message by SMTP, delivers none, shows them by page and API."""

from golive.sandbox.mail.mailbox import Mailbox, Message
from golive.sandbox.mail.sink import MailSink

__all__ = ["MailSink", "Mailbox", "Message"]
