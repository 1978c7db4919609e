#!/bin/sh
# Ray starts this instead of HAProxy (RAY_SERVE_HAPROXY_BINARY_PATH): it starts HAProxy with the
# routes of the previous one and with an error that callers understand.
#
# After HAProxy has died, Ray starts a new one before it knows any routes, and reloads it with them
# later: in between, every request would get 404. So the last config with routes is kept, and a
# start without any (a reload has -sf) uses it. If the kept config opens other addresses, it is from
# an earlier Serve on this node, before its http_options changed: it is deleted.
#
# If no replica can be reached, or one drops out, Ray makes HAProxy answer 500 as plain text. Any
# request may be sent again, so our 503 replaces that file. A client that doesn't finish its header
# in 10 s is cut off: Ray allows an hour, and some thousands of these would take all connections.
#
# An X-Request-ID that is empty, sent twice or not printable ASCII is deleted: Serve would answer 500,
# or with another id than the body and the log. Four more headers that Serve itself reads are deleted:
# they would let a caller get plain-text 500 and 408, or work that goes on after the client has left.
# Methods that nobody uses are counted as `other`: each name would stay in /metrics forever.
set -eu

opens() { grep '^ *bind ' "$1"; }

config='' is_reload='' before=''
for argument; do
  if [ "$before" = -f ]; then config=$argument; fi
  if [ "$argument" = -sf ]; then is_reload=yes; fi
  before=$argument
done

if [ -n "$config" ]; then
  grep -q 'timeout http-request' "$config" || sed -i '/^defaults/a\    timeout http-request 10s' "$config"
  if ! grep -q 'txn.method' "$config"; then
    sed -i 's/method=%HM/method=%[var(txn.method)]/
      /^frontend http_frontend/a\
    http-request set-var(txn.method) str(other)\
    http-request set-var(txn.method) method if { method GET HEAD POST OPTIONS }\
    http-request del-header x-request-id unless { req.fhdr_cnt(x-request-id) eq 1 } { req.fhdr(x-request-id) -m reg ^[[:print:]]+$ }\
    http-request del-header ^(x[-_]session[-_]id|serve[-_]multiplexed[-_]model[-_]id)$ -m reg\
    http-request del-header ^x[-_]request[-_](timeout[-_]seconds|disconnect[-_]disabled)$ -m reg' "$config"
  fi
  if grep -q '^backend http-' "$config"; then
    # Whole or not at all; if it fails, HAProxy starts all the same.
    cp "$config" "$config.part" && mv "$config.part" "$config.routes" || :
  elif [ -z "$is_reload" ] && [ -f "$config.routes" ]; then
    if [ "$(opens "$config.routes")" = "$(opens "$config")" ]; then
      cp "$config.routes" "$config"
    else
      rm -f "$config.routes" || :
    fi
  fi
  error=$(sed -n 's/^ *errorfile 503 //p' "$config")
  if [ -n "$error" ]; then
    cp "$(dirname "$0")/unreachable.http" "$error" || :
  fi
fi
exec "$MASK2FACE_HAPROXY" "$@"
