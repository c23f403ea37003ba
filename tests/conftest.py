"""Fixtures for tests/template (template.yaml as SAM transforms it) and tests/stack (the running stack)."""
