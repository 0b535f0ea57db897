"""What pgBackRest complains of, in one sentence with the way out. Pure."""

import re

_HELD = r"unable to acquire lock .*temporarily unavailable"
_TABLE = (
    (_HELD, "pgBackRest is at work there already; one run at a time"),
    (r"stop file exists", "pgBackRest was told to stop here: `pgbackrest start` lets it work again"),
    (
        r"NoSuchBucket|NO_SUCH_BUCKET",
        "{where} does not exist: make the bucket, or correct [database.backup.bucket] name",
    ),
    (
        r"failed with 40[13]|InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|ACCESS_DENIED|INVALID_ACCESS_KEY|"
        r"SIGNATURE_DOES_NOT_MATCH|HTTP status 403",
        "{where} refuses golive's key: correct key and secret of [database.backup.bucket], or let that key list, read, "
        "write and delete there",
    ),
    (r"failed with 5\d\d|SlowDown", "{where} has trouble of its own ({words}); what failed is tried again later"),
    (
        r"unable to verify certificate|unable to find hostname",
        "the certificate at {where} is not to be trusted ({words}); `ca` of [database.backup.bucket] names "
        "its authority",
    ),
    (r"unable to connect|unable to get address|HostConnectError", "{where} does not answer ({words})"),
    (
        r"CryptoError|cipher header|is or was the repo encrypted|unable to flush",
        "{where} was encrypted with another passphrase than golive holds: put back the one that was given out by "
        "`golive db backup passphrase`, with `golive secret set`",
    ),
    (
        r"do not match the database|system-id .* do(es)? not match",
        "{where} holds the backups of another cluster (or of this one before an upgrade): `golive db backup setup` "
        "into an empty place, or `pgbackrest stanza-upgrade`",
    ),
    (
        r"was not archived before|WAL segment .* was not archived",
        "WAL does not reach {where}: `golive db look wal` says why archiving fails",
    ),
    (r"No space left", "the disk is full ({words})"),
)
_NOISE = re.compile(r"\*\*\* (Path/Query|Request Headers|Response Headers|Response Content) \*\*\*:?.*", re.S)


def complaint(said: str, where: str) -> str:
    """The sentence for what pgBackRest printed; `where` names the repository. Unknown words are given as they are."""
    words = gist(said)
    for pattern, sentence in _TABLE:
        if re.search(pattern, said):
            return sentence.format(where=where, words=words)
    return words


def busy(said: str) -> bool:
    """Whether another run holds pgBackRest's lock."""
    return bool(re.search(_HELD, said))


def gist(said: str) -> str:
    """The first error without the log's decoration and HTTP headers, on one line."""
    found = re.search(r"ERROR: *(.*)", said, re.S)
    plain = _NOISE.sub("", found.group(1) if found else said)
    return " ".join(re.sub(r"^\[\w+\]:? *", "", plain.strip()).split())[:300].rstrip(": ")
