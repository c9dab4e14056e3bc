#!/usr/bin/env bash
# Run the build command through LayerLab, and end with its exit code.
set -euo pipefail

code=0
python3 "$GITHUB_ACTION_PATH/words.py" \
  "$LAYERLAB" run --save "$LAYERLAB_RECORDS" --report "$LAYERLAB_REPORTS" -- || code=$?
echo "exit-code=$code" >>"$GITHUB_OUTPUT"
exit "$code"
