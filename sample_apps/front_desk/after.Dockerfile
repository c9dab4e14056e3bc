ARG PYTHON=python:3.11-slim

# The wheels stay in a cache mount: a new package downloads just itself. This doesn't rely on pip's own cache, which
# keeps nothing if the index sends no caching headers.
FROM ${PYTHON} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.txt .
RUN --mount=type=cache,target=/wheels \
    pip download --dest /wheels --requirement requirements.txt && \
    pip install --no-compile --no-index --find-links /wheels --requirement requirements.txt

FROM dependencies AS service
COPY main.py .
EXPOSE 8000
CMD ["python", "main.py"]
# What changes with every commit comes last: nothing depends on it.
ARG GIT_SHA=unknown
ENV GIT_SHA=${GIT_SHA}
