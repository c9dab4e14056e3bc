# An argument chooses what the image is built on.
ARG PYTHON_VERSION=3.11
FROM python:3.11-slim AS python-3.11
FROM trials:wheels AS python-3.12
FROM python-${PYTHON_VERSION}
RUN python3 --version > /python
