"""Who is logged in, and what they may do: one question to the database instead of three."""

from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import F, Func, JSONField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from daeris.models import User

# Where Django keeps a user's permissions once they were read, and to whom each of them was given.
CACHES = {"_user_perm_cache": "user", "_group_perm_cache": "group__user"}


class Gathered(Func):
    """The values of all rows, as one list."""

    output_field = JSONField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSON_GROUP_ARRAY", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_AGG", **context)


class Backend(ModelBackend):
    """Django's own; the user of a request comes with the permissions that nearly every page asks for."""

    def get_user(self, user_id: Any) -> User | None:
        """The user with this key, who must be active, and whose permissions need not be asked for any more."""
        user = _users().filter(pk=user_id).first()
        if user is None or not self.user_can_authenticate(user):
            return None
        for name in CACHES:
            granted = user.__dict__.pop(f"granted{name}")
            # A superuser has all permissions there are: that is for Django to answer.
            if not user.is_superuser:
                setattr(user, name, set(granted or ()))
        return user


@cache
def _users() -> "QuerySet[User]":
    # Kept, because every request asks: to write the question down takes longer than to answer it.
    return User._default_manager.annotate(**{f"granted{name}": _granted(to) for name, to in CACHES.items()})


def _granted(to: str) -> Subquery:
    """The names of the permissions that a user was given in this way."""
    name = Concat(F("content_type__app_label"), Value("."), F("codename"))
    return Subquery(Permission.objects.filter(**{to: OuterRef("pk")}).order_by().values(found=Gathered(name)))
