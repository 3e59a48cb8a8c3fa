"""A CA, and certificates of it for a server at localhost and for a client."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make(directory: Path) -> list[str]:
    """Write ca.pem, and .pem and .key of server and client; returns the flags of a server that uses them."""
    _openssl(directory, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca")
    (directory / "ext").write_text("subjectAltName=DNS:localhost")
    for name in ("server", "client"):
        _openssl(directory, f"req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}")
        signing = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext"
        _openssl(directory, f"x509 -req -in {name}.csr {signing} -out {name}.pem")
    files = {"cert": "server.pem", "key": "server.key", "client-ca": "ca.pem"}
    return [f"--tls-{flag}={directory}/{file}" for flag, file in files.items()]


def _openssl(directory: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=directory, check=True, capture_output=True)
