"""A policy is in force only once three people have signed it at their desks; every shortcut is refused."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, POLICY, SIGNED_AT, make_home
from tieout.contract.policy import PolicyRole
from tieout.contract.signing_file import MalformedSigningFile, parse_request, parse_signature
from tieout.flows.apply_catalog import CatalogRefused
from tieout.flows.policy import (
    MalformedPerson,
    NoSuchPolicy,
    NotAPolicy,
    SignatureRefused,
    WrongPredecessor,
    add_signature,
    find_policy,
    policies,
    propose,
    register_key,
    revoke_key,
    write_signing_request,
)
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing import (
    KeyFileExists,
    KeyFileMissing,
    NotAKeyFile,
    generate_key,
    read_public_key,
    verify,
)
from tieout.gateways.signing_desk import SigningRequestMissing, sign_request
from tieout.kernel.errors import ConflictError, NotFound
from tieout.kernel.ids import KeyId
from tieout.wiring import Home, create_home


@pytest.fixture
def desk(tmp_path: Path) -> tuple[Home, Path]:
    """A home with a proposed policy, its request file, and one key pair per role; nothing is signed."""
    home = create_home(tmp_path / "home", clock=SteppedClock(SIGNED_AT))
    (tmp_path / "policy.toml").write_text(POLICY)
    policy = propose(home, tmp_path / "policy.toml")
    write_signing_request(home, policy.digest, tmp_path / "request.json")
    for role in PolicyRole:
        generate_key(tmp_path / f"{role.value}.key", tmp_path / f"{role.value}.pub")
    return home, tmp_path


def signed(folder: Path, role: PolicyRole, person: str, key: PolicyRole | None = None) -> Path:
    out = folder / "out.signature"
    private = folder / f"{(key or role).value}.key"
    request = sign_request(folder / "request.json", private_key=private, role=role, person=person, out=out)
    assert request == parse_request((folder / "request.json").read_text()), "the signer is shown what it was"
    return out


def test_the_third_signature_brings_it_into_force(desk: tuple[Home, Path]) -> None:
    home, folder = desk
    for role, person in ((PolicyRole.PRODUCT, "Ada"), (PolicyRole.FINANCE, "Bram"), (PolicyRole.OPS, "Chi")):
        register_key(home, role, person, folder / f"{role.value}.pub")
        state = add_signature(home, signed(folder, role, person))
        assert role not in state.missing
    assert state.missing == () and state.in_force_from == SIGNED_AT
    with pytest.raises(ConflictError):
        add_signature(home, signed(folder, PolicyRole.OPS, "Chi"))
    assert isinstance(home.clock, SteppedClock)
    home.clock.set_to(FEBRUARY_3)
    revoke_key(home, KeyId(state.signatures[0].key_id))
    (after,) = policies(home)
    assert after.in_force_from == SIGNED_AT, "revoking does not reach back"


def test_keys_stay_private_and_are_never_overwritten(desk: tuple[Home, Path]) -> None:
    home, folder = desk
    private = folder / "ops.key"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    with pytest.raises(KeyFileExists):
        generate_key(private, folder / "new.pub")
    with pytest.raises(NotAKeyFile):
        register_key(home, PolicyRole.OPS, "Chi", private)
    with pytest.raises(KeyFileMissing):
        register_key(home, PolicyRole.OPS, "Chi", folder / "nowhere.pub")
    with pytest.raises(MalformedPerson):
        register_key(home, PolicyRole.OPS, " \n ", folder / "ops.pub")
    register_key(home, PolicyRole.OPS, "Chi", folder / "ops.pub")
    with pytest.raises(ConflictError):
        register_key(home, PolicyRole.FINANCE, "Chi", folder / "ops.pub")
    with pytest.raises(NotFound):
        revoke_key(home, KeyId("0" * 16))


def test_a_signature_that_is_not_what_it_says_is_refused(desk: tuple[Home, Path]) -> None:
    home, folder = desk
    with pytest.raises(SignatureRefused, match="not registered"):
        add_signature(home, signed(folder, PolicyRole.OPS, "Chi"))
    register_key(home, PolicyRole.OPS, "Chi", folder / "ops.pub")
    with pytest.raises(SignatureRefused, match="registered for ops"):
        add_signature(home, signed(folder, PolicyRole.FINANCE, "Chi", key=PolicyRole.OPS))
    file = signed(folder, PolicyRole.OPS, "Chi")
    written = json.loads(file.read_text())
    for member, value, why in (
        ("signature", "00" * 64, "does not verify"),
        ("home", "home_0000", "for the home"),
        ("person", "Eve", "registered for ops and Chi"),
    ):
        file.write_text(json.dumps({**written, member: value}))
        with pytest.raises(SignatureRefused, match=why):
            add_signature(home, file)
    file.write_text(json.dumps({**written, "document_digest": "f" * 64}))
    with pytest.raises(NoSuchPolicy):
        add_signature(home, file)
    with pytest.raises(SignatureRefused, match="cannot be read"):
        add_signature(home, folder / "nowhere")
    assert policies(home)[0].signatures == ()


def test_a_request_whose_document_was_changed_is_not_signed(desk: tuple[Home, Path]) -> None:
    _, folder = desk
    request = json.loads((folder / "request.json").read_text())
    request["document"] = request["document"].replace("24", "1")
    (folder / "request.json").write_text(json.dumps(request))
    with pytest.raises(MalformedSigningFile, match="digest"):
        signed(folder, PolicyRole.OPS, "Chi")
    with pytest.raises(SigningRequestMissing):
        sign_request(
            folder / "no", private_key=folder / "ops.key", role=PolicyRole.OPS, person="x", out=folder / "o"
        )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "nonsense", '{"format": "tieout/signing-request/1"}', "[" * 100_000]
)
def test_files_that_are_neither_request_nor_signature_are_refused(text: str) -> None:
    for parse in (parse_request, parse_signature):
        with pytest.raises(MalformedSigningFile):
            parse(text)


def test_a_proposal_is_one_new_policy_after_the_latest(desk: tuple[Home, Path]) -> None:
    home, folder = desk
    with pytest.raises(NotAPolicy):
        propose(home, folder / "policy.toml")
    (folder / "other.toml").write_text(POLICY.replace('"close"', '"other"'))
    with pytest.raises(WrongPredecessor):
        propose(home, folder / "other.toml")
    (folder / "broken.toml").write_text(POLICY.replace("24", '"x"'))
    with pytest.raises(CatalogRefused):
        propose(home, folder / "broken.toml")
    with pytest.raises(NoSuchPolicy):
        write_signing_request(home, "", folder / "r.json")
    for name in ("close@2", "close@" + "9" * 5_000):
        with pytest.raises(NoSuchPolicy):
            find_policy(home, name)
    assert len(policies(home)) == 1


def test_a_malformed_key_or_signature_verifies_nothing(tmp_path: Path) -> None:
    generate_key(tmp_path / "a.key", tmp_path / "a.pub")
    public = read_public_key(tmp_path / "a.pub")
    for key, signature in ((public, b""), (public, b"x" * 64), (b"", b"x" * 64), (b"x" * 31, b"")):
        assert not verify(key, b"message", signature)


def test_the_home_of_the_tests_is_signed(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home")
    with home:
        (state,) = policies(home)
    assert state.in_force_from == SIGNED_AT
