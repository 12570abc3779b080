#!/bin/sh
# nginx with the contestants' command line: `nginx_peer.sh http PORT`. One process, no access log; `return` is its shortest way
# to an answer. It takes its pid file away itself; its configuration is gone once it has read it.
[ "$1" = http ] || exit 2
conf=$(mktemp) || exit 1
cat >"$conf" <<END
daemon off;
master_process off;
pid $conf.pid;
error_log stderr crit;
worker_rlimit_nofile 16384;
events { worker_connections 16000; }
http {
    access_log off;
    keepalive_requests 1000000000;
    default_type text/plain;
    server {
        listen 127.0.0.1:$2 backlog=4096;
        location = / { return 200 "Hello, World!"; }
        location ~ "^/([^/]+)$" { return 200 "id=\$1"; }
        location / { return 404; }
    }
}
END
(sleep 3; rm -f "$conf") &
exec nginx -p / -c "$conf"
