# SPDX-License-Identifier: Apache-2.0
"""Settings: a file (`sketchwatch.toml`), over it the environment (`SKETCHWATCH_*`), over it flags."""

from __future__ import annotations

import re
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from stream.errors import SettingsError
from stream.hooks.worker_hooks import HookNames

DEFAULT_FILE = Path("sketchwatch.toml")


class Settings(BaseSettings):
    """How a worker or command reaches Kafka, and how it works there.

    `kafka` holds any librdkafka properties, such as `security.protocol`, `sasl.mechanism` or `ssl.ca.location`;
    `schema_registry` those of confluent-kafka's `SchemaRegistryClient`, such as `url` or `basic.auth.user.info`.

    Examples
    --------
    >>> Settings(bootstrap_servers="localhost:9092", topic_prefix="team-a").group
    'sketchwatch'
    """

    model_config = SettingsConfigDict(env_prefix="SKETCHWATCH_", extra="forbid", frozen=True)

    bootstrap_servers: str = Field(default="localhost:9092", min_length=1, description="host:port of brokers, by comma")
    group: str = Field(default="sketchwatch", min_length=1, description="consumer group; names the transactions too")
    topic_prefix: str = Field(default="sketchwatch", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    kafka: dict[str, str] = Field(default={}, description="librdkafka properties passed to every client")
    allow_plaintext: bool = Field(default=False, description="speak unencrypted to a broker that is not on this host")
    schema_registry: dict[str, str] = Field(
        default={},
        description="properties of confluent-kafka's schema registry client, at least url",
    )

    checkpoint_interval_ms: int = Field(default=2_000, ge=50)
    idle_poll_ms: int = Field(default=500, ge=50, description="how often silence and waiting windows are looked at")
    max_future_skew_ms: int = Field(
        default=300_000, ge=0, description="event time may be this far after its Kafka time"
    )
    max_value_bytes: int = Field(default=8 << 20, ge=1_024, description="a larger message is a dead letter")
    fetch_bytes: int = Field(default=4 << 20, ge=65_536, description="most bytes fetched of one partition at once")
    fetch_records: int = Field(default=5_000, ge=1, description="most messages made into one block")
    dead_letter_payload: bool = Field(default=False, description="copy refused messages into their dead letters")

    instance_id: str | None = Field(default=None, description="static membership: a restart keeps its partitions")
    session_timeout_ms: int = Field(default=12_000, ge=1_000)
    transaction_timeout_ms: int = Field(default=20_000, ge=1_000)
    stop_timeout_ms: int = Field(default=30_000, ge=1_000, description="then a worker exits without committing")

    extensions: tuple[str, ...] = Field(
        default=(),
        description="code that definitions may name: monitors of your own (entry points, or module:object), models and "
        "endpoints to explain",
    )

    hooks: dict[str, HookNames] = Field(
        default={}, description="code of your own, by model or *, that events and reports pass through"
    )

    metrics_port: int | None = Field(default=9_464, ge=0, le=65_535, description="0 takes a free port")
    metrics_bind: str = "127.0.0.1"

    @model_validator(mode="after")
    def _registered(self) -> Settings:
        if self.schema_registry and "url" not in self.schema_registry:
            msg = f"expected schema_registry.url beside {', '.join(self.schema_registry)}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _encrypted(self) -> Settings:
        protocol = self.kafka.get("security.protocol", "plaintext").lower()
        local = all(_is_loopback(server.strip()) for server in self.bootstrap_servers.split(","))
        if not (local or self.allow_plaintext or protocol in {"ssl", "sasl_ssl"}):
            msg = (
                f'expected kafka."security.protocol" ssl or sasl_ssl for {self.bootstrap_servers}, got {protocol}; '
                "on a trusted network set allow_plaintext = true"
            )
            raise ValueError(msg)
        return self


def _is_loopback(server: str) -> bool:
    """Tell whether `host:port`, or `[address]:port` for IPv6, is of this host."""
    host = re.sub(r":\d+$", "", server).removeprefix("[").removesuffix("]")
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def load(path: Path | None = None, **flags: Any) -> Settings:
    """Read the settings of a process.

    Parameters
    ----------
    path : Path, optional
        The settings file; without it `sketchwatch.toml` of the working directory, if there is one.
    **flags
        Values from the command line; None means not given.

    Raises
    ------
    SettingsError
        With the file or variable, the key and what was expected of it.
    """
    file = path or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    if file is not None:
        _check(file)

    class FromEverywhere(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            below = () if file is None else (TomlConfigSettingsSource(settings_cls, file),)
            return init_settings, env_settings, *below

    try:
        return FromEverywhere(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        where = f"{file} or " if file is not None else ""
        msg = f"{where}SKETCHWATCH_{key.upper()}: {key}: {first['msg'].removeprefix('Value error, ')}"
        if first["loc"]:
            msg += f", got {first['input']!r}"
        raise SettingsError(msg) from None


def _check(file: Path) -> None:
    try:
        tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{file}: expected a readable settings file: {error.strerror}"
        raise SettingsError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{file}: expected TOML: {error}"
        raise SettingsError(msg) from None
