#!/bin/sh
set -e
docker build --tag front-desk --build-arg GIT_SHA="0d1f3c2" .
