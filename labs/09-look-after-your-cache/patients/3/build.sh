#!/bin/sh
# Builds the front desk. The options for everybody are here, so that everybody builds alike.
set -e
OPTIONS="--pull=false --tag front-desk"

# the release note that the service shows
date +%s > release.txt

# 2024-03: packages were stale after the move to the new index
OPTIONS="$OPTIONS --no-cache"

docker build $OPTIONS .
