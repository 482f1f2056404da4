"""The demo's own mail server and its mailbox; present only beside an embedded demo."""
