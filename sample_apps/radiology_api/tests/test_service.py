from io import BytesIO

import numpy as np
import PIL.Image
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from radiassist.model import FINDINGS


def dicom(pixels: np.ndarray, photometric: str = "MONOCHROME2") -> bytes:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PhotometricInterpretation = photometric
    dataset.PixelData = pixels.astype("<u2").tobytes()
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def png(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_health_names_the_weights(client):
    answer = client.get("/health").json()
    assert answer["status"] == "ok"
    assert answer["weights"].startswith("1.0 MB, ")


def test_a_prediction_has_a_probability_for_each_finding(client, pixels):
    answer = client.post("/predict", json={"pixels": pixels.tolist()})
    assert answer.status_code == 200
    report = answer.json()
    assert {f["name"] for f in report["findings"]} == set(FINDINGS)
    assert all(0 < f["probability"] < 1 for f in report["findings"])
    assert report["priority"] in {"urgent", "soon", "routine"} and report["reason"]
    assert report["weights"] == client.get("/health").json()["weights"]


def test_the_same_image_has_the_same_answer_and_another_one_another(client, pixels):
    first, again, other = (
        client.post("/predict", json={"pixels": p.tolist()}).json() for p in (pixels, pixels, pixels[::-1])
    )
    assert first == again != other


def test_a_file_is_read_as_its_pixels_are(client, pixels):
    expected = client.post("/predict", json={"pixels": pixels.tolist()}).json()
    inverted = pixels.max() - pixels + pixels.min()
    for file in (png(pixels), dicom(pixels), dicom(inverted, "MONOCHROME1")):
        answer = client.post("/predict/file", content=file)
        assert answer.status_code == 200, answer.text
        assert answer.json() == expected


@pytest.mark.parametrize("data", [b"", b"hello", b"\0" * 128 + b"DICM", png(np.zeros((4, 4)))])
def test_a_file_that_is_no_image_is_refused(client, data):
    assert client.post("/predict/file", content=data).status_code == 422


def test_a_cut_off_file_is_refused(client, pixels):
    for file in (png(pixels), dicom(pixels)):
        assert client.post("/predict/file", content=file[: len(file) // 2]).status_code == 422


def test_a_file_too_large_is_refused(client):
    client.app.state.settings.max_upload_bytes = 100
    assert client.post("/predict/file", content=b"x" * 101).status_code == 413


@pytest.mark.parametrize(
    "pixels",
    [
        [],
        [[0] * 8] * 7,
        [[0] * 7] * 8,
        [[0] * 8] * 7 + [[0] * 9],
        [[256] * 8] * 8,
        [[-1] * 8] * 8,
        [["a"] * 8] * 8,
        [[None] * 8] * 8,
    ],
)
def test_pixels_that_are_no_image_are_refused(client, pixels):
    assert client.post("/predict", json={"pixels": pixels}).status_code == 422


def test_an_image_of_one_grey_has_an_answer(client):
    assert client.post("/predict", json={"pixels": [[7] * 8] * 8}).status_code == 200


def test_without_weights_it_is_well_but_predicts_nothing(client_without_weights, pixels):
    assert client_without_weights.get("/health").json() == {"status": "ok", "weights": "missing"}
    assert client_without_weights.post("/predict", json={"pixels": pixels.tolist()}).status_code == 503
    assert client_without_weights.post("/predict/file", content=png(pixels)).status_code == 503


def test_predictions_are_measured(client, pixels):
    client.post("/predict", json={"pixels": pixels.tolist()})
    assert "radiassist_predict_seconds_count" in client.get("/metrics").text
