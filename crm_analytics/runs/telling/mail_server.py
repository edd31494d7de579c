"""Mails brought to the SMTP server that `[mail]` names, in one session and within a limit of time."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path

from crm_analytics.errors import ParameterError
from crm_analytics.runs.telling.letters import Posted
from crm_analytics.runs.telling.settings import MailTable, secret_of


def send(letters: Sequence[Posted], mail: MailTable) -> str:
    """Send mails; each that has gone out is marked so. Nothing is raised.

    Parameters
    ----------
    letters : in their order
    mail : says which server; nothing happens where it names none

    Returns
    -------
    what went wrong, in words without addresses of persons and without secrets; empty where all went out
    """
    if not (letters and mail.host):
        return ""
    trouble: list[str] = []
    ended = threading.Event()

    def work() -> None:
        try:
            trouble.append(_session(letters, mail, ended))
        except Exception as error:
            trouble.append(in_words(error, mail))

    # A server that answers one letter a minute keeps every time limit of a socket: so there is one for all.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(mail.seconds)
    if thread.is_alive():
        ended.set()
        return f"the mail server did not take all mails within {mail.seconds:g} seconds"
    return trouble[0] if trouble else ""


def in_words(error: Exception, mail: MailTable) -> str:  # noqa: PLR0911
    """What kept a mail from going out."""
    host, port = mail.door
    match error:
        case ParameterError():
            return str(error)
        case smtplib.SMTPAuthenticationError():
            return f"the mail server does not take the user and the password ({error.smtp_code})"
        case smtplib.SMTPNotSupportedError():
            return 'the mail server does not offer what crm.toml asks for ("starttls", or a log-in)'
        case smtplib.SMTPRecipientsRefused() | smtplib.SMTPSenderRefused():
            return "the mail server refuses the addresses"
        case smtplib.SMTPServerDisconnected():
            return f"the mail server {host} ended the talk, or does not answer"
        case smtplib.SMTPResponseException():
            return f"the mail server refuses ({error.smtp_code})"
        case ssl.SSLCertVerificationError():
            return "the certificate of the mail server is not trusted; ca_file names an authority of yours"
        case ssl.SSLError():
            return "the mail server does not speak TLS here; look at port and security"
        case socket.gaierror():
            return f"there is no mail server {host}"
        case TimeoutError():
            return f"the mail server {host} does not answer at port {port}"
        case OSError():
            return f"no mail server takes calls at {host}, port {port}"
    return f"mail could not be sent ({type(error).__name__})"


def _session(letters: Sequence[Posted], mail: MailTable, ended: threading.Event) -> str:
    secret = secret_of(mail.password, "[mail]: password")
    password = secret.value() if secret is not None else ""
    refused = 0
    with _connected(mail) as server:
        if mail.user:
            server.login(mail.user, password)
        for letter in letters:
            if ended.is_set():
                break
            try:
                left_out = server.sendmail(letter.sender, list(letter.to), letter.content)
            except smtplib.SMTPRecipientsRefused:
                refused += 1
                continue
            letter.mark_sent()
            refused += bool(left_out)
    return f"the mail server refused addresses of {refused} of {len(letters)} mails" if refused else ""


def _connected(mail: MailTable) -> smtplib.SMTP:
    host, port = mail.door
    trusted = None
    if mail.security != "none":
        trusted = ssl.create_default_context(cafile=str(Path(mail.ca_file)) if mail.ca_file else None)
    # Named by the sender's domain: the name of this machine is nobody's business, and is not looked up.
    name = mail.sender.rpartition("@")[2]
    if mail.security == "ssl":
        return smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=mail.seconds, context=trusted)
    server = smtplib.SMTP(host, port, local_hostname=name, timeout=mail.seconds)
    if mail.security == "starttls":
        try:
            server.starttls(context=trusted)
        except BaseException:
            server.close()
            raise
    return server
