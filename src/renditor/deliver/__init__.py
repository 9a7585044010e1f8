"""FLOW: asset + transformation -> response.

    raw path -> plan (read once, kept) -> asset as of now -> If-None-Match -> memory -> else stored rendition
    -> else single flight -> render in the sandbox -> send, store

Unknown, private and deleted assets answer alike. A rendition is found by a digest of all that decides its bytes, so it
is never stale: there is nothing to invalidate.
"""
