"""The containers: compose.yaml and the Dockerfile hold to the rules of a hardened service."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.settings import PREFIX, SamplingSettings, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?[\w.-]*")
ROOT_USER = re.compile(r"(0|root)(:.*)?")
SECRET = re.compile(r"(PASSWORD|TOKEN|API_KEY|SECRET|SECRET_KEY|SALT|DATABASE_URL)$")


def load() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def problems(compose: dict[str, Any]) -> list[str]:
    """What is not hardened, as `service: what`."""
    return [f"{name}: {what}" for name, service in compose["services"].items() for what in _of(service)]


def _of(service: dict[str, Any]) -> list[str]:
    image = str(service.get("image", ""))
    environment = service.get("environment", {})
    checks = {
        "its image is not pinned": PINNED.fullmatch(image) is not None and "latest" not in image,
        "it has no healthcheck": bool(service.get("healthcheck", {}).get("test")),
        "its root can be written": service.get("read_only") is True,
        "it has no user, or root": bool(service.get("user")) and not ROOT_USER.fullmatch(service["user"]),
        "it keeps capabilities": service.get("cap_drop") == ["ALL"] and not service.get("cap_add"),
        "it may gain privileges": "no-new-privileges:true" in service.get("security_opt", []),
        "it is privileged": not service.get("privileged"),
        "it has a secret in its environment": not any(SECRET.search(key) for key in environment),
        "a port is open to the network": all(p.startswith("127.0.0.1:") for p in service.get("ports", [])),
        "it has no profile": bool(service.get("profiles")),
    }
    return [what for what, kept in checks.items() if not kept]


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_it_is_valid_by_the_compose_specification() -> None:
    done = validate(COMPOSE)
    assert done.returncode == 0, done.stdout


def test_the_specifications_schema_refuses_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(COMPOSE.read_text(encoding="utf-8").replace("read_only:", "read_onli:"))
    assert validate(path).returncode == 1


def test_every_service_is_hardened() -> None:
    assert problems(load()) == []


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda s: s.update(image="tertulia:latest"), "pinned"),
        (lambda s: s.update(image="tertulia"), "pinned"),
        (lambda s: s.pop("healthcheck"), "healthcheck"),
        (lambda s: s.pop("read_only"), "written"),
        (lambda s: s.update(user="0:0"), "root"),
        (lambda s: s.pop("user"), "user"),
        (lambda s: s.update(cap_drop=[]), "capabilities"),
        (lambda s: s.update(cap_add=["SYS_ADMIN"]), "capabilities"),
        (lambda s: s.update(security_opt=[]), "gain"),
        (lambda s: s.update(privileged=True), "privileged"),
        (lambda s: s.update(environment={"TERTULIA_TELEGRAM_TOKEN": "x"}), "secret"),
        (lambda s: s.update(ports=["8080:8080"]), "network"),
        (lambda s: s.pop("profiles"), "profile"),
    ],
)
def test_each_rule_is_noticed_when_broken(spoil: Callable[[dict[str, Any]], object], expected: str) -> None:
    compose = copy.deepcopy(load())
    spoil(compose["services"]["tertulia"])
    found = problems(compose)
    assert len(found) == 1
    assert expected in found[0]


def test_a_profile_starts_what_it_should() -> None:
    by_profile: dict[str, set[str]] = {}
    for name, service in load()["services"].items():
        for profile in service["profiles"]:
            by_profile.setdefault(profile, set()).add(name)
    assert by_profile == {"default": {"tertulia"}, "gpu": {"tertulia-gpu", "vllm", "postgres"}}


def test_every_setting_given_to_tertulia_exists() -> None:
    known = {PREFIX + n.upper() for n in (*Settings.model_fields, *SamplingSettings.model_fields)}
    for name in ("tertulia", "tertulia-gpu"):
        given = {v.removesuffix("_FILE") for v in load()["services"][name]["environment"]}
        assert given <= known


def test_secrets_come_from_files_that_git_ignores() -> None:
    compose = load()
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    assert all(secret["file"].startswith("./secrets/") for secret in compose["secrets"].values())
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_make_makes_the_secrets_and_folders_that_compose_needs(tmp_path: Path) -> None:
    command = ["make", "--silent", "--file", str(ROOT / "Makefile"), "gpu-files"]
    for _ in range(2):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    password = (tmp_path / "secrets" / "postgres_password").read_text()
    assert len(password) == 48
    url = (tmp_path / "secrets" / "database_url").read_text()
    assert url == f"postgresql://tertulia:{password}@postgres:5432/tertulia"
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "models").is_dir()


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    joined = dockerfile.replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def dockerfile_problems(dockerfile: str) -> list[str]:
    found = instructions(dockerfile)
    bases = [rest for word, rest in found if word == "FROM"]
    last = found[max(i for i, (word, _) in enumerate(found) if word == "FROM") :]
    users = [rest for word, rest in last if word == "USER"]
    pip = " ".join(rest for word, rest in found if word == "RUN")
    checks = {
        "base not pinned": all(re.match(r"python:3\.\d+\.\d+-slim-\w+", base) for base in bases),
        "one stage only": len(bases) > 1,
        "runs as root": bool(users) and not ROOT_USER.fullmatch(users[-1]),
        "no healthcheck": any(word == "HEALTHCHECK" and "/healthz" in rest for word, rest in last),
        "no hashes": "--require-hashes -r requirements.lock" in pip,
        "ADD": not any(word == "ADD" for word, _ in found),
        "secret in the image": not any(
            SECRET.search(key)
            for word, rest in found
            if word in ("ENV", "ARG")
            for key in re.findall(r"(\w+)=", rest)
        ),
    }
    return [what for what, kept in checks.items() if not kept]


def test_the_dockerfile_keeps_its_rules() -> None:
    assert dockerfile_problems((ROOT / "Dockerfile").read_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("python:3.11.14-slim-bookworm", "python:3", "base not pinned"),
        ("USER 10001:10001", "USER root", "runs as root"),
        ("/healthz", "/", "no healthcheck"),
        ("--require-hashes ", "", "no hashes"),
        ("EXPOSE 8080", "ADD x /", "ADD"),
        ("EXPOSE 8080", "ENV TERTULIA_TELEGRAM_TOKEN=1", "secret in the image"),
    ],
)
def test_each_rule_of_the_dockerfile_is_noticed_when_broken(old: str, new: str, expected: str) -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert old in text
    assert dockerfile_problems(text.replace(old, new)) == [expected]


def test_everything_the_image_copies_reaches_the_build() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert ignored[0] == "*"
    needed = {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "requirements.lock",
        "bot",
        "adapters",
        "inference",
        "storage",
    }
    assert sent == needed
    assert all((ROOT / name).exists() for name in sent)
