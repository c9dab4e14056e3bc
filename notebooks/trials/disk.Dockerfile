# A disk of one megabyte, and two to write.
FROM python:3.11-slim
RUN --mount=type=tmpfs,target=/small,size=1m dd if=/dev/zero of=/small/file bs=1M count=2
