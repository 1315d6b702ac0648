# shellcheck shell=bash
# As in the stock scripts since 6.0.3.
export LANG=C PATH=/bin:/sbin:/usr/bin:$PATH
error_message() { echo "$1" >&2; }
