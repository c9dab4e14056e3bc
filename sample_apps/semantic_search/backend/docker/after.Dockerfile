ARG PYTHON_VERSION=3.11
FROM python:${PYTHON_VERSION}-slim AS python

# Three lists with no package in common, a stage for each. None is built on another, so they install side by side, and
# a new line in one leaves the other two cached. The wheels stay in a cache mount, as files: pip's own cache keeps only
# what the index allows it to keep.
FROM python AS numeric
COPY backend/numpy.txt .
RUN --mount=type=cache,target=/wheels \
    pip download --no-deps --dest /wheels -r numpy.txt && \
    pip install --no-deps --no-index --find-links /wheels --prefix /install -r numpy.txt

FROM python AS model
COPY backend/model.txt .
RUN --mount=type=cache,target=/wheels \
    pip download --no-deps --dest /wheels -r model.txt && \
    pip install --no-deps --no-index --find-links /wheels --prefix /install -r model.txt

FROM python AS service
COPY backend/requirements.txt .
RUN --mount=type=cache,target=/wheels \
    pip download --no-deps --dest /wheels -r requirements.txt && \
    pip install --no-deps --no-index --find-links /wheels --prefix /install -r requirements.txt

# Makes files that only you may read readable to the image's user. --link ignores --chmod, hence a stage.
FROM scratch AS code
COPY --chmod=755 backend/main.py /app/
COPY --chmod=755 backend/corpus/ /app/corpus/
COPY --chmod=755 backend/search/ /app/search/

# What changes least is copied first. With --link each copy is a layer that depends on none of the others.
FROM python AS runtime
WORKDIR /app
EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8000/health', timeout=4)"]
USER 10001
COPY --link --from=numeric /install /usr/local
COPY --link --from=model /install /usr/local
COPY --link --from=service /install /usr/local
COPY --link --from=code /app/ ./
