"""Files on their way in: no more of one is written to disk than it takes to see that it is too large."""

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class BoundedUploadHandler(FileUploadHandler):
    """First of FILE_UPLOAD_HANDLERS: what comes beyond MAIL_MAX_UPLOAD_BYTES is thrown away as it arrives.

    The file that the view sees is then a little larger than the limit, whatever was sent, and is refused in words.
    Without this, whoever reaches the log-in page fills the disk.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """The bytes for the next handler; none once the limit is passed."""
        # `start` counts what came before: something beyond the limit was passed on already, and tells on the file.
        return raw_data if start <= settings.MAIL_MAX_UPLOAD_BYTES else None

    def file_complete(self, file_size: int) -> "UploadedFile[bytes] | None":
        """None: the handler that wrote the file answers."""
        return None
