#!/bin/sh
set -e
export DOCKER_BUILDKIT=1
docker build --tag front-desk .
