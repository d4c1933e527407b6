#!/usr/bin/env bash
# Act out a pull request in a folder of its own: `examples/ci/act_out.sh passing`, or failing, or mended.
# Here lies what the target branch holds; the pull request replaces the files that are in its folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
branch=$(mktemp -d)
trap 'rm -rf "$branch"' EXIT
cp "$here"/{scenario.toml,prices.toml,plan.json} "$branch"
cp "$here/plan.json" "$branch/main.json"
cp "$here/${1:?passing, failing or mended}"/* "$branch"
cd "$branch"
if ! cmp -s main.json plan.json; then
  kairos diff main.json plan.json --format markdown
fi
kairos check scenario.toml --plan plan.json --baseline main.json --max-cost 2.2 --max-cost-increase 5% \
  --min-qps 80 --min-headroom 10% "${@:2}"
