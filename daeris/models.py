"""The project's own user, so that it may grow."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Who logs in. Nothing is added yet; the table is ours from the first migration."""
