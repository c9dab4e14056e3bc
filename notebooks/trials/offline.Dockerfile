# A first build, for which the network is needed.
FROM python:3.11-slim
RUN pip install --retries 0 --timeout 2 idna==3.10
