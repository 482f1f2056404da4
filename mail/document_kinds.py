"""The kinds of documents that mail may be about, and what people call them."""

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.utils.text import capfirst


def document_types() -> "QuerySet[ContentType]":
    """The kinds of documents that mail may be about: the models that say whose their records are (`mail_team`)."""
    models = [model for model in apps.get_models() if hasattr(model, "mail_team")]
    found = ContentType.objects.get_for_models(*models).values()
    return ContentType.objects.filter(pk__in=[kind.pk for kind in found]).order_by("app_label", "model")


def name_of(kind: ContentType) -> str:
    """What people call documents of this kind."""
    model = kind.model_class()
    return capfirst(str(model._meta.verbose_name)) if model else kind.name
