# Two stages sleep under a locked mount, two under a shared one; none needs another.
FROM python:3.11-slim AS base

FROM base AS locked-1
RUN --mount=type=cache,id=locked,target=/c,sharing=locked date +%s.%N && sleep 1.1 && date +%s.%N

FROM base AS locked-2
RUN --mount=type=cache,id=locked,target=/c,sharing=locked date +%s.%N && sleep 1.2 && date +%s.%N

FROM base AS shared-1
RUN --mount=type=cache,id=shared,target=/c,sharing=shared date +%s.%N && sleep 1.3 && date +%s.%N

FROM base AS shared-2
RUN --mount=type=cache,id=shared,target=/c,sharing=shared date +%s.%N && sleep 1.4 && date +%s.%N

FROM base AS last
COPY --from=locked-1 /etc/hostname /1
COPY --from=locked-2 /etc/hostname /2
COPY --from=shared-1 /etc/hostname /3
COPY --from=shared-2 /etc/hostname /4
RUN date +%s.%N && date +%s.%N
