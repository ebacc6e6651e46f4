#!/usr/bin/env bash
# Sweeps the shards of a plan with GNU parallel, each up to four times, and merges their parts.
#
#     dnsweep plan /evidence -n 64 -o case.plan && mkdir parts
#     parallel.sh case.plan 64 parts OUT --sshlogin :,node1,node2 --workdir .
#
# Words after OUT are options of parallel. One process on each machine uses all its cores.
set -euo pipefail
plan=$1 shards=$2 parts=$3 out=$4
# 2 is not tried again, so parallel counts it as done; the shard has no part, and merge says so.
task='dnsweep sweep --plan {1} --shard {3} --part {2}/part-{3} --quiet
case $? in 0 | 2 | 3 | 4 | 10) exit 0 ;; *) exit 1 ;; esac'
seq "$shards" | parallel --jobs 1 --retries 4 "${@:5}" "$task" ::: "$plan" ::: "$parts" :::: -
exec dnsweep merge --plan "$plan" "$parts"/part-* -o "$out"
