from django.contrib import admin
from django.urls import include, path

from helpdesk import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("tickets/<int:pk>/", views.ticket, name="ticket"),
    path("", include("mail.urls")),
    path("", include("chatter.urls")),
    path("", include("daeris.ui.urls")),
]
