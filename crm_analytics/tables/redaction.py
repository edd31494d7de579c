"""Secrets taken out of a text before it is said anywhere: on a page, in a record, a log or an error.

Call `redact` on every text that a library wrote and that may repeat what it was given. It takes out more
than it must: an address that is gone hurts nobody, a password that stays does.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

HIDDEN = "…"
# Up to the last @ of the line: a password may hold blanks, slashes, quotes and further @ signs.
_URL = re.compile(
    r"\b([a-z][\w+.-]*):(//|\\/\\/)(?:[^\s\"'<>@]*\n[^\s\"'<>@]*@[^\s\"'<>]*|[^\n]*@[^\s\"'<>]*|[^\s\"'<>]*)",
    re.IGNORECASE,
)
_NAMES = (
    r"pass(?:word|wd|phrase|code)?|pwd|pgpassword|mysql_pwd|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|account[_-]?key|private[_-]?key|key[_-]?id|sig(?:nature)?|credentials?|authorization|sas"
)
# password=..., "pwd": "...", X-Amz-Signature=..., Authorization: Basic ...
_PAIR = re.compile(
    rf"([\w-]*(?:{_NAMES})[\w-]*[\"']?\s*(?:=|:|\s=>)\s*)"
    r"(\"[^\"]*\"?|'[^']*'?|\{[^}]*\}?|(?:basic|bearer)\s+\S+|[^\s,;&)\]}]+)",
    re.IGNORECASE,
)
_BARE = re.compile(r"[^\s:@\"'<>]+:[^\s\"']*@[\w.-]+(?::\d+)?[^\s\"']*")  # user:password@host
_ORACLE = re.compile(
    r"(?<![\w/.~-])[\w$#.-]+/[^\s\"'/]+@/{0,2}[\w.-]+[:/][^\s\"']*"
)  # user/password@host:port
_OTHERWISE = re.compile(r"[^\s\"'<>]*(?:%[0-9a-f]{2}|[^\x00-\u2fff])[^\s\"'<>]*", re.IGNORECASE)


def redact(text: object) -> str:
    """A text without addresses' contents, passwords, keys and signatures.

    Of an address the scheme stays. Whatever follows a word such as ``password`` goes.

    Examples
    --------
    >>> redact("cannot open postgresql+psycopg://ann:s3@cret/x@db.example:5432/shop?sslmode=require here")
    'cannot open postgresql+psycopg://… here'
    >>> redact("host=db user=ann password='s3 cret' dbname=shop")
    'host=db user=ann password=… dbname=shop'
    >>> redact("ann:s3cret@db.example:5432/shop refused")
    '… refused'
    >>> redact("postgres%3A%2F%2Fann%3As3cret%40db and ann/s3cret@db:1521/shop")
    '… and …'
    >>> redact("Server=db;Uid=ann;Pwd={s3;cret};Database=shop")
    'Server=db;Uid=ann;Pwd=…;Database=shop'
    """
    return _OTHERWISE.sub(_spelled_otherwise, _redact(str(text)))


def _redact(text: str) -> str:
    clean = _URL.sub(lambda found: f"{found[1].lower()}://{HIDDEN}", text)
    clean = _PAIR.sub(lambda found: f"{found[1]}{HIDDEN}", clean)
    return _ORACLE.sub(HIDDEN, _BARE.sub(HIDDEN, clean))


def _spelled_otherwise(found: re.Match[str]) -> str:
    """A word that is an address only once its percent signs or wide letters are read."""
    word = plain = found[0]
    for _ in range(3):  # quoted more than once
        plain = unicodedata.normalize("NFKC", unquote(plain))
        if _redact(plain) != plain:
            return HIDDEN
    return word


def without_secrets_of(text: str, source: str) -> str:
    """A text in which a library may have repeated a piece of a source's secrets, without these pieces.

    >>> without_secrets_of("Port could not be cast to integer: 'pw1'", "postgres://ann:pw1/x@h:1/db")
    "Port could not be cast to integer: '…'"
    """
    secrets = [found[1] for found in (re.search(r":/*[^:/@\n]*:([^\n]*)@", source),) if found]
    secrets += [found[1] for found in re.finditer(r"[=]([^&;]+)", source)]
    whole = [*secrets, *map(unquote, secrets)]
    pieces = {
        piece for secret in whole for piece in (secret, *re.split(r"[\s/:@?&;=#]+", secret)) if len(piece) > 2
    }
    for piece in sorted(pieces, key=len, reverse=True):
        text = text.replace(piece, HIDDEN)
    return text


def holds_secret(text: str) -> bool:
    """Whether a source text carries a password or key of its own.

    >>> holds_secret("postgres://ann:pw@db/shop"), holds_secret("postgres://db/shop"), holds_secret("$URL")
    (True, False, False)
    """
    secret = re.search(r"://[^/\s]*:[^/@\s$][^@]*@", text) is not None
    return secret or _PAIR.search(text.replace("?", " ")) is not None
