#!/bin/sh
set -e
date +%s > release.txt
docker build --tag front-desk --build-arg GIT_SHA="$GITHUB_SHA" .
