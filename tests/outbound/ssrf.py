"""The table of server-side request forgery: what attackers ask for, and what must come of it.

The zone says which names there are. Everything that is not ``PUBLIC`` stands for a server inside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

PUBLIC4, PUBLIC6 = "93.184.216.34", "2606:2800:220:1::1"
PUBLIC = {PUBLIC4, PUBLIC6}
HOST = "public.example"

# What the name server answers. A list of lists: one after the other, the last for ever (rebinding).
ZONE: dict[str, list[list[str]]] = {
    HOST: [[PUBLIC4, PUBLIC6]],
    "v6.example": [[PUBLIC6]],
    "other.example": [[PUBLIC4]],
    "xn--bcher-kva.example": [[PUBLIC4]],
    "loopback.example": [["127.0.0.1"]],
    "loopback6.example": [["::1"]],
    "private.example": [["10.0.0.5"]],
    "metadata.example": [["169.254.169.254"]],
    "metadata.google.internal": [["169.254.169.254"]],
    "wireserver.example": [["168.63.129.16"]],
    "oracle.example": [["192.0.0.192"]],
    "carrier.example": [["100.64.0.1"]],
    "zero.example": [["0.0.0.0"]],
    "mixed.example": [[PUBLIC4, "10.0.0.5"]],
    "mixed6.example": [[PUBLIC4, "fd00::5"]],
    "mapped.example": [["::ffff:10.0.0.5"]],
    "nat64.example": [["64:ff9b::a00:5"]],
    "sixtofour.example": [["2002:a00:5::1"]],
    "sitelocal.example": [["fec0::1"]],
    "rebinding.example": [[PUBLIC4], ["127.0.0.1"]],
    "later.example": [[PUBLIC4], ["127.0.0.1"]],
}
ALIASES = {"alias.example": "private.example"}

FILE = f"http://{HOST}/file"
TO = f"http://{HOST}/to?"


@dataclass(frozen=True)
class Case:
    """``outcome``: ``file``, or the code of the error. ``reaches``: whether a public server may be asked at all."""

    url: str
    outcome: str = "blocked-url"
    reaches: bool = False


def _blocked(**urls: str) -> dict[str, Case]:
    return {name.replace("_", " "): Case(url) for name, url in urls.items()}


LITERALS = _blocked(
    loopback="http://127.0.0.1/file",
    other_loopback="http://127.9.8.7/file",
    loopback_decimal="http://2130706433/file",
    loopback_hexadecimal="http://0x7f000001/file",
    loopback_octal="http://0177.0.0.1/file",
    loopback_short="http://127.1/file",
    loopback_with_dot="http://127.0.0.1./file",
    loopback_unicode_dots="http://127。0。0。1/file",
    zero="http://0/file",
    this_host="http://0.0.0.0/file",
    this_network="http://0.1.2.3/file",
    private_10="http://10.0.0.5/file",
    private_172="http://172.16.3.4/file",
    private_192="http://192.168.1.1/file",
    metadata="http://169.254.169.254/latest/meta-data/",
    metadata_decimal="http://2852039166/latest/meta-data/",
    metadata_of_containers="http://169.254.170.2/v2/credentials",
    metadata_alibaba="http://100.100.100.200/latest/meta-data/",
    metadata_oracle="http://192.0.0.192/opc/v2/",
    metadata_azure="http://168.63.129.16/machine?comp=goalstate",
    carrier="http://100.64.0.1/file",
    benchmark="http://198.18.0.1/file",
    documentation="http://203.0.113.9/file",
    multicast="http://224.0.0.1/file",
    reserved="http://240.0.0.1/file",
    broadcast="http://255.255.255.255/file",
    ipv6_loopback="http://[::1]/file",
    ipv6_unspecified="http://[::]/file",
    ipv6_mapped="http://[::ffff:127.0.0.1]/file",
    ipv6_mapped_metadata="http://[::ffff:a9fe:a9fe]/file",
    ipv6_compatible="http://[::127.0.0.1]/file",
    ipv6_nat64="http://[64:ff9b::7f00:1]/file",
    ipv6_local_nat64="http://[64:ff9b:1::a00:5]/file",
    ipv6_6to4="http://[2002:7f00:1::1]/file",
    ipv6_teredo="http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/file",
    ipv6_unique_local="http://[fd00::5]/file",
    ipv6_metadata="http://[fd00:ec2::254]/latest/meta-data/",
    ipv6_link_local="http://[fe80::1]/file",
    ipv6_site_local="http://[fec0::1]/file",
    ipv6_documentation="http://[2001:db8::1]/file",
    ipv6_multicast="http://[ff02::1]/file",
)
NAMES = _blocked(
    localhost="http://localhost/file",
    no_such_name="http://nobody.example/file",
    an_alias="http://alias.example/file",
    **{name.removesuffix(".example").replace(".", "_"): f"http://{name}/file" for name in ZONE
       if name not in (HOST, "v6.example", "other.example", "xn--bcher-kva.example", "rebinding.example",
                       "later.example")},
)  # fmt: skip
WRITING = _blocked(
    user_name="http://user:password@public.example/file",
    host_as_user_name="http://public.example@127.0.0.1/file",
    backslash="http://public.example\\@127.0.0.1/file",
    line_break="http://public.example/file\r\nHost: 127.0.0.1\r\n",
    tab="http://127.0\t.0.1/file",
    encoded_host="http://%31%32%37.0.0.1/file",
    port_of_ssh="http://public.example:22/file",
    port_of_redis="http://public.example:6379/file",
    port_8080="http://public.example:8080/file",
    port_zero="http://public.example:0/file",
    http_on_443="http://public.example:443/file",
    file="file:///etc/passwd",
    ftp="ftp://public.example/file",
    gopher="gopher://127.0.0.1:6379/_INFO",
    dict="dict://127.0.0.1:6379/INFO",
    data="data:image/png;base64,iVBORw0KGgo=",
)
REDIRECTS = {
    name: Case(TO + to, reaches=True)
    for name, to in {
        "redirect to loopback": "http://127.0.0.1/file",
        "redirect to metadata": "http://169.254.169.254/latest/meta-data/",
        "redirect to a private name": "http://private.example/file",
        "redirect to a mixed name": "http://mixed.example/file",
        "redirect without scheme": "//10.0.0.5/file",
        "redirect to a file": "file:///etc/passwd",
        "redirect to gopher": "gopher://127.0.0.1:6379/_INFO",
        "redirect to a port": f"http://{HOST}:6379/file",
        "redirect with a user name": f"http://user@{HOST}/file",
        "redirect in a redirect": f"http://{HOST}/to?http://127.0.0.1/file",
        "redirect to no such name": "http://nobody.example/file",
    }.items()
}
REDIRECTS["name that changes before the redirect"] = Case("http://later.example/to?/file", reaches=True)
REDIRECTS["certificate of another host"] = Case("https://other.example/file", reaches=True)
REDIRECTS["redirect from https to http"] = Case(f"https://{HOST}/to?{FILE}", reaches=True)
OPEN = {
    "public name": Case(FILE, "file"),
    "public IPv4 address": Case(f"http://{PUBLIC4}/file", "file"),
    "public IPv6 address": Case(f"http://[{PUBLIC6}]/file", "file"),
    "public name with IPv6 only": Case("http://v6.example/file", "file"),
    "international name": Case("http://bücher.example/file", "file"),
    "name that changes after the look-up": Case("http://rebinding.example/file", "file"),
    "redirect to a public name": Case(f"{TO}http://other.example/file", "file"),
    "redirect within the server": Case(f"{TO}/file", "file"),
    "redirect from http to https": Case(f"{TO}https://{HOST}/file", "file"),
    "https": Case(f"https://{HOST}/file", "file"),
}
ABUSE = {
    "body of 512 MiB": Case(f"http://{HOST}/endless", "too-large"),
    "body announced with 512 MiB": Case(f"http://{HOST}/announced", "too-large"),
    "gzip bomb": Case(f"http://{HOST}/bomb", "fetch-failed"),
    "drip for 60 s": Case(f"http://{HOST}/drip", "fetch-failed"),
    "drip of a head": Case(f"http://{HOST}/slow", "blocked-url"),
    "silence": Case(f"http://{HOST}/silent", "blocked-url"),
    "silence instead of TLS": Case(f"https://{HOST}:8443/file", "blocked-url"),
    "endless redirects": Case(f"http://{HOST}/loop", "fetch-failed"),
    "endless header fields": Case(f"http://{HOST}/fields", "blocked-url"),
    "one endless header field": Case(f"http://{HOST}/field", "blocked-url"),
    "endless interim answers": Case(f"http://{HOST}/interim", "blocked-url"),
    "endless extensions of chunks": Case(f"http://{HOST}/extensions", "fetch-failed"),
    "broken off": Case(f"http://{HOST}/broken", "fetch-failed"),
    "not HTTP": Case(f"http://{HOST}/noise", "blocked-url"),
}
CASES: dict[str, Case] = (
    LITERALS
    | NAMES
    | WRITING
    | REDIRECTS
    | {name: replace(case, reaches=True) for name, case in (OPEN | ABUSE).items()}
)
