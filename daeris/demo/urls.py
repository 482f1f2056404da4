"""The addresses of the demo mailbox."""

from django.urls import path

from daeris.demo import views

app_name = "demo"
urlpatterns = [
    path("demo/mailbox/", views.mailbox, name="mailbox"),
    path("demo/mailbox/<int:pk>/", views.message, name="message"),
    path("demo/mailbox/<int:pk>/body/", views.body, name="body"),
    path("demo/mailbox/<int:pk>/raw/", views.raw, name="raw"),
    path("demo/mailbox/<int:pk>/attachments/<int:number>/", views.attachment, name="attachment"),
]
