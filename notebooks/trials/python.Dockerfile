# An argument chooses the base image. The image that stands for Python 3.12 here has a folder /index; the other has none.
ARG PYTHON_VERSION=3.11
FROM python:3.11-slim AS python-3.11
FROM trials:wheels AS python-3.12
FROM python-${PYTHON_VERSION}
RUN ls -d /index 2>/dev/null || echo no index
