"""consent/create and consent/show: the part of the national consent registry (İYS) that the service offers.

Both are documented by the provider, 2026. Consents are kept and shown; they do not decide about sending.
"""

import re
from datetime import datetime, timedelta
from typing import Any, Final, cast

from iletimerkezi_async.sandbox.account import Account, ConsentKey
from iletimerkezi_async.sandbox.bodies import Json, read_object
from iletimerkezi_async.sandbox.codes import Refusal
from iletimerkezi_async.sandbox.dates import read_second

__all__ = ["create_consents", "read_consent", "read_consents", "show_consent"]

MOST_RECORDS: Final = 5_000
OLDEST: Final = timedelta(days=3)

_PHONE: Final = re.compile(r"\+905[0-9]{9}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_SOURCE: Final = re.compile(r"HS_[A-Z0-9]+(_[A-Z0-9]+)*")
_RECIPIENT_TYPES: Final = ("BIREYSEL", "TACIR")
_TYPES: Final = ("MESAJ", "EPOSTA", "ARAMA")
_STATUSES: Final = ("ONAY", "RET")


def read_consent(request: Json) -> Json:
    """Return the consent object.

    Raises:
        Refusal: 400.
    """
    return read_object(request, "consent")


def read_consents(request: Json) -> Json:
    """Return the consent object of consent/create, and check that its ``list`` is a list.

    Raises:
        Refusal: 400.
    """
    asked = read_consent(request)
    if not isinstance(asked.get("list"), list):
        raise Refusal(400)
    return asked


def create_consents(account: Account, asked: Json) -> Json:
    """Answer consent/create: all records or none.

    Raises:
        Refusal: 403 for the brand code, 422 for the number of records or for any value in them.
    """
    brand = _check_brand(account, asked)
    records = cast("list[Any]", asked["list"])
    if not 1 <= len(records) <= MOST_RECORDS:
        raise _wrong("list", f"1 ile {MOST_RECORDS} arasında kayıt olmalı")
    checked: list[tuple[ConsentKey, Json]] = []
    for position, record in enumerate(records):
        place = f"list.{position}."
        checked.append((_check_key(brand, record, place), _check_record(account.now, record, place)))
    account.consents.update(checked)
    return {}


def show_consent(account: Account, asked: Json) -> Json:
    """Answer consent/show.

    Raises:
        Refusal: 403 for the brand code, 422 for bad values, and 422 for a missing record (a setting of the account).
    """
    key = _check_key(_check_brand(account, asked), asked, "")
    record = account.consents.get(key)
    if record is not None:
        return {"consent": {"brandCode": account.style.brand_code(key[0]), **record}}
    if account.refuse_unknown_consent:
        raise _wrong("recipient", "Kayıt bulunamadı")
    return account.style.repeated("consent", ())


def _check_brand(account: Account, asked: Json) -> str:
    brand = asked.get("brandCode")
    if isinstance(brand, bool) or not isinstance(brand, (str, int)) or str(brand) not in account.brands:
        raise Refusal(403)
    return str(brand)


def _check_key(brand: str, record: Any, place: str) -> ConsentKey:
    if not isinstance(record, dict):
        raise _wrong(place.rstrip("."), "Kayıt okunamadı")
    fields = cast("Json", record)
    recipient = fields.get("recipient")
    if not isinstance(recipient, str) or not (_PHONE.fullmatch(recipient) or _EMAIL.fullmatch(recipient)):
        raise _wrong(f"{place}recipient", "Telefon +905XXXXXXXXX biçiminde, ya da bir e-posta adresi olmalı")
    for name, words in (("recipientType", _RECIPIENT_TYPES), ("type", _TYPES)):
        if fields.get(name) not in words:
            raise _wrong(place + name, f"Şunlardan biri olmalı: {', '.join(words)}")
    return brand, recipient, fields["recipientType"], fields["type"]


def _check_record(now: datetime, record: Json, place: str) -> Json:
    if record.get("status") not in _STATUSES:
        raise _wrong(f"{place}status", f"Şunlardan biri olmalı: {', '.join(_STATUSES)}")
    source = record.get("source")
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise _wrong(f"{place}source", "Bilinen bir kaynak kodu olmalı")
    given_at = read_second(record.get("consentDate"))
    # Refuse a time in the future, too; the documents only say that three days ago is too long.
    if given_at is None or not now - OLDEST <= given_at <= now:
        raise _wrong(f"{place}consentDate", "YYYY-MM-DD HH:MM:SS biçiminde, son üç gün içinde olmalı")
    return {name: record[name] for name in ("recipient", "recipientType", "type", "status", "source", "consentDate")}


def _wrong(field: str, text: str) -> Refusal:
    return Refusal(422, {field: text})
