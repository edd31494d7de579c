"""Secrets taken out of a text before it is said anywhere: on a page, in a record, a log or an error.

Call `redact` on every text that a library wrote and that may repeat what it was given. It takes out more
than it must: an address that is gone hurts nobody, a password that stays does.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "…"
# Up to the last @ of the line: a password may hold blanks, slashes, quotes and further @ signs.
_URL = re.compile(r"\b([a-z][\w+.-]*):(//|\\/\\/)(?:[^\n]*@[^\s\"'<>]*|[^\s\"'<>]*)", re.IGNORECASE)
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
_BARE = re.compile(r"(?<![\w/.])[^\s:/@\"']+:[^\s\"']*@[\w.-]+(?::\d+)?[^\s\"']*")  # user:password@host


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
    >>> redact("Server=db;Uid=ann;Pwd={s3;cret};Database=shop")
    'Server=db;Uid=ann;Pwd=…;Database=shop'
    """
    clean = _URL.sub(lambda found: f"{found[1].lower()}://{HIDDEN}", str(text))
    clean = _PAIR.sub(lambda found: f"{found[1]}{HIDDEN}", clean)
    return _BARE.sub(HIDDEN, clean)


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
