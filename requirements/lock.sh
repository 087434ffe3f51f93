#!/usr/bin/env bash
# Compile the lock files: exact versions with hashes, no registry's name. Run by `make lock`.
set -euo pipefail
cd "$(dirname "$0")"
for name in layer payments documents run test emulator; do
  CUSTOM_COMPILE_COMMAND="make lock" python -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host "$@" --output-file "$name.txt" "$name.in"
done
