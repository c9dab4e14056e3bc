#!/bin/sh
set -e
docker build --tag front-desk --build-arg GIT_SHA="$GITHUB_SHA" .
