# One stage: all of it is in the image, and so in the inline cache.
FROM python:3.11-slim
RUN echo tools > /tools
COPY requirements.txt .
RUN cat requirements.txt > /installed
COPY main.py .
