# SPDX-License-Identifier: Apache-2.0
"""Settings come from file, environment and flags, and refuse with one line."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest

from stream.errors import SettingsError
from stream.kafka.clients import client_config, credentials
from stream.settings import Settings, load


def test_flags_win_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sketchwatch.toml"
    file.write_text('group = "file"\ntopic_prefix = "file"\nfetch_records = 7\n[kafka]\n"client.id" = "w"\n')
    monkeypatch.setenv("SKETCHWATCH_GROUP", "environment")
    monkeypatch.setenv("SKETCHWATCH_TOPIC_PREFIX", "environment")
    settings = load(file, group="flag", bootstrap_servers=None)
    assert (settings.group, settings.topic_prefix, settings.fetch_records) == ("flag", "environment", 7)
    assert client_config(settings, linger_ms=5) == {
        "bootstrap.servers": "localhost:9092",
        "log_level": 3,
        "client.id": "w",
        "linger.ms": 5,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("group = ", "expected TOML"),
        ('grup = "x"', "grup: Extra inputs"),
        ("checkpoint_interval_ms = 1", "greater than or equal to 50, got 1"),
        ('bootstrap_servers = "kafka:9092"', 'expected kafka."security.protocol" ssl or sasl_ssl'),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_expected_value(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file)
    assert expected in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="readable"):
        load(tmp_path / "none.toml")


def test_plain_text_leaves_this_host_only_when_allowed() -> None:
    assert Settings(bootstrap_servers="kafka:9092", allow_plaintext=True).allow_plaintext
    assert Settings(bootstrap_servers="127.0.0.1:1,localhost:2").kafka == {}


@pytest.mark.parametrize(
    "servers",
    [
        "localhost.example.com:9092",
        "127.example.com:9092",
        "127.0.0.1.example.com:9092",
        "[::2]:9092",
        "[::1].example.com:9092",
        "localhost:9092,kafka:9092",
    ],
)
def test_a_host_that_only_begins_like_this_one_is_another(servers: str) -> None:
    with pytest.raises(ValueError, match="ssl or sasl_ssl"):
        Settings(bootstrap_servers=servers)


@pytest.mark.parametrize(
    "servers", ["localhost:9092", "LOCALHOST", "127.8.0.1:9092", "[::1]:9092", "[::1]", " localhost:1"]
)
def test_every_name_of_this_host_may_speak_plain_text(servers: str) -> None:
    assert Settings(bootstrap_servers=servers).bootstrap_servers == servers


def test_sasl_keeps_its_encryption_on_the_way_to_faust() -> None:
    kafka = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
    }
    found = credentials(Settings(bootstrap_servers="kafka:9092", kafka=kafka))
    assert found.protocol.value == "SASL_SSL"
    assert found.ssl_context is not None
    with pytest.raises(SettingsError, match=r"sasl\.mechanism"):
        credentials(Settings(kafka=kafka | {"sasl.mechanism": "GSSAPI"}))


@pytest.mark.parametrize("key", ["ssl.keystore.location", "ssl.cipher.suites", "sasl.oauthbearer.config"])
def test_a_security_property_that_faust_would_not_get_is_refused_by_name(key: str) -> None:
    with pytest.raises(SettingsError, match=r"ssl\.ca\.location.*got kafka\.\"" + re.escape(key)):
        credentials(Settings(kafka={"security.protocol": "ssl", key: "x"}))


def test_properties_that_faust_gets_or_does_not_need_are_taken() -> None:
    kafka = {"security.protocol": "ssl", "enable.ssl.certificate.verification": "false", "client.id": "w"}
    assert credentials(Settings(kafka=kafka)).context.verify_mode == ssl.CERT_NONE
