"""A server of customers' webhook endpoints, good and bad, each of which does one thing exactly: see README.md.

Read in this order: `behaviours.json` is the list; `table` reads it and keeps the parameters of each instance;
`answers` and `abuses` play the behaviours on an `exchange`, which is a request and the connection it came on; `wire`,
`requests` and `tls` are bytes, HTTP and TLS; `doors` are the ports; `record` remembers what was seen and `control`
answers questions about it; `server` ties it together. Only the standard library, and sockets instead of an HTTP
server: a behaviour is about bytes and times, and a good library would correct both.
"""
