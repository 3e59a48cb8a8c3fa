"""Which server a command speaks to, and how: flags and variables, the same for every command."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import grpc


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What the flags say. ``address`` is None where nobody named a server."""

    address: str | None
    tls: bool
    ca: str | None
    cert: str | None
    key: str | None

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return what TLS takes, None for none. UsageError names what cannot be read."""
        if not (self.tls or self.ca or self.cert or self.key):
            return None
        if bool(self.cert) != bool(self.key):
            raise click.UsageError("--client-cert and --client-key go together")
        return grpc.ssl_channel_credentials(
            _read("--server-ca", self.ca), _read("--client-key", self.key), _read("--client-cert", self.cert)
        )


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags, and what they say as ``server``."""

    @click.option(
        "--server",
        "address",
        metavar="ADDR",
        envvar="SANDBOXD_SERVER",
        help="HOST:PORT or unix:PATH of a server [env: SANDBOXD_SERVER].",
    )
    @click.option(
        "--tls", is_flag=True, envvar="SANDBOXD_TLS", help="Speak TLS, trusting public CAs [env: SANDBOXD_TLS]."
    )
    @click.option(
        "--server-ca",
        metavar="FILE",
        envvar="SANDBOXD_SERVER_CA",
        help="Speak TLS, trusting this CA alone [env: SANDBOXD_SERVER_CA].",
    )
    @click.option(
        "--client-cert",
        metavar="FILE",
        envvar="SANDBOXD_CLIENT_CERT",
        help="Certificate to show to the server [env: SANDBOXD_CLIENT_CERT].",
    )
    @click.option(
        "--client-key", metavar="FILE", envvar="SANDBOXD_CLIENT_KEY", help="Its key [env: SANDBOXD_CLIENT_KEY]."
    )
    @functools.wraps(command)
    def with_server(
        *args: Any,
        address: str | None,
        tls: bool,
        server_ca: str | None,
        client_cert: str | None,
        client_key: str | None,
        **options: Any,
    ) -> Any:
        server = Server(address=address, tls=tls, ca=server_ca, cert=client_cert, key=client_key)
        return command(*args, server=server, **options)

    return with_server


def _read(flag: str, path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{flag}: {path}: {error.strerror}") from error
