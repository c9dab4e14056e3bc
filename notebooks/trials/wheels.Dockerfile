# The wheels that most trials install, downloaded once, and the index that serves them.
FROM python:3.11-slim
WORKDIR /index
COPY requirements.txt heavy.txt more.txt ./
RUN pip download --dest wheels -r requirements.txt -r heavy.txt -r more.txt setuptools==80.9.0 wheel==0.45.1 uv && \
    pip download --dest wheels idna==3.9 && \
    pip download --dest wheels --no-deps --no-binary :all: docopt==0.6.2
COPY serve.py .
