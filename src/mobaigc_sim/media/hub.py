"""What lies in the local Hugging Face cache; nothing here reaches the network."""

from __future__ import annotations

from pathlib import Path

from ..errors import MobaigcError

HUB = "hub:"


class HubError(MobaigcError):
    """A `hub:` name that is malformed, or that names what is not in the local cache."""


def repository_of(name: str) -> tuple[str, str | None]:
    """`hub:owner/name@revision` → repository and revision; raises HubError for anything else."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    repository, _, revision = name.removeprefix(HUB).partition("@")
    try:
        validate_repo_id(repository)
        if not name.startswith(HUB) or "/" not in repository:
            raise HFValidationError
    except HFValidationError:
        raise HubError(f"'{name}': expected {HUB}owner/name, for example {HUB}stabilityai/sd-turbo") from None
    return repository, revision or None


def cached_folder(name: str, expected: str) -> Path:
    """The folder of `hub:owner/name` in the cache; raises HubError that names the `expected` file where it is not."""
    repository, revision = repository_of(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, revision=revision, local_files_only=True, allow_patterns=[expected]))
    except (LocalEntryNotFoundError, OSError):
        raise HubError(f"'{name}': expected the file {expected} in {store_of(name)}; {how_to_fetch(name)}") from None


def store_of(name: str) -> Path:
    """Where the cache keeps the snapshots of `hub:owner/name`."""
    from huggingface_hub import constants

    repository, _ = repository_of(name)
    return Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "snapshots"


def how_to_fetch(name: str) -> str:
    """The second half of an error about something that is not here."""
    return f"fetch it where there is a network: mobaigc-sim models pull {name}"
