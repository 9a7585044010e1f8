"""FLOW: asset + transformation -> response.

    raw path -> plan (read once, kept) -> asset as of now -> If-None-Match -> memory -> else stored rendition
    -> else single flight -> render in the sandbox -> send, store

Unknown, private and deleted assets answer alike. A rendition is found by a digest of all that decides its bytes, so it
is never stale: there is nothing to invalidate.
"""

from renditor.deliver.flow import Deliver, Surroundings
from renditor.deliver.offers import Asked, Offered, check_picture
from renditor.deliver.responses import Body, Head, Headers, NotModified, Redirect, Request, Response
from renditor.deliver.settings import DeliverySettings

__all__ = [
    "Asked",
    "Body",
    "Deliver",
    "DeliverySettings",
    "Head",
    "Headers",
    "NotModified",
    "Offered",
    "Redirect",
    "Request",
    "Response",
    "Surroundings",
    "check_picture",
]
