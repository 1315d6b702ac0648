# shellcheck shell=bash
# As the stock scripts have it from 6.0.3 on.
export LANG=C PATH=/bin:/sbin:/usr/bin:$PATH
error_message() { echo "$1" >&2; }
