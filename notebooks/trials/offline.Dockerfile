# A first build, which needs the network.
FROM python:3.11-slim
RUN pip install --retries 0 --timeout 2 idna==3.10
