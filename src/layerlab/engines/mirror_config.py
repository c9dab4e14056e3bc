"""What nginx is told so that it mirrors a package index with the headers that PyPI sends: pure, from an Index to a text.

Two servers follow one another, because nginx answers "not modified" only for an ETag that comes from the server behind it:

    outer   what pip asks: keeps pages and files on disk, packs pages, answers 304 and ranges, writes the access log;
            on its second port the same without the headers, as an office's proxy may send it
    inner   asks the index and the hosts of its files, makes their addresses in pages lead to the outer one, adds ETags
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from .index import Index

#: What PyPI sends with pages and with files (observed in November 2026; pypi/warehouse, cache/http.py and its CDN's settings).
PAGE_CONTROL, FILE_CONTROL = "max-age=600, public", "max-age=365000000, immutable, public"
#: For as long as PAGE_CONTROL says, pages are taken from the disk; after that, only if the index doesn't answer.
PAGE_MINUTES = 10
#: Below this path are files, by host.
FILES = "/files/"
#: The mirror answers here that it's there, and whose it is, with this header.
MARK, MARK_HEADER = "/mark", "X-Layerlab-Mirror"
#: The most that kept files may take, gigabytes.
MOST_GB = 20
#: Begins the only part of an error that pip shows, the content type of a page: pip hides the status (pip, collector.py).
OUT_OF_REACH = "LayerLab's package mirror can't reach"

_TEXT = r"""daemon off;
user root;
worker_processes 1;
pid %(run)s/nginx.pid;
error_log %(folder)s/error.log warn;
events { worker_connections 1024; }
http {
    client_body_temp_path %(run)s/body;
    fastcgi_temp_path %(run)s/fastcgi;
    uwsgi_temp_path %(run)s/uwsgi;
    scgi_temp_path %(run)s/scgi;
    proxy_temp_path %(run)s/proxy;
    proxy_cache_path %(kept)s levels=2 keys_zone=kept:10m max_size=%(most)dg inactive=3650d use_temp_path=off;
    proxy_http_version 1.1;
    log_format served escape=json '{"at":$msec,"seconds":$request_time,"kind":"$kind","name":"$uri","status":$status,'
        '"bytes":$body_bytes_sent,"client":"$remote_addr","program":"$http_user_agent","received":"$upstream_bytes_received"}';
    map $uri $kind { ~^/simple/ page; ~\.metadata$ metadata; %(mark)s mark; default file; }
    # The form of page to ask for, by what the client takes best (PEP 691).
    map $http_accept $form {
        ~application/vnd\.pypi\.simple\.v1\+json "application/vnd.pypi.simple.v1+json, text/html;q=0.01";
        ~application/vnd\.pypi\.simple\.v1\+html "application/vnd.pypi.simple.v1+html, text/html;q=0.01";
        default text/html;
    }
    # An index that sends no ETag gets one: a page that changes changes its length, and if ever not, the next day's ETag tells.
    map $upstream_http_date $day { ~^\w+,\s(?<date>\S+)\s(?<month>\S+) $date$month; default ""; }
    map $upstream_http_content_length $sized { "" ""; default '"$upstream_http_content_length-$day"'; }
    map $upstream_http_content_length $sized_file { "" ""; default '"$upstream_http_content_length"'; }
    map $upstream_http_etag $page_etag { "" $sized; default $upstream_http_etag; }
    map $upstream_http_etag $file_etag { "" $sized_file; default $upstream_http_etag; }
%(upstreams)s
    upstream inner { server unix:%(run)s/inner.sock; keepalive 8; }

    server { # inner
        listen unix:%(run)s/inner.sock;
        access_log off;
        proxy_connect_timeout 10s;
        proxy_max_temp_file_size 0;
        proxy_ssl_server_name on;
        proxy_ssl_verify on;
        proxy_ssl_verify_depth 9;
        proxy_ssl_trusted_certificate %(bundle)s;
        proxy_hide_header ETag;
        proxy_hide_header Last-Modified;
        proxy_hide_header Cache-Control;
        proxy_hide_header Expires;
        proxy_hide_header Vary;
        location /simple/ {
%(pages)s
            sub_filter_types *;
            sub_filter_once off;
            sub_filter_last_modified on;
%(filters)s
            add_header ETag $page_etag;
        }
%(files)s
    }

    proxy_cache kept;
    proxy_cache_lock on;
    proxy_cache_lock_age 600s;
    proxy_cache_lock_timeout 600s;
    proxy_read_timeout 600s;
    proxy_cache_use_stale error timeout invalid_header updating http_500 http_502 http_503 http_504;
    proxy_ignore_headers Cache-Control Expires Vary Set-Cookie X-Accel-Expires;
    proxy_force_ranges on;
    proxy_set_header Connection "";
    proxy_set_header Accept $form;
    gzip_proxied any;
    gzip_types application/vnd.pypi.simple.v1+json application/vnd.pypi.simple.v1+html;
%(keeping)s
%(forbidding)s
}
"""

_OUTER = r"""
    server { # %(title)s
        listen %(address)s:%(port)d;
        access_log %(folder)s/access.log served;
        gzip %(gzip)s;
        location /simple/ {
            limit_except GET { deny all; }
            proxy_pass http://inner;
            proxy_cache_key "$uri $form";
            proxy_cache_valid 200 301 308 %(minutes)dm;
            proxy_intercept_errors on;
            error_page 502 504 = @out_of_reach;
%(page_headers)s
        }
        location / {
            limit_except GET { deny all; }
            proxy_pass http://inner;
            proxy_cache_key $uri;
            proxy_cache_valid 200 3650d;
%(file_headers)s
        }
        location = %(mark)s { add_header %(mark_header)s %(home)s; return 204; }
        location @out_of_reach {
            default_type 'text/plain; error="%(quoted)s %(host)s"';
            add_header Cache-Control no-store;
            return 200 "%(out_of_reach)s %(host)s, this computer's package index.\n";
        }
    }"""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a mirror is, for its configuration.

    Attributes:
        home: the id of its home.
        folder: for its log.
        run: for its sockets.
        kept: for pages and files.
        bundle: the file of certificates that this computer trusts.
        address: where it listens.
        ports: one for each: with the headers, without.
    """

    home: str
    folder: str
    run: str
    kept: str
    bundle: str
    address: str
    ports: tuple[int, int]


def configuration(index: Index, place: Place, addresses: Mapping[str, list[str]]) -> str:
    """Return the configuration. `addresses` maps hosts ("https://files.example") to what their names resolve to.

    A host without addresses is one that can't be reached: the mirror starts all the same and serves what it has.
    """
    pages = urlsplit(index.address)
    own = f"{pages.scheme}://{pages.netloc}"
    hosts = sorted({own, *index.hosts})
    names = {host: f"host{number}" for number, host in enumerate(hosts)}
    parent, _, last = pages.path.rstrip("/").rpartition("/")
    beside = [_location("/", own, names[own], f"{parent}/")]
    files = [_location(_path(host), host, names[host], "/") for host in hosts]
    values = {
        "run": place.run, "folder": place.folder, "kept": place.kept, "bundle": place.bundle, "most": MOST_GB,
        "mark": MARK,
        "upstreams": "\n".join(_upstream(names[host], addresses.get(host, []), place.run) for host in hosts),
        "pages": _passed(own, names[own], f"{parent}/{last}/"),
        "filters": "\n".join(f"            sub_filter '{old}' '{new}';" for old, new in rewritten(own, index.hosts)),
        "files": "\n".join([*files, *beside]),
        "keeping": _outer(place, keeps=True, host=pages.netloc),
        "forbidding": _outer(place, keeps=False, host=pages.netloc),
    }  # fmt: skip
    return _TEXT % values


def rewritten(own: str, hosts: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return what is replaced in pages, and by what, so that addresses of files lead to the mirror."""
    return [(f'"{host}/', f'"{_path(host)}') for host in hosts] + [('href="/', f'href="{_path(own)}')]


def _path(host: str) -> str:
    """Return the mirror's path for files of `host`. It's short, because pip prints it, and always the same."""
    return f"{FILES}{hashlib.sha256(host.encode()).hexdigest()[:6]}/"


def _location(path: str, host: str, upstream: str, base: str) -> str:
    passed = _passed(host, upstream, base)
    return f"        location {path} {{\n{passed}\n            add_header ETag $file_etag;\n        }}"


def _passed(host: str, upstream: str, base: str) -> str:
    """Return the lines that send a request on to `host`, below its path `base`."""
    parts = urlsplit(host)
    lines = [
        f"proxy_pass {parts.scheme}://{upstream}{base};",
        f"proxy_ssl_name {parts.hostname};",
        f"proxy_set_header Host {parts.netloc};",
        'proxy_set_header Connection "";',
        'proxy_set_header Accept-Encoding "";',
    ]
    return "\n".join(f"            {line}" for line in lines)


def _upstream(name: str, addresses: list[str], run: str) -> str:
    # nginx starts only if all names resolve, so it gets addresses; instead of none, a socket that isn't there.
    servers = "".join(f" server {address};" for address in addresses or [f"unix:{run}/no-address.sock"])
    return f"    upstream {name} {{{servers} keepalive 8; }}"


def _outer(place: Place, *, keeps: bool, host: str) -> str:
    page = [f'add_header Cache-Control "{PAGE_CONTROL}";', 'add_header Vary "Accept, Accept-Encoding";']
    forbidden = ['add_header ETag "";']  # an empty value removes what the inner server sent
    return _OUTER % {
        "title": "outer" if keeps else "outer, as an office's proxy that forbids keeping",
        "address": place.address,
        "port": place.ports[0 if keeps else 1],
        "folder": place.folder,
        "gzip": "on" if keeps else "off",
        "minutes": PAGE_MINUTES,
        "page_headers": _indented(page if keeps else forbidden),
        "file_headers": _indented([f'add_header Cache-Control "{FILE_CONTROL}";'] if keeps else forbidden),
        "mark": MARK,
        "mark_header": MARK_HEADER,
        "home": place.home,
        "out_of_reach": OUT_OF_REACH,
        "quoted": OUT_OF_REACH.replace("'", r"\'"),
        "host": host,
    }


def _indented(lines: list[str]) -> str:
    return "\n".join(f"            {line}" for line in lines)
