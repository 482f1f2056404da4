"""Files: told when too large, given only to those who may read the message, never run by the browser."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import FileResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from daeris.documents.models import Opportunity
from daeris.models import User
from mail import attachments
from mail.models import Attachment
from tests.chatter.conftest import Enter


def upload_url(opportunity: Opportunity) -> str:
    return reverse("chatter:upload", args=[opportunity.thread.pk])


def stored(owner: User, name: str = "Offer.pdf", data: bytes = b"%PDF", kind: str = "application/pdf") -> Attachment:
    return attachments.store(SimpleUploadedFile(name, data, kind), name=name, content_type=kind, owner=owner)


def status(client: Client, file: Attachment) -> int:
    response = client.get(reverse("chatter:attachment", args=[file.pk]))
    if response.streaming:
        response.getvalue()  # read to its end, the file is closed
    return response.status_code


def test_an_upload_waits_for_its_message(opportunity: Opportunity, alice: User, enter: Enter) -> None:
    response = enter(alice).post(upload_url(opportunity), {"files": SimpleUploadedFile("../Ofertá.pdf", b"%PDF")})

    attachment = Attachment.objects.get()
    assert response.status_code == 201
    assert f'name="attachments" value="{attachment.pk}"' in response.content.decode()
    assert (attachment.name, attachment.posted, attachment.owner) == ("Ofertá.pdf", False, alice)


def test_thirty_megabytes_are_refused_in_words(opportunity: Opportunity, alice: User, enter: Enter) -> None:
    file = SimpleUploadedFile("film.mp4", bytes(30 * 1024 * 1024), "video/mp4")

    response = enter(alice).post(upload_url(opportunity), {"files": file})

    assert response.status_code == 413
    assert response.content.decode() == "“film.mp4” is too large: a file may have 20.0\xa0MB at most."
    assert Attachment.objects.count() == 0


def test_the_limit_is_told_before(opportunity: Opportunity, alice: User, enter: Enter, settings: Settings) -> None:
    settings.MAIL_MAX_UPLOAD_BYTES = 3 * 1024 * 1024

    page = enter(alice).get(opportunity.get_absolute_url()).content.decode()

    assert 'data-limit="3145728"' in page
    assert "Attach files, up to 3.0\xa0MB each" in page


def test_who_may_upload(opportunity: Opportunity, bob: User, charlie: User, enter: Enter) -> None:
    def upload(user: User) -> int:
        return enter(user).post(upload_url(opportunity), {"files": SimpleUploadedFile("a", b"a")}).status_code

    assert upload(bob) == 201
    assert upload(charlie) == 404
    Opportunity.objects.update(responsible=charlie)
    assert upload(charlie) == 403
    assert enter(bob).post(upload_url(opportunity), {}).status_code == 422


def test_a_file_is_for_the_readers_of_its_message(
    opportunity: Opportunity, alice: User, bob: User, charlie: User, enter: Enter
) -> None:
    public, secret = stored(alice), stored(alice, "Costs.pdf", b"%PDF secret")
    opportunity.post(author=alice, body="<p>See</p>", attachments=[public])
    opportunity.post(author=alice, kind="note", body="<p>Ours</p>", attachments=[secret])

    def get(user: User, file: Attachment) -> int:
        return status(enter(user), file)

    assert (get(alice, public), get(bob, public), get(charlie, public)) == (200, 200, 404)
    Opportunity.objects.update(responsible=charlie)
    assert (get(charlie, public), get(charlie, secret)) == (200, 404)
    assert get(bob, secret) == 200


def test_an_upload_is_its_owners_until_it_is_posted(alice: User, bob: User, enter: Enter) -> None:
    upload = stored(alice)

    assert status(enter(alice), upload) == 200
    assert status(enter(bob), upload) == 404


def test_the_same_bytes_give_no_right_to_anothers_file(
    opportunity: Opportunity, alice: User, bob: User, enter: Enter
) -> None:
    hidden, own = stored(alice), stored(bob)

    assert hidden.blob_id == own.blob_id
    assert status(enter(bob), hidden) == 404


@pytest.mark.parametrize(
    ("name", "kind", "inline", "disposition"),
    [
        ("a.html", "text/html", True, "attachment"),
        ("a.svg", "image/svg+xml", True, "attachment"),
        ("a.png", "image/png", True, "inline"),
        ("a.png", "image/png", False, "attachment"),
        ("a.pdf", "application/pdf", True, "attachment"),
    ],
)
def test_a_download_never_runs(alice: User, enter: Enter, name: str, kind: str, inline: bool, disposition: str) -> None:
    file = stored(alice, name, b"<script>alert(1)</script>", kind)
    response = enter(alice).get(reverse("chatter:attachment", args=[file.pk]), {"inline": ""} if inline else {})

    assert isinstance(response, FileResponse)
    assert response["Content-Disposition"].startswith(disposition)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response.getvalue() == b"<script>alert(1)</script>"


def test_the_list_has_each_file_once_and_only_what_one_may_read(
    opportunity: Opportunity, alice: User, charlie: User, enter: Enter
) -> None:
    file, secret = stored(alice), stored(alice, "Costs.pdf", b"%PDF secret")
    opportunity.post(author=alice, body="<p>1</p>", attachments=[file])
    opportunity.post(author=alice, body="<p>2</p>", attachments=[file])
    opportunity.post(author=alice, kind="note", body="<p>3</p>", attachments=[secret])
    Opportunity.objects.update(responsible=charlie)
    url = reverse("chatter:files", args=[opportunity.thread.pk])

    ours, his = (enter(user).get(url).content.decode() for user in (alice, charlie))

    assert ours.count(f"/chatter/files/{file.pk}/") == 1
    assert f"/chatter/files/{secret.pk}/" in ours
    assert f"/chatter/files/{secret.pk}/" not in his
