"""Names of what is in an image's directory."""

from __future__ import annotations

MANIFEST = "manifest.toml"
DIGEST = "digest"
EROFS_ROOT = "root.erofs"
DIRECTORY_ROOT = "root"
PACKAGES = "packages.txt"
INGREDIENTS = "ingredients.json"
BELOW = "below"
LAYERS = "layers"
ORIGIN = "oci.json"
BASE_ORIGIN = "oci-base.json"
LOCK = "requirements.lock"
COMMITS = "commits.json"
OCI_LAYERS = "oci-layers.json"
