"""Files on their way in."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import reverse

LIMIT = 200_000


@pytest.fixture(autouse=True)
def _limit(settings: Any) -> None:
    settings.MAIL_MAX_UPLOAD_BYTES = LIMIT


@pytest.mark.parametrize("in_memory", [1, 50_000_000])
def test_what_is_too_large_does_not_fill_the_disk(rf: RequestFactory, settings: Any, in_memory: int) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = in_memory
    sent = {"big": SimpleUploadedFile("big.bin", b"0" * 20 * LIMIT), "small": SimpleUploadedFile("s.txt", b"Hola")}

    files = rf.post("/login/", sent).FILES

    assert LIMIT < len(files["big"].read()) <= LIMIT + 128 * 1024
    assert files["big"].size > LIMIT
    assert files["small"].read() == b"Hola"
    for arrived in files.values():
        arrived.close()


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
def test_what_is_not_arrives_whole(rf: RequestFactory, settings: Any, size: int) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1
    data = bytes(number % 251 for number in range(size))

    arrived = rf.post("/", {"file": SimpleUploadedFile("a.bin", data)}).FILES["file"]

    assert arrived.read() == data
    arrived.close()


def test_it_is_refused_in_words(client: Client, alice: Any, opportunity: Any) -> None:
    client.force_login(alice)
    url = reverse("chatter:upload", args=[opportunity.thread.pk])

    for size in (LIMIT + 1, 10 * LIMIT):
        sent = {"files": SimpleUploadedFile("big.bin", b"0" * size)}
        answer = client.post(url, sent, headers={"accept-language": "en"})
        assert (answer.status_code, "too large" in answer.content.decode()) == (413, True)
