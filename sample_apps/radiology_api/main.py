"""The web service."""

from contextlib import asynccontextmanager

import numpy as np
from fastapi import FastAPI, HTTPException, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from starlette.concurrency import run_in_threadpool

from radiassist.files import UnreadableImage, read_image
from radiassist.model import Model
from radiassist.preprocessing import features
from radiassist.schemas import Finding, Health, Image, Report
from radiassist.settings import Settings
from radiassist.triage import triage

SECONDS = Histogram("radiassist_predict_seconds", "Time to answer for one image")


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.settings = settings = Settings()
    app.state.model = Model.load(settings.weights, settings.neighbours)
    yield


app = FastAPI(title="RadiAssist", lifespan=lifespan)


def report(model: Model | None, pixels: np.ndarray) -> Report:
    if model is None:
        raise HTTPException(503, "no weights: this image was built without them")
    with SECONDS.time():
        probabilities = model.probabilities(features(pixels))
        priority, reason = triage(probabilities)
    findings = [Finding(name=name, probability=p) for name, p in probabilities.items()]
    findings.sort(key=lambda finding: -finding.probability)
    return Report(findings=findings, priority=priority, reason=reason, weights=model.version)


@app.get("/health")
def health(request: Request) -> Health:
    model = request.app.state.model
    return Health(weights=model.version if model else "missing")


@app.post("/predict")
def predict(image: Image, request: Request) -> Report:
    return report(request.app.state.model, np.array(image.pixels))


@app.post("/predict/file")
async def predict_file(request: Request) -> Report:
    """The same for a DICOM, PNG or JPEG file sent as the body of the request."""
    limit, data = request.app.state.settings.max_upload_bytes, bytearray()
    async for part in request.stream():
        data += part
        if len(data) > limit:
            raise HTTPException(413, f"at most {limit} bytes")
    try:
        pixels = await run_in_threadpool(read_image, bytes(data))
    except UnreadableImage as error:
        raise HTTPException(422, str(error)) from error
    return await run_in_threadpool(report, request.app.state.model, pixels)


@app.get("/metrics")
def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
