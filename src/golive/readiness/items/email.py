"""Email: what the product sends arrives and works, and the sender's domain is set up so that it is believed."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from email import message_from_bytes, message_from_string
from email.message import Message

import dns.exception
import dns.resolver
from pydantic import BaseModel, ConfigDict

from golive.config.values import Resolved
from golive.readiness import canary, mails
from golive.readiness.asking import Site
from golive.readiness.canary import CanarySettings
from golive.readiness.inputs import of_target, short
from golive.readiness.item import Area, Item, Subject, opened
from golive.readiness.journeyed import controls as journey_controls
from golive.readiness.journeyed import examine_proofs
from golive.readiness.planted import judged
from golive.readiness.verdict import CannotTell, Control, Report

Texts = Callable[[str], Sequence[str]]  # the TXT records of a name; empty for none


class EmailSettings(BaseModel):
    """Email."""

    model_config = ConfigDict(extra="forbid")
    proves: list[str] = ["email.verification", "email.reset", "email.sequence", "email.unsubscribe"]
    """What journeys must prove."""
    domain: str = ""
    """The domain that mails come from, for SPF, DKIM and DMARC."""
    selectors: list[str] = []
    """The DKIM selectors in use, such as "s1"."""
    resolver: Resolved = ""
    """A resolver to ask ("127.0.0.1:5353") instead of the system's."""
    mail: Resolved = ""
    """Where the preview's mail is caught (golive's mail sink): the headers of letters are read there."""
    canary: CanarySettings = CanarySettings()
    """A mailbox outside that mails really reach; optional."""
    letters: str = ""
    """Words in the subjects of letters that people can unsubscribe from."""


def examine_domain(domain: str, selectors: Sequence[str], texts: Texts) -> Report:
    """SPF, DMARC and each DKIM key."""
    report = Report(expected=2 + len(selectors), examined=2 + len(selectors))
    spf = [text for text in texts(domain) if text.lower().startswith("v=spf1")]
    if len(spf) != 1:
        report.convict(f"{domain} SPF", f"has {len(spf)} SPF records; exactly one is needed")
    elif spf[0].split()[-1].lower() in ("+all", "all", "?all"):
        report.convict(f"{domain} SPF", f"its SPF record lets everybody send ({spf[0].split()[-1]})")
    dmarc = [text for text in texts(f"_dmarc.{domain}") if text.lower().replace(" ", "").startswith("v=dmarc1")]
    policy = [part.strip().lower() for text in dmarc for part in text.split(";")]
    if len(dmarc) != 1:
        report.convict(f"{domain} DMARC", f"has {len(dmarc)} DMARC records; exactly one is needed")
    elif "p=none" in policy:
        report.convict(f"{domain} DMARC", "its DMARC policy is none: forged mail is delivered")
    for selector in selectors:
        keys = [text for text in texts(f"{selector}._domainkey.{domain}") if "p=" in text]
        if not keys or any(part.strip() == "p=" for part in keys[0].split(";")):
            report.convict(f"{selector}._domainkey.{domain}", "has no DKIM key (or a revoked one)")
    return report


def examine_letters(mail: Site, words: str) -> Report:
    """The newest letter can be left with one click (RFC 8058). Raises CannotTell when there is none to read."""
    listed = mails.caught(mail, "set [readiness.email] mail", subject=words, limit=1)
    if not listed:
        raise CannotTell(
            "letters", f"no letter with {words!r} in its subject was sent", "set [readiness.email] letters"
        )
    raw = mail.get(f"/api/messages/{listed[0]['id']}/raw")
    if raw is None or raw.status != 200:
        raise CannotTell("letters", "the mail sink does not show its letters", "set [readiness.email] mail")
    return judge_letter(message_from_bytes(raw.body))


def judge_letter(letter: Message) -> Report:
    """The headers by which mail programs offer to unsubscribe."""
    report = Report(examined=1, expected=1)
    link, post = str(letter.get("List-Unsubscribe", "")), str(letter.get("List-Unsubscribe-Post", ""))
    if "<https://" not in link and "<http://" not in link:
        report.convict("List-Unsubscribe", "letters have no List-Unsubscribe header with a link")
    elif post.strip() != "List-Unsubscribe=One-Click":
        report.convict("List-Unsubscribe-Post", "letters cannot be left with one click (RFC 8058)")
    return report


def asked(where: str) -> Texts:
    """TXT records over DNS. A name that does not exist has none; a resolver that fails cannot tell."""
    resolver = dns.resolver.Resolver(configure=not where)
    if where:
        host, _, port = where.partition(":")
        resolver.nameservers, resolver.port = [host], int(port or 53)
    resolver.lifetime = 8

    def texts(name: str) -> Sequence[str]:
        try:
            answer = resolver.resolve(name, "TXT")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise CannotTell(
                name, f"DNS cannot be asked for {name}: {type(error).__name__}", "try again later"
            ) from error
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]

    return texts


def examine(subject: Subject) -> Report:
    wanted = subject.settings("email", EmailSettings)
    report = examine_proofs(subject, wanted.proves)
    if wanted.mail:
        try:
            report.absorb(examine_letters(Site(wanted.mail, policy=subject.policy), wanted.letters))
        except CannotTell as error:
            report.doubts.append(error.doubt)
    else:
        report.doubt("letters", "where letters are caught is not declared", "set [readiness.email] mail, letters")
    if wanted.canary.mailbox:
        try:
            find = canary.mailbox(opened(wanted.canary.mailbox, "the canary's mailbox"))
            report.absorb(canary.examine(subject.site(), wanted.canary, find))
        except CannotTell as error:
            report.doubts.append(error.doubt)
    else:
        report.facts["canary"] = "no mailbox outside is declared: that mails reach one was not tried"
    if not wanted.domain or not wanted.selectors:
        report.expected += 1
        report.doubt("domain", "the sending domain and its DKIM selectors are not declared", "set [readiness.email]")
        return report
    report.absorb(examine_domain(wanted.domain, wanted.selectors, asked(wanted.resolver)))
    return report


def controls() -> list[Control]:
    good = {
        "a.example": ["v=spf1 include:mail.example -all"],
        "_dmarc.a.example": ["v=DMARC1; p=reject"],
        "s1._domainkey.a.example": ["v=DKIM1; k=rsa; p=MIIB"],
    }
    bad = {
        "no DKIM key": {name: value for name, value in good.items() if "domainkey" not in name},
        "a DMARC policy of none": {**good, "_dmarc.a.example": ["v=DMARC1; p=none"]},
        "an SPF record for everybody": {**good, "a.example": ["v=spf1 +all"]},
    }
    found = [_domain(name, True, zone) for name, zone in bad.items()]
    one_click = "List-Unsubscribe: <https://a.example/u>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n\n"
    letters = [
        judged("a letter that nobody can leave", True, lambda: judge_letter(message_from_string("Subject: Hi\n\n"))),
        judged("a letter with one click to leave", False, lambda: judge_letter(message_from_string(one_click))),
    ]
    return [*journey_controls(), *found, *letters, _domain("a domain that is set up", False, good)]


def _domain(name: str, bad: bool, zone: dict[str, list[str]]) -> Control:
    return judged(name, bad, lambda: examine_domain("a.example", ["s1"], lambda one: zone.get(one, [])))


ITEM = Item(
    key="email",
    order=14,
    area=Area.LAUNCH,
    title="Email working",
    question="Do mails arrive, do their links work, and are they believed?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {
        **of_target(subject, "email", "journeys", "journeys_environment"),
        "commit": short(subject.commit),
    },
    changes=True,
    settings=EmailSettings,
    lasts=timedelta(days=7),
    tools=("dnspython", "playwright"),
)
