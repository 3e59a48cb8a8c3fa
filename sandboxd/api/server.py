"""The gRPC server: ports, credentials, health, reflection, and the service behind them."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from grpc_reflection.v1alpha import reflection

from sandboxd.api import execution_service, health, image_service
from sandboxd.api.execution_service import ExecutionServicer
from sandboxd.api.health import HealthServicer
from sandboxd.api.image_service import Images, ImageServicer
from sandboxd.errors import InvalidConfiguration
from sandboxd.service.executions import ExecutionService

_UNIX = "unix:"
_SERVICES = (execution_service.SERVICE_NAME, image_service.SERVICE_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files in PEM. With ``client_ca`` every client must show a certificate that it signed."""

    cert: Path
    key: Path
    client_ca: Path | None


class ApiServer:
    """A server on one address."""

    def __init__(
        self,
        service: ExecutionService,
        images: Images,
        *,
        listen: str,
        tls: Tls | None,
        max_message_bytes: int,
        max_connections: int,
        finished: Callable[[str, str, str, float], None],
    ) -> None:
        """``finished`` is told of each call its service's name, its method's, its status' and the seconds it took."""
        options = [
            ("grpc.so_reuseport", 0),  # with it a second server would bind the same port, and nobody would know
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            ("grpc.max_allowed_incoming_connections", max_connections),
            ("grpc.keepalive_time_ms", 30_000),  # a client that is lost without a word is noticed
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
        ]
        self._server = grpc.aio.server(options=options)
        self._health = HealthServicer(_SERVICES)
        executions = ExecutionServicer(service, service.untaken).handler(
            partial(finished, execution_service.SERVICE_NAME)
        )
        others = ImageServicer(images, service.untaken).handler(partial(finished, image_service.SERVICE_NAME))
        self._server.add_generic_rpc_handlers((executions, others, self._health.handler()))
        names = (*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self._listen = listen
        self._tls = tls
        self.address = ""
        """What a client dials, once started."""

    async def start(self) -> None:
        """Bind and serve. InvalidConfiguration when the address cannot be had."""
        if self._listen.startswith(_UNIX):
            _clear(self._listen.removeprefix(_UNIX))
        try:
            port = self._bind()
        except (RuntimeError, OSError) as error:
            raise InvalidConfiguration(f"listen: cannot bind {self._listen}: {error}") from error
        await self._server.start()
        if self._listen.startswith(_UNIX):
            os.chmod(self._listen.removeprefix(_UNIX), 0o660)
            self.address = self._listen
        else:
            self.address = f"{self._listen.rpartition(':')[0]}:{port}"

    def enter_drain(self) -> None:
        """Tell health checkers that new work goes elsewhere. Waits for none of them."""
        self._health.drain()

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those that are there end for ``grace_s``, then cut them off. gRPC removes its socket."""
        await self._server.stop(grace_s)

    def _bind(self) -> int:
        if self._tls is None:
            return int(self._server.add_insecure_port(self._listen))
        tls = self._tls
        try:
            client_ca = tls.client_ca.read_bytes() if tls.client_ca else None
            pairs = [(tls.key.read_bytes(), tls.cert.read_bytes())]
        except OSError as error:
            raise InvalidConfiguration(f"tls: {error}") from error
        credentials = grpc.ssl_server_credentials(
            pairs, root_certificates=client_ca, require_client_auth=client_ca is not None
        )
        return int(self._server.add_secure_port(self._listen, credentials))


def _clear(path: str) -> None:
    """Remove the socket that a server left when it was killed. InvalidConfiguration where something else is in the way."""
    try:
        if not stat.S_ISSOCK(os.stat(path, follow_symlinks=False).st_mode):
            raise InvalidConfiguration(f"listen: {path} is there, and is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        else:
            raise InvalidConfiguration(f"listen: another server is on {path}")
