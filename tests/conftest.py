"""One pytest for tests/template (what SAM makes of template.yaml) and tests/stack (the whole of it, running)."""
