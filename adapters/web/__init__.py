"""The web: chat page, its API, health and metrics. `app.create_app` is the entrance."""
