#!/bin/sh
# What this card does with twofour: ./gpu-check [--out DIR] [--quick] [--models DIR] [--only STEP,STEP]
# [--budget SECONDS]. README.md beside this file explains it. Needs nothing but the driver and NVIDIA's libraries.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 2
node=$here/bin/node
# A host may have no libstdc++ of its own.
if ! "$node" --version >/dev/null 2>&1; then
  LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
  if ! said=$("$node" --version 2>&1); then
    echo "The Node.js in this archive does not run here: $said" >&2
    exit 1
  fi
fi
exec "$node" --disable-warning=ExperimentalWarning "$here/checks/check.js" "$@"
