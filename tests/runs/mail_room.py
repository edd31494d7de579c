"""A small SMTP server on this machine, for tests: it keeps what it takes, and can misbehave."""

from __future__ import annotations

import base64
import socketserver
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Taken:
    """One mail as the server got it."""

    sender: str
    to: list[str]
    content: bytes
    user: str
    encrypted: bool


@dataclass
class MailRoom:
    """A server that is up inside `with`.

    Parameters
    ----------
    certificate : file with key and certificate; offers STARTTLS where given
    password : that a user must give; empty for none
    refused : recipients that it does not take
    hang : seconds before it greets
    """

    certificate: Path | None = None
    password: str = ""
    refused: tuple[str, ...] = ()
    hang: float = 0
    taken: list[Taken] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)

    def __enter__(self) -> MailRoom:
        room = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                talk = _Talk(room, self)
                with suppress(OSError, ValueError):
                    talk.go()
                with suppress(OSError):
                    talk.file.close()
                    talk.link.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


class _Talk:
    """One session, RFC 5321 as far as smtplib asks for it."""

    def __init__(self, room: MailRoom, handler: socketserver.StreamRequestHandler) -> None:
        self.room, self.link = room, handler.request
        self.file = handler.request.makefile("rb")
        self.encrypted, self.user, self.sender, self.to = False, "", "", []

    def say(self, text: str) -> None:
        self.link.sendall(text.encode() + b"\r\n")

    def go(self) -> None:
        time.sleep(self.room.hang)
        self.say("220 here")
        while line := self.file.readline():
            word, _, rest = line.decode().strip().partition(" ")
            if word.upper() == "QUIT":
                self.say("221 bye")
                return
            self.answer(word.upper(), rest)

    def answer(self, word: str, rest: str) -> None:
        if word == "EHLO":
            self.room.greeted.append(rest)
            lines = [
                "250-here",
                *(["250-STARTTLS"] if self.room.certificate else []),
                "250-AUTH PLAIN",
                "250 OK",
            ]
            self.say("\r\n".join(lines))
        elif word == "STARTTLS":
            self.say("220 go on")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(str(self.room.certificate))
            self.link = context.wrap_socket(self.link, server_side=True)
            self.file, self.encrypted = self.link.makefile("rb"), True
        elif word == "AUTH":
            _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
            good = password == self.room.password
            self.user = user if good else ""
            self.say("235 welcome" if good else "535 no")
        elif word == "MAIL":
            locked = self.room.password and not self.user
            self.sender, self.to = rest.split("<")[1].split(">")[0], []
            self.say("530 log in first" if locked else "250 OK")
        elif word == "RCPT":
            one = rest.split("<")[1].split(">")[0]
            self.say("550 nobody here" if one in self.room.refused else "250 OK")
            self.to += [] if one in self.room.refused else [one]
        elif word == "DATA":
            self.say("354 go on")
            self.data()
        else:
            self.say("250 OK")

    def data(self) -> None:
        lines = []
        while (line := self.file.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.room.taken.append(Taken(self.sender, self.to, b"".join(lines), self.user, self.encrypted))
        self.say("250 kept")


def certificate(folder: Path) -> Path:
    """A key and a certificate of this machine's loopback address, in one file; it is its own authority."""
    path = folder / "server.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=here"
    extra = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(folder / "key"),
        "-out",
        str(folder / "crt"),
    ]
    subprocess.run([*command.split(), *extra], check=True, capture_output=True)
    path.write_bytes((folder / "key").read_bytes() + (folder / "crt").read_bytes())
    return path
