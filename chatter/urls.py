"""The addresses of conversations. Whole paths, so that a project includes them at its root."""

from django.urls import path

from chatter.views import bell, composer, copies, files, followers, thread

app_name = "chatter"
urlpatterns = [
    path("chatter/<int:pk>/", thread.messages, name="messages"),
    path("chatter/<int:pk>/news/", thread.news, name="news"),
    path("chatter/<int:pk>/post/", composer.post, name="post"),
    path("chatter/<int:pk>/recipients/", composer.recipients, name="recipients"),
    path("chatter/<int:pk>/sent-as/", composer.sent_as, name="sent_as"),
    path("chatter/<int:pk>/people/", composer.people, name="people"),
    path("chatter/<int:pk>/upload/", files.upload, name="upload"),
    path("chatter/<int:pk>/files/", files.files, name="files"),
    path("chatter/<int:pk>/followers/", followers.followers, name="followers"),
    path("chatter/<int:pk>/follow/", followers.follow, name="follow"),
    path("chatter/<int:pk>/unfollow/", followers.unfollow, name="unfollow"),
    path("chatter/<int:pk>/wishes/", followers.wishes, name="wishes"),
    path("chatter/files/<int:pk>/", files.attachment, name="attachment"),
    path("chatter/messages/<int:pk>/copies/", copies.copies, name="copies"),
    path("chatter/messages/<int:pk>/retry/", copies.retry, name="retry"),
    path("chatter/messages/<int:pk>/cancel/", copies.cancel, name="cancel"),
    path("chatter/notifications/", bell.notifications, name="notifications"),
    path("chatter/notifications/read/", bell.read_all, name="read_all"),
    path("chatter/notifications/<int:pk>/", bell.notification, name="notification"),
]
