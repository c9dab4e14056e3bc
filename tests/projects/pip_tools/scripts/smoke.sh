#!/bin/sh
# Run by hand after a deployment
set -eu
echo '{"customer": "Test", "date": "2024-01-31", "items": []}' | python -m invoices render -
