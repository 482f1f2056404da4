"""One command runs everything: broker, web, workers, schedule and the demo's mail server."""
