"""The plan reads the settings once for each version, and keeps the environment's server as a row."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from mail import planning
from mail.addresses import Mailbox
from mail.endpoint import Endpoint
from mail.environment import environment_password, environment_server, read_url
from mail.models import Contact, Domain, Lane, Options, Server
from mail.routing import RouteError, Step

pytestmark = pytest.mark.django_db

ANA = Mailbox("Ana", "ana@miempresa.example")
URL = "smtp://user:s%40cret@mail.example:2525?tls=starttls"


@pytest.fixture
def custom(db):
    Options.load()
    Options.objects.update(custom_servers=True)
    Options.raise_version()


@pytest.fixture
def domain(db):
    return Domain.objects.create(name="miempresa.example", default_from="info", is_default=True)


def server(name: str = "Corporativo", **fields: object) -> Server:
    return Server.objects.create(**{"name": name, "host": "smtp.example", **fields})


# -- Which settings count ----------------------------------------------------------------------------


def test_without_custom_servers_only_the_environment_counts(settings, domain):
    server()
    assert planning.plan(author=ANA).error is RouteError.NO_SERVER

    settings.MAIL_SERVER_URL = URL
    decision = planning.plan(author=ANA)
    assert decision.step is Step.NO_FILTER
    assert decision.server.name == "mail.example"
    assert Server.objects.get(pk=decision.server.id).is_environment


def test_with_custom_servers_the_environment_does_not_count(settings, custom, domain):
    settings.MAIL_SERVER_URL = URL
    assert planning.plan(author=ANA).error is RouteError.NO_SERVER
    mine = server(from_filter="miempresa.example")
    assert planning.plan(author=ANA).server.id == mine.pk


def test_the_mass_lane_asks_for_its_server_unless_another_is_asked_for(custom, domain):
    ordinary, mass = server(priority=1), server("Masivo", priority=50)
    Options.objects.update(mass_server=mass)
    Options.raise_version()
    assert planning.plan(author=ANA).server.id == ordinary.pk
    assert planning.plan(author=ANA, lane=Lane.MASS).server.id == mass.pk
    assert planning.plan(author=ANA, lane=Lane.MASS).step is Step.ASKED
    assert planning.plan(author=ANA, lane=Lane.MASS, asked_server_id=ordinary.pk).server.id == ordinary.pk


def test_an_archived_mass_server_fails_mass_mail_only(custom, domain):
    server()
    Options.objects.update(mass_server=server("Masivo", active=False))
    Options.raise_version()
    assert planning.plan(author=ANA, lane=Lane.MASS).error is RouteError.SERVER_ARCHIVED
    assert planning.plan(author=ANA).error is None


def test_a_mass_server_that_was_kept_does_not_count_while_custom_servers_are_off(settings, domain):
    settings.MAIL_SERVER_URL = URL
    Options.load()
    Options.objects.update(mass_server=server())
    Options.raise_version()
    decision = planning.plan(author=ANA, lane=Lane.MASS)
    assert decision.server.name == "mail.example"
    assert not decision.warnings


def test_a_server_asked_for_and_deleted_is_no_longer_asked_for(custom, domain):
    mine = server()
    assert planning.plan(author=ANA, asked_server_id=mine.pk + 1).step is Step.NO_FILTER


def test_the_ways_begin_with_the_plan_and_always_say_something(custom, domain):
    assert [way.error for way in planning.ways(author=ANA)] == [RouteError.NO_SERVER]
    first, second = server(from_filter="miempresa.example"), server("Otro")
    ways = planning.ways(author=ANA)
    assert [way.server.id for way in ways] == [first.pk, second.pk]
    assert ways[0] == planning.plan(author=ANA)


def test_a_filter_that_nobody_can_read_lets_nobody_through(custom, domain, caplog):
    server(from_filter="not a domain")
    assert planning.plan(author=ANA).error is RouteError.NO_SERVER
    assert "From filter cannot be read" in caplog.text


# -- The domain --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("default_from", "address"),
    [
        ("info", "info@miempresa.example"),
        ("info@Other.Example", "info@other.example"),
        ("", ""),
        ("not an address", ""),
    ],
)
def test_the_default_from_is_completed_with_its_domain(custom, domain, default_from, address):
    domain.default_from = default_from
    domain.save()
    assert planning.snapshot().default_domain.default_from == address


def test_a_mail_belongs_to_its_authors_domain_else_to_the_default_one(custom, domain):
    server(from_filter="info@miempresa.example, post@second.example")
    Domain.objects.create(name="second.example", default_from="post")
    assert planning.plan(author=Mailbox("", "eva@second.example")).header_from.address == "post@second.example"
    assert planning.plan(author=Mailbox("", "eva@x.example")).header_from.address == "info@miempresa.example"
    assert planning.plan(author=None).header_from.address == "info@miempresa.example"


def test_one_domain_alone_is_the_default_one():
    Domain.objects.create(name="miempresa.example", default_from="info")
    assert planning.snapshot().default_domain.name == "miempresa.example"
    Domain.objects.create(name="second.example")
    assert planning.snapshot().default_domain is None


def test_without_a_domain_the_host_lends_its_name_and_there_is_no_default_from(custom):
    known = planning.snapshot()
    assert known.message_domain == planning.host_name() != ""
    server(from_filter="other.example")
    assert planning.plan(author=ANA).header_from == ANA
    assert planning.plan(author=None).error is RouteError.FROM_MISSING


def test_a_domain_may_be_written_in_its_own_letters(custom):
    Domain.objects.create(name="España.example", default_from="info", is_default=True)
    server(from_filter="españa.example")
    decision = planning.plan(author=Mailbox("", "ana@x.example"))
    assert decision.header_from.address == "info@xn--espaa-rta.example"


# -- Own addresses at a public provider --------------------------------------------------------------


@pytest.fixture
def gmail(custom):
    Options.objects.update(dmarc_protection="always")
    Domain.objects.create(name="gmail.com", default_from="miempresa", is_default=True)
    server()


def test_at_a_public_provider_only_our_users_addresses_are_ours(gmail, alice):
    Contact.objects.filter(user=alice).update(email="Alice.Ruiz@gmail.com")
    Contact.objects.create(name="Customer", email="customer@gmail.com")
    assert not planning.plan(author=Mailbox("", "alice.ruiz@gmail.com")).rewritten
    assert not planning.plan(author=Mailbox("", "miempresa@gmail.com")).rewritten
    assert planning.plan(author=Mailbox("", "customer@gmail.com")).rewritten
    alice.is_active = False
    alice.save()
    assert planning.plan(author=Mailbox("", "alice.ruiz@gmail.com")).rewritten


def test_whose_address_it_is_is_asked_each_time(gmail, alice):
    known, mailbox = planning.snapshot(), Mailbox("", "alice.ruiz@gmail.com")
    assert planning.plan(author=mailbox, snapshot=known).rewritten
    Contact.objects.filter(user=alice).update(email=mailbox.address)
    assert not planning.plan(author=mailbox, snapshot=known).rewritten


def test_a_users_address_at_another_provider_is_foreign(gmail, alice):
    Contact.objects.filter(user=alice).update(email="alice@yahoo.com")
    assert planning.plan(author=Mailbox("", "alice@yahoo.com")).rewritten


def test_the_users_are_asked_about_only_where_it_matters(gmail, django_assert_num_queries):
    known = planning.snapshot()
    with django_assert_num_queries(0):
        planning.plan(author=ANA, snapshot=known)
    with django_assert_num_queries(1):
        planning.plan(author=Mailbox("", "customer@gmail.com"), snapshot=known)


# -- The snapshot ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_while_nothing_changes_one_query_is_enough(custom, domain, django_assert_num_queries):
    server()
    planning.snapshot()
    with django_assert_num_queries(1):
        assert planning.plan(author=ANA).step is Step.NO_FILTER


@pytest.mark.django_db(transaction=True)
def test_every_change_of_servers_domains_or_options_is_seen(custom, domain):
    mine = server()
    versions = [planning.snapshot().version]
    mine.name = "Otro"
    mine.save(update_fields=["name"])
    versions.append(planning.snapshot().version)
    assert planning.snapshot().server(mine.pk).name == "Otro"
    domain.default_from = "ventas"
    domain.save()
    versions.append(planning.snapshot().version)
    options = Options.load()
    options.custom_servers = False
    options.save(update_fields=["custom_servers"])
    versions.append(planning.snapshot().version)
    mine.delete()
    versions.append(planning.snapshot().version)
    assert versions == sorted(set(versions))
    assert planning.snapshot().server(mine.pk) is None


@pytest.mark.django_db(transaction=True)
def test_how_a_server_is_doing_is_no_change_of_the_settings(custom):
    mine = server()
    before = planning.snapshot().version
    mine.block(cause="credentials", reply="535 no")
    mine.unblock()
    assert planning.snapshot().version == before


@pytest.mark.django_db(transaction=True)
def test_settings_that_were_rolled_back_are_not_remembered(custom):
    mine = server("Before")
    planning.snapshot()
    with transaction.atomic():
        mine.name = "Never"
        mine.save()
        assert planning.snapshot().server(mine.pk).name == "Never"
        transaction.set_rollback(True)
    mine.name = "After"
    mine.save()
    # The same version number as inside the transaction that never happened.
    assert planning.snapshot().server(mine.pk).name == "After"


# -- EMAIL_URL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 25, "none", "", "", True)),
        ("smtp://mail.example:2525", ("mail.example", 2525, "none", "", "", True)),
        ("smtp://mail.example:587?tls=starttls", ("mail.example", 587, "starttls", "", "", True)),
        ("smtp://mail.example?tls=starttls", ("mail.example", 587, "starttls", "", "", True)),
        ("smtp+tls://mail.example", ("mail.example", 587, "starttls", "", "", True)),
        ("smtps://mail.example", ("mail.example", 465, "tls", "", "", True)),
        ("smtp+ssl://mail.example", ("mail.example", 465, "tls", "", "", True)),
        ("smtp://mail.example?tls=tls&verify=no", ("mail.example", 465, "tls", "", "", False)),
        (URL, ("mail.example", 2525, "starttls", "user", "s@cret", True)),
        ("smtp://ana%40x.example:p%3A%2F%23@h.example", ("h.example", 25, "none", "ana@x.example", "p:/#", True)),
        ("smtp://ana@x.example:pw@h.example", ("h.example", 25, "none", "ana@x.example", "pw", True)),
        ("smtp://[::1]:1025", ("::1", 1025, "none", "", "", True)),
        ("smtp://127.0.0.1:1025/", ("127.0.0.1", 1025, "none", "", "", True)),
        ("smtp://mail_relay:25", ("mail_relay", 25, "none", "", "", True)),
    ],
)
def test_a_server_url_is_read(url, expected):
    known = read_url(url)
    assert expected == (
        known.host,
        known.port,
        known.security,
        known.username,
        known.password,
        known.verify_certificate,
    )
    assert "s@cret" not in repr(known)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mail.example", "must begin with"),
        ("http://mail.example", "must begin with"),
        ("consolemail://", "must begin with"),
        ("smtp://", "host is missing"),
        ("smtp://:25", "host is missing"),
        ("smtp://a b", "host is missing"),
        ("smtp://mail.example:0", "between 1 and 65535"),
        ("smtp://mail.example:70000", "cannot be read"),
        ("smtp://mail.example:smtp", "cannot be read"),
        ("smtp://[::1", "cannot be read"),
        ("smtp://user@mail.example", "needs a password"),
        ("smtp://:secret@mail.example", "a user name"),
        ("smtp://mail.example/path", "nothing but a query"),
        ("smtp://user:pa/ss@mail.example", "nothing but a query|cannot be read"),
        ("smtp://mail.example?tls=yes", "not understood"),
        ("smtp://mail.example?timeout=5", "not understood"),
        ("smtps://mail.example?tls=starttls", "contradict"),
    ],
)
def test_nonsense_in_a_server_url_is_told_without_the_password(url, words):
    with pytest.raises(ImproperlyConfigured, match=words) as wrong:
        read_url(url)
    assert "secret@mail.example" not in str(wrong.value).replace("user:secret@mail.example.com", "")
    assert wrong.value.__cause__ is None


def test_the_row_of_the_environment_follows_the_url(settings):
    assert environment_server() is None
    settings.MAIL_SERVER_URL = URL
    row = environment_server()
    assert (row.host, row.port, row.security, row.username) == ("mail.example", 2525, "starttls", "user")
    assert row.authentication == Server.Authentication.PASSWORD

    settings.MAIL_SERVER_URL = "smtp://other.example"
    again = environment_server()
    assert again.pk == row.pk
    assert (again.host, again.port, again.security, again.username) == ("other.example", 25, "none", "")
    assert Server.objects.filter(is_environment=True).count() == 1


def test_the_row_of_the_environment_follows_the_number_of_connections(settings):
    settings.MAIL_SERVER_URL = URL
    environment_server().block(cause="credentials", reply="535 no")

    settings.MAIL_CONNECTIONS = 3
    row = environment_server()

    assert (row.max_connections, Server.objects.get(is_environment=True).max_connections) == (3, 3)
    assert row.blocked_cause == "credentials", "the server is the same, and so is what is wrong with it"


def test_the_password_of_the_environment_stays_there(settings):
    settings.MAIL_SERVER_URL = URL
    row = environment_server()
    assert "s@cret" not in (row.open_password() or "")
    assert environment_password() == "s@cret"
    assert Endpoint.of(row).password == "s@cret"


def test_a_new_password_in_the_url_gives_a_blocked_server_another_chance(settings):
    settings.MAIL_SERVER_URL = URL
    environment_server().block(cause="credentials", reply="535 no")
    assert environment_server().blocked_cause == "credentials"
    settings.MAIL_SERVER_URL = URL.replace("s%40cret", "better")
    assert environment_server().blocked_cause == ""


def test_mail_finds_another_way_when_the_url_is_taken_away(settings, domain):
    settings.MAIL_SERVER_URL = URL
    before = planning.snapshot().version
    assert planning.plan(author=ANA).error is None
    settings.MAIL_SERVER_URL = ""
    assert planning.plan(author=ANA).error is RouteError.NO_SERVER
    assert planning.snapshot().version > before
    settings.MAIL_SERVER_URL = URL
    assert planning.plan(author=ANA).error is None


def test_planning_again_does_not_write(settings, domain):
    settings.MAIL_SERVER_URL = URL
    planning.plan(author=ANA)
    version = Options.load().version
    with CaptureQueriesContext(
        connection,
    ) as queries:
        planning.plan(author=ANA)
    assert not [query for query in queries if not query["sql"].startswith("SELECT")]
    assert Options.load().version == version
