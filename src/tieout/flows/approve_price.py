"""Prices that product or finance sign: which versions wait, the request that travels, and the signature that
comes back. A policy may require it of every price before a seal."""

from __future__ import annotations

from pathlib import Path

from tieout.contract.document import DocumentKind
from tieout.contract.price_approval import MAY_SIGN, PriceVersion, price_versions
from tieout.contract.signature import PRICED_FORMAT
from tieout.contract.signing_file import SigningRequest, request_text
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.signed_file import SignatureRefused, key_behind, read_signature, verified
from tieout.kernel.errors import ConflictError, NotFound, shown


class NoPriceToSign(NotFound):
    """The catalog has no such price version."""

    code = "no-price-to-sign"

    def __init__(self, price: str, version: int | None) -> None:
        named = f"price {shown(price)}" if version is None else f"version {version} of price {shown(price)}"
        super().__init__(f"There is no {named}; `tieout price pending` lists what waits for a signature.")


class PriceSigned(ConflictError):
    """One signature suffices."""

    code = "price-signed"

    def __init__(self, version: PriceVersion) -> None:
        super().__init__(f"{version.signatures[0].person} has signed {version.name} already.")


def all_price_versions(home: Home) -> list[PriceVersion]:
    """Every version of every price of the catalog, signed or not."""
    keys = {key.key_id: key for key in home.books.signatures.signing_keys()}
    signatures = home.books.signatures.signatures()
    prices = load_catalog(home).prices
    return price_versions(prices, signatures, keys, home_id=home.home_id, verify=home.signer.verify)


def unsigned_prices(home: Home) -> dict[str, str]:
    """Digest to name of each version that nobody signed."""
    return {each.price.digest: each.name for each in all_price_versions(home) if not each.signatures}


def write_price_request(home: Home, price: str, version: int | None, out: Path) -> SigningRequest:
    """The file that travels to the signer; without a version, for the first that waits. Raises
    `NoPriceToSign` or `PriceSigned`."""
    found = _waiting(home, price, version)
    document = next(
        document
        for document in home.books.documents.all()
        if (document.kind, document.key, document.version)
        == (DocumentKind.PRICE, found.price.key, found.price.version)
    )
    request = SigningRequest(
        home_id=home.home_id,
        key=found.price.key,
        version=found.price.version,
        document=document.table,
        document_digest=document.digest,
        predecessor_digest=None if found.before is None else found.before.digest,
        effective_from=found.price.effective_from,
        kind="price",
    )
    out.write_text(request_text(request), encoding="utf-8")
    return request


def approve_price(home: Home, file: Path) -> PriceVersion:
    """Verifies and records a signature over a price. Raises `SignatureRefused` and says why."""
    signed = read_signature(home, file)
    found = next(
        (each for each in all_price_versions(home) if each.price.digest == signed.document_digest), None
    )
    if found is None:
        raise SignatureRefused(file, "it is over no price version of this catalog")
    if signed.role not in MAY_SIGN:
        raise SignatureRefused(file, f"prices are for {' or '.join(MAY_SIGN)} to sign, not for {signed.role}")
    recorded = verified(
        home,
        file,
        signed,
        key_behind(home, file, signed),
        predecessor_digest=None if found.before is None else found.before.digest,
        effective_from=found.price.effective_from,
        signed_format=PRICED_FORMAT,
    )
    home.books.signatures.add(recorded)
    return next(each for each in all_price_versions(home) if each.price.digest == found.price.digest)


def _waiting(home: Home, price: str, version: int | None) -> PriceVersion:
    found = [
        each
        for each in all_price_versions(home)
        if each.price.key == price and version in (None, each.price.version)
    ]
    if not found:
        raise NoPriceToSign(price, version)
    waiting = [each for each in found if not each.signatures]
    if not waiting:
        raise PriceSigned(found[-1])
    return waiting[0]
