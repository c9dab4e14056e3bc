# The same with the heavy packages before the list that changes.
FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends make
COPY --from=trials:wheels /index /index
RUN python3 /index/serve.py pip install --upgrade setuptools==80.9.0 wheel==0.45.1
RUN python3 /index/serve.py pip install --no-compile numpy==2.2.6
RUN python3 /index/serve.py pip install --no-compile pillow==11.3.0
COPY requirements.txt .
RUN python3 /index/serve.py pip install -r requirements.txt
COPY main.py .
