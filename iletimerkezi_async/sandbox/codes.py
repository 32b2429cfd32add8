"""The service's status codes, each with a Turkish message, and the refusal that carries one."""

from collections.abc import Mapping
from typing import Final

__all__ = ["DONE", "MESSAGES", "Refusal", "message_of"]

DONE: Final = 200

MESSAGES: Final[dict[int, str]] = {
    200: "İşlem tamam",
    400: "Gönderilen istek okunamadı",
    401: "Anahtar ve hash doğrulanamadı",
    402: "Bakiye bu sipariş için yeterli değil",
    403: "Marka kodunun etkin bir izin aboneliği yok",
    404: "Bu adreste bir yöntem yok",
    422: "Gönderilen değerler doğrulanamadı",
    429: "Çok sık istek gönderildi",
    450: "Gönderici adı bu hesapta onaylı değil",
    451: "Aynı sipariş az önce alındı",
    452: "Alıcı numaraları hatalı",
    453: "Metin yedi SMS boyunu aşıyor",
    454: "Metin boş bırakılmış",
    455: "Bu numarayla bir sipariş yok",
    456: "Siparişin zamanı henüz gelmedi",
    457: "Gönderim zamanı okunamadı",
    458: "Tarih aralığı hatalı",
    459: "Gönderici adı boş bırakılmış",
    460: "Gönderici adı en çok 11 karakter olur, Türkçe harf içeremez",
    464: "Sayfa numarası 1 ile başlar",
    466: "Numara geçerli değil",
    468: "İYS sorgusu yapılsın mı, belirtilmemiş",
    469: "İYS listesi seçilmemiş: BIREYSEL ya da TACIR",
    470: "Hesapta tanımlı bir İYS kodu yok",
    474: "Bu engel kaldırılamıyor",
    503: "Hizmet geçici olarak kapalı",
}


def message_of(code: int) -> str:
    """Return the Turkish message of a code; codes without one get a general sentence."""
    return MESSAGES.get(code, "İşlem yapılamadı")


class Refusal(Exception):  # noqa: N818 - a refusal is an ordinary answer of the service, not an error of the sandbox
    """The service refuses a request.

    Attributes:
        code: The status code of the answer, from the provider's table of status codes.
        errors: With 422: the problems, by field.
        reason: The message of the answer, and details; for the log and the pages, never sent to the client.
    """

    def __init__(self, code: int, errors: Mapping[str, str] | None = None, *, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.errors = dict(errors or {})
        known = detail or "; ".join(f"{field}: {text}" for field, text in self.errors.items())
        self.reason = f"{message_of(code)} ({known})" if known else message_of(code)
