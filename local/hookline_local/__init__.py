"""Hookline's stack on one machine: the real template and binaries on an emulated AWS.

Read in this order: `stack` ties it together; `ports`, `processes` and `guardian` start and stop the two servers;
`translate`, `archives`, `deploy` and `bridge` put the template on them; `client` calls the result as Shopify and as a
chatbot would. The Makefile runs `demo`, `dev` and `replay`; `promises` has the demo's steps.
"""
