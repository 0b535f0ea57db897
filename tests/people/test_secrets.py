"""Secrets: encrypted at rest, resolved by reference, never shown by an error."""

import pytest

from golive.people import secrets, vault
from golive.people.models import Secret

VALUE = "hunter2 very secret"


@pytest.mark.django_db
def test_kept_encrypted_and_versioned() -> None:
    secrets.put("smtp", "first")
    secrets.put("smtp", VALUE)
    assert secrets.get("smtp") == VALUE
    assert [(kept.name, kept.version) for kept in secrets.kept()] == [("smtp", 2)]
    assert all(VALUE.encode() not in bytes(row.ciphertext) for row in Secret.objects.all())


@pytest.mark.django_db
def test_swapped_or_altered_bytes_do_not_open() -> None:
    one, other = secrets.put("one", "value of one"), secrets.put("other", VALUE)
    Secret.objects.filter(pk=one.pk).update(ciphertext=other.ciphertext)
    with pytest.raises(secrets.SecretError) as error:
        secrets.get("one")
    assert VALUE not in str(error.value)
    sealed = bytearray(vault.encrypt(VALUE, "x"))
    sealed[-1] ^= 1
    with pytest.raises(vault.VaultError):
        vault.decrypt(bytes(sealed), "x")


@pytest.mark.django_db
def test_references(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ACME_SECRET", VALUE)
    (tmp_path / "secret").write_text(VALUE + "\n")
    secrets.put("acme", VALUE)
    for reference in ("env:ACME_SECRET", f"file:{tmp_path / 'secret'}", "secret:acme"):
        assert secrets.is_reference(reference)
        assert secrets.resolve(reference) == VALUE


@pytest.mark.django_db
@pytest.mark.parametrize(
    "reference", [VALUE, "env:NOT_SET_HERE", "file:/nowhere/secret", "secret:nobody", "", "vault:x"]
)
def test_errors_show_no_value(reference: str) -> None:
    with pytest.raises(secrets.SecretError) as error:
        secrets.resolve(reference)
    assert VALUE not in str(error.value)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "value"), [("", VALUE), ("a b", VALUE), ("-x", VALUE), ("good", "")])
def test_bad_names_and_empty_values(name: str, value: str) -> None:
    with pytest.raises(secrets.SecretError) as error:
        secrets.put(name, value)
    assert VALUE not in str(error.value)
