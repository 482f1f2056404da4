"""Why there is no token. None of these holds a token, a code or a secret."""


class OAuthError(Exception):
    """There is no token. `code` is the provider's own word for it, or ours when it said none."""

    def __init__(self, code: str, description: str = "") -> None:
        self.code, self.description = code, description
        super().__init__(code)


class ProviderAway(OAuthError):
    """The provider did not answer, or had a bad moment: later it may well."""


class GrantLost(OAuthError):
    """The account's permission is gone: someone has to connect again."""


class ClientRefused(OAuthError):
    """The provider does not take our client id or secret: the options want correcting."""


class NotConnected(OAuthError):
    """Nobody has connected an account for the server as it stands."""
