"""The mail screens. Whole paths, so that a project includes them at its root."""

from django.urls import path

from mail.views import (
    aliases,
    changes,
    detail,
    identities,
    mails,
    oauth,
    options,
    pauses,
    probes,
    server_form,
    servers,
    simulator,
)

app_name = "mail"

urlpatterns = [
    path("settings/general/", options.options, name="options"),
    path("settings/mail/mails/", mails.mails, name="mails"),
    path("settings/mail/mails/bulk/", mails.bulk, name="mails_bulk"),
    path("settings/mail/mails/<int:pk>/", detail.mail, name="mail"),
    path("settings/mail/mails/<int:pk>/body/", detail.body, name="mail_body"),
    path("settings/mail/mails/<int:pk>/retry/", mails.retry, name="mail_retry"),
    path("settings/mail/mails/<int:pk>/cancel/", mails.cancel, name="mail_cancel"),
    path("settings/mail/mails/<int:pk>/attachments/<int:attachment_pk>/", detail.attachment, name="mail_attachment"),
    path("settings/mail/servers/", servers.servers, name="servers"),
    path("settings/mail/servers/new/", server_form.server, name="server_new"),
    path("settings/mail/servers/test/", probes.begin, name="server_test_new"),
    path("settings/mail/servers/tests/<uuid:pk>/", probes.probe, name="probe"),
    path("settings/mail/servers/size/", server_form.size, name="server_size_new"),
    path("settings/mail/servers/simulator/", simulator.simulator, name="simulator"),
    path("settings/mail/servers/<int:pk>/", server_form.server, name="server"),
    path("settings/mail/servers/<int:pk>/size/", server_form.size, name="server_size"),
    path("settings/mail/servers/<int:pk>/test/", probes.begin, name="server_test"),
    path("settings/mail/servers/<int:pk>/delete/", servers.delete, name="server_delete"),
    path("settings/mail/servers/<int:pk>/move/", servers.move, name="server_move"),
    path("settings/mail/servers/<int:pk>/active/", servers.active, name="server_active"),
    path("settings/mail/servers/<int:pk>/pause/", servers.pause, name="server_pause"),
    path("settings/mail/servers/<int:pk>/changes/", changes.server_changes, name="server_changes"),
    path("settings/mail/servers/changes/", changes.changes, {"scope": "servers"}, name="changes_servers"),
    path("settings/mail/servers/pauses/", pauses.paused, name="pauses"),
    path("settings/general/changes/", changes.changes, {"scope": "options"}, name="changes_options"),
    path("settings/mail/aliases/changes/", changes.changes, {"scope": "aliases"}, name="changes_aliases"),
    path("settings/mail/servers/<int:pk>/disconnect/", oauth.disconnect, name="server_disconnect"),
    path("settings/mail/servers/oauth/", oauth.callback, name="oauth_callback"),
    path("settings/mail/aliases/", aliases.aliases, name="aliases"),
    path("settings/mail/aliases/domains/new/", aliases.domain, name="domain_new"),
    path("settings/mail/aliases/domains/<int:pk>/", aliases.domain, name="domain"),
    path("settings/mail/aliases/domains/<int:pk>/delete/", aliases.delete, name="domain_delete"),
    path("settings/mail/aliases/identities/new/", identities.identity, name="identity_new"),
    path("settings/mail/aliases/identities/<int:pk>/", identities.identity, name="identity"),
    path("settings/mail/aliases/identities/<int:pk>/delete/", identities.delete, name="identity_delete"),
    path("settings/mail/aliases/identities/<int:pk>/move/", identities.move, name="identity_move"),
]
