"""FLOW: asset + transformation -> response.

    raw path -> mode check -> asset by public id (one read) -> key = digest(original, transformation, format, engine)
    -> If-None-Match -> stored rendition -> else single flight -> render in the sandbox -> store -> send

Unknown, private and deleted assets answer alike. A rendition is stored under a key made from all that decides its
bytes, so it is never stale: there is nothing to invalidate.
"""

from renditor.deliver.flow import Deliver
from renditor.deliver.modes import DeliverySettings
from renditor.deliver.responses import Body, NotModified, Redirect, Request, Response

__all__ = ["Body", "Deliver", "DeliverySettings", "NotModified", "Redirect", "Request", "Response"]
