# Does a variable of the shell that starts the build reach a RUN?
FROM python:3.11-slim
ARG ROUND=1
RUN echo "round $ROUND, the shell's: ${PIP_NO_CACHE_DIR:-not there}"
ENV PIP_NO_CACHE_DIR=1
RUN echo "the Dockerfile's: ${PIP_NO_CACHE_DIR:-not there}"
