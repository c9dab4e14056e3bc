# Three stages, each built on the one before; each writes down when it was made.
FROM python:3.11-slim AS dependencies
RUN date +%s%N > /made-dependencies

FROM dependencies AS application
RUN cat /made-dependencies > /seen-by-application

FROM application AS runtime
RUN cat /seen-by-application && date +%s%N > /made-runtime
