from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from app.settings.key_files import look, newest_signing_key, stamp
from test.key_pairs import ALGORITHMS, private_key, public_key, write_private, write_public


def a_pair(folder: Path, kid: str, algorithm: str = "EdDSA") -> None:
    write_public(folder, kid, algorithm)
    write_private(folder, kid, algorithm)


def kid_that_signs(path: Path) -> str | None:
    found = newest_signing_key(path)
    return found.public.kid if found else None


def test_every_public_key_of_a_folder_is_found_under_its_name(tmp_path: Path) -> None:
    for algorithm in ALGORITHMS:
        write_public(tmp_path, f"of-{algorithm}", algorithm)
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.pem").touch()

    found = look(tmp_path)

    assert list(found.keys) == [public_key(each, f"of-{each}") for each in sorted(ALGORITHMS)]
    assert found.problems == ()


def test_one_file_is_one_key(tmp_path: Path) -> None:
    file = write_public(tmp_path, "k", "ES256")
    write_public(tmp_path, "other")

    assert look(file).keys == (public_key("ES256", "k"),)


@pytest.mark.parametrize("name", ["k.pem", "k.private.pem"])
def test_of_a_private_key_alone_the_public_half_verifies(tmp_path: Path, name: str) -> None:
    file = write_private(tmp_path, "k").rename(tmp_path / name)

    assert look(file).keys == (public_key("EdDSA", "k"),)


def test_one_bad_file_does_not_hide_the_good_ones(tmp_path: Path) -> None:
    write_public(tmp_path, "good")
    (tmp_path / "bad.pem").write_text("-----BEGIN")
    (tmp_path / "folder.pem").mkdir()
    write_public(tmp_path, "a name with spaces")

    found = look(tmp_path)

    assert [key.kid for key in found.keys] == ["good"]
    assert [problem.split(": ")[1] for problem in found.problems] == [
        "its name is no printable 'kid' of at most 200 letters",
        "is no public key in PEM",
        "is a directory",
    ]


def test_a_folder_with_too_many_files_says_so(tmp_path: Path) -> None:
    for number in range(101):
        write_public(tmp_path, f"k{number:03}")

    found = look(tmp_path)

    assert len(found.keys) == 100
    assert found.problems == (f"{tmp_path}: holds more than 100 files",)


def test_a_private_key_with_a_password_is_named(tmp_path: Path) -> None:
    locked = private_key("EdDSA").private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")
    )
    file = tmp_path / "k.pem"
    file.write_bytes(locked)
    file.chmod(0o600)

    assert look(file).problems == (f"{file}: is no private key in PEM without a password",)


def test_the_newest_pair_signs(tmp_path: Path) -> None:
    for kid in ("20260101T000000Z-b", "20260301T000000Z-a", "20260201T000000Z-c"):
        a_pair(tmp_path, kid)
    write_public(tmp_path, "partner")

    assert kid_that_signs(tmp_path) == "20260301T000000Z-a"


def test_a_private_key_whose_public_one_is_gone_no_longer_signs(tmp_path: Path) -> None:
    a_pair(tmp_path, "older")
    write_private(tmp_path, "withdrawn")

    assert kid_that_signs(tmp_path) == "older"


@pytest.mark.parametrize("name", ["k.pem", "k.private.pem"])
def test_a_private_key_that_is_named_itself_signs(tmp_path: Path, name: str) -> None:
    file = write_private(tmp_path, "k").rename(tmp_path / name)

    assert kid_that_signs(file) == "k"


def test_a_public_key_signs_with_the_private_one_beside_it(tmp_path: Path) -> None:
    file = write_public(tmp_path, "k")

    assert kid_that_signs(file) is None
    write_private(tmp_path, "k")
    assert kid_that_signs(file) == "k"


def test_two_halves_that_do_not_belong_together_are_named(tmp_path: Path) -> None:
    write_public(tmp_path, "k")
    file = write_private(tmp_path, "k", owner="stranger")

    with pytest.raises(ValueError, match=f"{file}: does not belong to k.pem"):
        newest_signing_key(tmp_path)


def test_a_stamp_changes_with_every_file(tmp_path: Path) -> None:
    stamps = [stamp(tmp_path / "keys")]
    file = write_public(tmp_path / "keys", "a")
    stamps.append(stamp(tmp_path / "keys"))
    write_public(tmp_path / "keys", "b")
    stamps.append(stamp(tmp_path / "keys"))
    file.unlink()
    stamps.append(stamp(tmp_path / "keys"))
    write_public(tmp_path / "keys", "b", "ES256")
    stamps.append(stamp(tmp_path / "keys"))

    assert all(one != other for one, other in pairwise(stamps))
    assert stamps[0] is None
    assert stamp(tmp_path / "keys") == stamps[-1]
