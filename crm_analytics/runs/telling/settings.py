"""`[mail]` and `[notify]` of a `crm.toml`. Secrets stand in the environment, never in the file."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from crm_analytics.errors import ParameterError
from crm_analytics.tables.redaction import holds_secret

_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True, populate_by_name=True)
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
)
_PORTS = {"starttls": 587, "ssl": 465, "none": 25}
EVENTS = ("failure", "staleness", "change")

Seconds = Annotated[float, Field(ge=1, le=120)]


class MailTable(BaseModel):
    """A table `[mail]`.

    Parameters
    ----------
    to, sender : addresses; `sender` is ``from`` in the file
    reports : names of the reports that are mailed; empty for all
    failures : whether reports that could not be made are mailed, too
    attach : whether the page itself is attached
    link : address of the folder of reports, for links; empty where it has none
    host, port, security : of the SMTP server; without a host mails are only written
    user, password : for the server; the password as ``$VARIABLE``
    ca_file : certificate of an authority of one's own
    seconds : that sending may take in total
    """

    model_config = _STRICT
    to: Annotated[list[str], Field(min_length=1, max_length=50)]
    sender: Annotated[str, Field(alias="from")]
    reports: list[str] = []
    failures: bool = True
    attach: bool = False
    link: str = ""
    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["starttls", "ssl", "none"] = "starttls"
    user: str = ""
    password: str = ""
    ca_file: str = ""
    seconds: Seconds = 30

    @property
    def door(self) -> tuple[str, int]:
        """Host and port of the server."""
        return self.host, self.port or _PORTS[self.security]


class NotifyTable(BaseModel):
    """A table `[notify]`.

    Parameters
    ----------
    on : which events are told
    stale : age of a page's data from which it is stale, such as "3d"; empty for the source's `oldest_data`
    webhook : ``$VARIABLE`` with the address
    form : what the webhook takes
    command : a program with its arguments; it gets the events as JSON
    mail : addresses, by the server of `[mail]`
    seconds : that each of them may take
    """

    model_config = _STRICT
    on: Annotated[list[Literal["failure", "staleness", "change"]], Field(min_length=1)] = [*EVENTS]  # type: ignore[list-item]
    stale: str = ""
    webhook: str = ""
    form: Literal["slack", "teams"] = "slack"
    command: list[str] = []
    mail: Annotated[list[str], Field(max_length=50)] = []
    seconds: Seconds = 10


ALLOWED = {
    "mail": 'in [notify] a list of addresses; as [mail] a table with to = ["..."] and from = "..."',
    "notify": "a table [notify]",
    "to": 'a list of addresses, such as ["boss@shop.example"]',
    "from": 'an address, such as "crm@shop.example"',
    "reports": 'names of reports, such as ["segments"]',
    "failures": "true or false",
    "attach": "true or false",
    "port": "a whole number 1..65535",
    "security": '"starttls", "ssl" or "none"',
    "seconds": "a number 1..120",
    "on": 'some of "failure", "staleness" and "change"',
    "form": '"slack" or "teams"',
    "command": 'a program and its arguments, such as ["/usr/local/bin/page-me"]',
}


@dataclass(frozen=True)
class Secret:
    """A text from the environment, never shown."""

    variable: str

    def value(self) -> str:
        """What the environment holds.

        Raises
        ------
        ParameterError : the variable is not set.
        """
        found = os.environ.get(self.variable, "")
        if not found:
            raise ParameterError(f"the environment variable {self.variable} is not set")
        return found


def secret_of(text: str, where: str) -> Secret | None:
    """The variable that a key names; None where it is empty.

    Raises
    ------
    ParameterError : the secret itself stands there.
    """
    if not text:
        return None
    found = _VARIABLE.fullmatch(text)
    if found is None:
        raise ParameterError(
            f'{where}: a secret has no place in a file. Put it into the environment and write "$NAME" here'
        )
    return Secret(found[1])


def check_mail(mail: MailTable, where: str) -> None:
    """Refuse addresses that are none, a secret in the file, and a password that would go unencrypted.

    Raises
    ------
    ParameterError : says which.
    """
    _check_addresses([*mail.to, mail.sender], where)
    secret_of(mail.password, f"{where}: password")
    if mail.password and not mail.user:
        raise ParameterError(f"{where}: password is given without user")
    if mail.security == "none" and mail.password and not _is_here(mail.host):
        raise ParameterError(
            f'{where}: security = "none" would send the password in the clear. Use "starttls" or "ssl"'
        )
    if mail.link and urlsplit(mail.link).scheme not in ("https", "http", "file"):
        raise ParameterError(f"{where}: link must begin with https://, http:// or file://")
    if "@" in urlsplit(mail.link).netloc or holds_secret(mail.link):
        raise ParameterError(f"{where}: link stands in every mail: no user and no password may be in it")
    if "://" in mail.host or "/" in mail.host:
        raise ParameterError(f'{where}: host is a name such as "smtp.shop.example"; port stands beside it')


def check_notify(notify: NotifyTable, mail: MailTable | None, where: str) -> None:
    """Refuse a secret in the file, mail without a `[mail]`, and a table that tells nobody.

    Raises
    ------
    ParameterError : says which.
    """
    secret_of(notify.webhook, f"{where}: webhook")
    _check_addresses(notify.mail, where)
    if notify.mail and (mail is None or not mail.host):
        raise ParameterError(f"{where}: mail needs a table [mail] with a host")
    if not (notify.webhook or notify.command or notify.mail):
        raise ParameterError(f"{where}: it tells nobody. Give webhook, command or mail")


def webhook_address(notify: NotifyTable) -> str:
    """The address of the webhook, from the environment.

    Raises
    ------
    ParameterError : it is not set, or would be reached unencrypted over the network.
    """
    secret = secret_of(notify.webhook, "[notify]: webhook")
    assert secret is not None
    address = secret.value()
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname or "")):
        raise ParameterError(f"the address in {secret.variable} must begin with https://")
    return address


def _check_addresses(addresses: list[str], where: str) -> None:
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            raise ParameterError(f"{where}: {address[:60]!r} is no mail address")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
