"""How numbers, times and states are said: one way for the whole console. Pure functions; None is a dash."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite

from golive.kit.durations import format_duration

DASH = "\N{EM DASH}"
THIN = "\N{NARROW NO-BREAK SPACE}"
_SIGNS = {"EUR": "\N{EURO SIGN}", "USD": "$", "GBP": "\N{POUND SIGN}", "JPY": "\N{YEN SIGN}"}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NO_MINOR = {"JPY", "KRW", "CLP", "VND", "ISK", "UGX", "XAF", "XOF"}


@dataclass(frozen=True)
class State:
    """How a state looks: a tone (the only use of colour), an icon and a word."""

    tone: str
    icon: str
    word: str


_OK = ("ok", "circle-check")
_WARNING = ("warning", "alert-triangle")
_CRITICAL = ("critical", "alert-octagon")
_INFO = ("info", "info-circle")
_UNKNOWN = ("unknown", "help-circle")
STATES = {
    "ok": State(*_OK, "OK"),
    "up": State(*_OK, "up"),
    "operational": State(*_OK, "operational"),
    "resolved": State(*_OK, "resolved"),
    "reviewed": State(*_OK, "reviewed"),
    "success": State(*_OK, "succeeded"),
    "sent": State(*_OK, "sent"),
    "warning": State(*_WARNING, "warning"),
    "degraded": State(*_WARNING, "degraded"),
    "degraded_performance": State(*_WARNING, "degraded"),
    "partial_outage": State(*_WARNING, "partial outage"),
    "minor": State(*_WARNING, "minor"),
    "mitigated": State(*_WARNING, "mitigated"),
    "monitoring": State(*_INFO, "monitoring"),
    "retrying": State(*_WARNING, "retrying"),
    "critical": State(*_CRITICAL, "critical"),
    "firing": State(*_CRITICAL, "firing"),
    "down": State(*_CRITICAL, "down"),
    "error": State(*_CRITICAL, "error"),
    "failed": State(*_CRITICAL, "failed"),
    "major": State(*_CRITICAL, "major"),
    "major_outage": State(*_CRITICAL, "major outage"),
    "open": State(*_CRITICAL, "open"),
    "triggered": State(*_CRITICAL, "triggered"),
    "regressed": State(*_CRITICAL, "regressed"),
    "info": State(*_INFO, "info"),
    "acknowledged": State("info", "user-check", "acknowledged"),
    "investigating": State(*_INFO, "investigating"),
    "identified": State(*_INFO, "identified"),
    "maintenance": State("info", "tool", "maintenance"),
    "under_maintenance": State("info", "tool", "maintenance"),
    "unresolved": State("warning", "bug", "unresolved"),
    "ignored": State("unknown", "eye-off", "ignored"),
    "new": State("info", "sparkles", "new"),
    "pending": State("info", "clock", "pending"),
    "unknown": State(*_UNKNOWN, "unknown"),
    "muted": State("unknown", "bell-off", "muted"),
    "paused": State("unknown", "player-pause", "paused"),
    "none": State("unknown", "circle-dashed", "none"),
}


def state(name: str) -> State:
    """The look of a state; a word not in the table is shown as it is, in grey."""
    key = str(name).lower()
    return STATES.get(key) or State("unknown", "circle-dashed", key.replace("_", " ") or "unknown")


def _number(value: object) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def compact(value: object) -> str:
    """1234 → 1.2k, 3 400 000 → 3.4M; below a thousand as it is."""
    number = _number(value)
    if number is None:
        return DASH
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.9995:
            scaled = number / size
            return f"{scaled:.1f}{sign}" if abs(scaled) < 9.95 else f"{scaled:.0f}{sign}"
    if number == int(number):
        return str(int(number))
    return f"{number:.1f}" if abs(number) >= 1 else f"{number:.2g}"


def grouped(value: object) -> str:
    """A whole number with thin spaces between thousands: 1 234 567."""
    number = _number(value)
    return DASH if number is None else f"{number:,.0f}".replace(",", THIN)


def percent(value: object) -> str:
    """A share of 1 as per cent, with as many digits as it deserves: 0.0042 → 0.42 %."""
    number = _number(value)
    if number is None:
        return DASH
    share = number * 100
    digits = 0 if share == 0 or abs(share) >= 99.995 or (abs(share) >= 10 and share == round(share)) else 1
    if 0 < abs(share) < 1 or 99.5 <= abs(share) < 99.995:
        digits = 2
    return f"{share:.{digits}f}{THIN}%"


def milliseconds(value: object) -> str:
    """Milliseconds for people: 0.04 ms, 0.8 ms, 420 ms, 1.24 s, 2m 5s."""
    number = _number(value)
    if number is None:
        return DASH
    if 0.0005 <= abs(number) < 0.0995:
        return f"{number:.{2 if abs(number) >= 0.00995 else 3}f}{THIN}ms"
    if abs(number) < 10:
        return f"{number:.1f}{THIN}ms"
    if abs(number) < 999.5:
        return f"{number:.0f}{THIN}ms"
    if abs(number) < 60_000:
        return f"{number / 1000:.2f}{THIN}s" if abs(number) < 9_995 else f"{number / 1000:.1f}{THIN}s"
    return format_duration(timedelta(milliseconds=number))


def money(minor: object, currency: str = "EUR") -> str:
    """Minor units with their currency: 123456 EUR → €1 234.56."""
    number = _number(minor)
    if number is None:
        return DASH
    code = (currency or "").upper()
    digits = 0 if code in _NO_MINOR else 2
    amount = f"{Decimal(round(number)) / (10**digits):,.{digits}f}".replace(",", THIN)
    sign = _SIGNS.get(code)
    return f"{sign}{amount}" if sign else f"{amount}{THIN}{code}".strip()


def duration(value: object) -> str:
    """A timedelta or seconds for people."""
    if isinstance(value, timedelta):
        return format_duration(value)
    number = _number(value)
    return DASH if number is None else format_duration(timedelta(seconds=number))


def ago(then: datetime, now: datetime) -> str:
    """How long ago: "just now", "3 min ago", "2 h ago", "5 d ago"; what is to come "in 3 min"."""
    seconds = (now - then).total_seconds()
    size = abs(seconds)
    if size < 5:
        return "just now"
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (86400 * 60, 86400, "d")):
        if size < limit:
            said = f"{int(size // unit)}{THIN}{name}"
            break
    else:
        said = f"{int(size // (86400 * 30))}{THIN}months"
    return f"{said} ago" if seconds > 0 else f"in {said}"


def weekday(at: datetime) -> str:
    """The day's name in the instant's own zone."""
    return _WEEKDAYS[at.weekday()]


def per_second(value: object) -> str:
    """A rate: 0.4 /s, 12 /s; below 0.1 per second it is said per minute."""
    number = _number(value)
    if number is None:
        return DASH
    if 0 < abs(number) < 0.1:
        return f"{number * 60:.1f}{THIN}/min"
    return f"{compact(round(number, 1))}{THIN}/s"


def size(value: object) -> str:
    """Bytes in binary units: 1.5 MiB."""
    number = _number(value)
    if number is None:
        return DASH
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(number) < 1024:
            return f"{number:.0f}{THIN}{unit}" if unit == "B" or number >= 100 else f"{number:.1f}{THIN}{unit}"
        number /= 1024
    return f"{number:.1f}{THIN}TiB"
