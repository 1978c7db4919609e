#!/bin/sh
# HAProxy, started by Ray (RAY_SERVE_HAPROXY_BINARY_PATH), with the routes of the one before and an
# error that callers understand.
#
# Where HAProxy died, Ray starts the next one before it knows any route, and reloads it with them
# later: in between, each request would be answered 404. So the last config with routes is kept, and
# a start without any (a reload has -sf) goes on with it. One that opens other addresses is of a
# former Serve on this node, from before its http_options changed: that one goes.
#
# Where no replica can be reached, or one broke off, Ray lets HAProxy answer 500 as plain text. Each
# request may be sent again, so that file gets our 503. And who doesn't end his header in 10 s is cut
# off: Ray gives him an hour, and some thousands of these would take all connections.
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
  if grep -q '^backend http-' "$config"; then
    # Whole or not at all; without it the door opens all the same.
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
