"""The web service: parcel labels in the language of whoever receives the parcel."""

from base64 import b64encode
from importlib.metadata import distributions

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from parcel.drawing import draw
from parcel.texts import MissingTexts, texts
from parcel.zones import MissingZones, zone


def health(request: Request) -> JSONResponse:
    """Also says which packages it runs on, as the operators asked for after an upgrade that was none."""
    return JSONResponse({"status": "ok", "packages": sorted({d.name.lower() for d in distributions()})})


async def label(request: Request) -> JSONResponse:
    asked = await request.json()
    if missing := [name for name in ("to", "postcode") if not asked.get(name)]:
        return JSONResponse({"error": f"missing: {', '.join(missing)}"}, 422)
    try:
        words = texts(asked.get("language", "en"))
        lines = [f"{words('Sender')}: Parcelwise", f"{words('Recipient')}: {asked['to']}", asked["postcode"]]
        where = zone(asked["postcode"])
    except (MissingTexts, MissingZones) as error:
        return JSONResponse({"error": str(error)}, 503)
    return JSONResponse({"lines": lines, "zone": where, "png": b64encode(draw(lines, where)).decode()})


app = Starlette(routes=[Route("/health", health), Route("/label", label, methods=["POST"])])
