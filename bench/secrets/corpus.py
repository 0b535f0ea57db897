"""A labelled corpus: real formats, near misses, encodings. Nothing in it was ever valid anywhere."""

import base64
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
BASE64 = ALNUM + "+/"
URLSAFE = ALNUM + "_-"


@dataclass(frozen=True)
class Sample:
    """A text and whether there is a secret in it. `kind` says what it is made of."""

    kind: str
    secret: bool
    text: str


def _word(dice: random.Random, letters: str, length: int) -> str:
    return "".join(dice.choice(letters) for _ in range(length))


def _formats(dice: random.Random) -> dict[str, str]:
    """One fresh secret of each format."""

    def word(letters: str, length: int) -> str:
        return _word(dice, letters, length)

    body = word(BASE64, 64)
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
    claims = (
        base64.urlsafe_b64encode(f'{{"sub":"{dice.randrange(10**6)}","admin":true}}'.encode()).rstrip(b"=").decode()
    )
    return {
        "AWS access key": "AKIA" + word(string.ascii_uppercase + "234567", 16),
        "GitHub token": "ghp_" + word(ALNUM, 36),
        "GitHub fine-grained token": f"github_pat_{word(ALNUM, 22)}_{word(ALNUM, 59)}",
        "GitLab token": "glpat-" + word(URLSAFE, 20).replace("-", "x"),
        "Stripe key": "sk_live_" + word(ALNUM, 24),
        "Slack token": f"xoxb-{dice.randrange(10**11, 10**12)}-{word(ALNUM, 24)}",
        "Google API key": "AIza" + word(ALNUM, 35),
        "SendGrid key": f"SG.{word(ALNUM, 22)}.{word(ALNUM, 43)}",
        "npm token": "npm_" + word(ALNUM, 36),
        "DigitalOcean token": "dop_v1_" + word(HEX, 64),
        "JSON web token": f"{header}.{claims}.{word(URLSAFE, 43).replace('-', 'a')}",
        "private key": f"-----BEGIN PRIVATE KEY-----\n{body}\n{word(BASE64, 64)}\n-----END PRIVATE KEY-----",
        "password in a URL": f"postgresql://app:{word(ALNUM, 18)}@db.internal:5432/app",
    }


PLACES: list[Callable[[str], str]] = [
    lambda secret: f'import os\n\nclient = connect("{secret}")\n',
    lambda secret: f"# deploy\nTOKEN={secret}\nREGION=eu\n",
    lambda secret: f'{{"name": "prod", "value": "{secret}"}}\n',
    lambda secret: f"curl -H 'Authorization: Bearer {secret}' https://api.example/\n",
    lambda secret: f"services:\n  web:\n    environment:\n      - KEY={secret}\n",
]


def _assigned(dice: random.Random) -> Iterator[Sample]:
    """Secrets of no known format, told by what they are assigned to."""
    value = _word(dice, ALNUM + "_", 28)
    yield Sample("assigned secret", True, f'DB_PASSWORD = "{value}"\n')
    yield Sample("assigned secret", True, f"export API_TOKEN={_word(dice, ALNUM, 32)}\n")
    yield Sample("assigned secret", True, f'{{"client_secret": "{_word(dice, ALNUM, 40)}"}}\n')
    human = "".join(dice.choice(["Sommer", "Winter", "Maple", "Tiger"])) + str(dice.randrange(1000, 9999)) + "!xQ"
    yield Sample("chosen by a person", True, f'password = "{human}"\n')


def _near_misses(dice: random.Random) -> Iterator[Sample]:
    """What looks like a secret and is none."""
    hash_ = _word(dice, HEX, 64)
    uuid = UUID(int=dice.getrandbits(128))
    yield Sample("hash of a lock file", False, f"requests==2.32.3 \\\n    --hash=sha256:{hash_}\n")
    yield Sample("commit", False, f"uses: actions/checkout@{_word(dice, HEX, 40)}\n")
    yield Sample("UUID", False, f'request_id = "{uuid}"\n')
    yield Sample("integrity of a script", False, f'<script integrity="sha384-{_word(dice, BASE64, 64)}"></script>\n')
    yield Sample("from the environment", False, 'SECRET_KEY = os.environ["SECRET_KEY"]\n')
    yield Sample("reference", False, 'stripe_secret = "env:STRIPE_SECRET_KEY"\n')
    yield Sample("placeholder", False, 'API_KEY = "your-api-key-here-please"\n')
    yield Sample("placeholder", False, "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\n")
    yield Sample("placeholder", False, 'password = "changeme-changeme-1A"\n')
    yield Sample("template", False, "DATABASE_URL=postgres://{{ user }}:{{ password }}@db/app\n")
    yield Sample("words", False, 'token_kind = "refresh_token_of_the_session"\n')
    yield Sample("words", False, "The password must have at least twelve characters, one of them a digit.\n")
    yield Sample("image", False, f'url("data:image/png;base64,iVBORw0KGgo{_word(dice, BASE64, 160)}")\n')
    yield Sample("public key", False, f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{_word(dice, BASE64, 43)} ada@laptop\n")
    yield Sample("documented URL", False, "postgresql://user:password@localhost/app\n")
    yield Sample("short of a format", False, f'ref = "ghp_{_word(dice, ALNUM, 12)}"\n')


def corpus(seed: int, rounds: int) -> Iterator[Sample]:
    """All kinds, so many times with fresh values."""
    dice = random.Random(seed)
    for _ in range(rounds):
        for kind, secret in _formats(dice).items():
            yield Sample(kind, True, dice.choice(PLACES)(secret))
            wrapped = base64.b64encode(f"token={secret}".encode()).decode()
            yield Sample(f"{kind}, in base64", True, f'blob = "{wrapped}"\n')
        yield from _assigned(dice)
        for _ in range(2):
            yield from _near_misses(dice)
