#!/usr/bin/env bash
# A real S3 server for the tests: Ceph's object gateway over one monitor and one in-memory OSD, as
# whoever runs this, without systemd, on 127.0.0.1 and in one directory.
# Needs Debian's ceph-mon, ceph-osd, radosgw, curl and openssl.
#
#   ceph.sh start DIR [WATCHED_PID]   start everything on free ports; about 3 s. With WATCHED_PID, all
#                                     is wiped when that process ends, however it ends
#   ceph.sh env DIR                   print the endpoints, keys and process ids as NAME=value
#   ceph.sh bucket DIR NAME           make a bucket
#   ceph.sh gateway DIR               start the gateway again after it was killed
#   ceph.sh stop DIR                  stop everything (the objects are lost: they were in memory)
#   ceph.sh wipe DIR                  stop, and remove DIR
#
# Users: one with S3_ACCESS_KEY/S3_SECRET_KEY, and S3_OTHER_ACCESS_KEY/S3_OTHER_SECRET_KEY, who may
# not see the first one's buckets.
set -euo pipefail

command=${1:-}
dir=${2:-}
[ -n "$command" ] && [ -n "$dir" ] || { sed -n '2,18s/^# \{0,1\}//p' "$0" >&2; exit 2; }
conf=$dir/ceph.conf

say() { echo "ceph.sh: $*" >&2; }
# The monitor's first answers may take their time on a busy machine.
admin() { ceph -c "$conf" --connect-timeout 20 "$@" 2>>"$dir/log/admin.err"; }

# until_true SECONDS WHAT COMMAND…
until_true() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then
      say "$what did not come up; logs are in $dir/log"
      tail -n 5 "$dir"/log/* >&2 || true
      return 1
    fi
    sleep 0.05
  done
}

# A port nobody listens on, below the range the kernel gives to clients.
free_port() {
  local port listening
  # The kernel's table has ports in hexadecimal; 0A is "listening".
  listening=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk '$4 == "0A" {n = split($2, a, ":"); print a[n]}' | while read -r hex; do echo $((16#$hex)); done)
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    grep -qx "$port" <<<"$listening" || { echo "$port"; return; }
  done
}

# daemon NAME COMMAND…: in a session of its own, its process id in DIR/run.
daemon() {
  local name=$1
  shift
  setsid "$@" >"$dir/log/$name.out" 2>&1 </dev/null &
  # Wiped meanwhile: then nobody else would end it.
  echo $! >"$dir/run/$name.pid" || kill -KILL $!
}

alive() { [ -f "$dir/run/$1.pid" ] && kill -0 "$(cat "$dir/run/$1.pid")" 2>/dev/null; }

write_conf() {
  cat >"$conf" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:127.0.0.1:$1]
mon_initial_members = a
public_addr = 127.0.0.1
ms_bind_msgr1 = false
ms_mon_client_mode = crc
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = $dir/run
admin_socket = $dir/run/\$name.asok
pid_file =
log_file = $dir/log/\$name.log
crash_dir = $dir/log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
[mon]
mon_data = $dir/mon
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
mon_data_avail_warn = 1
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
[osd]
osd_data = $dir/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_class_load_list = *
osd_class_default_list = *
[client]
rgw_data = $dir/rgw
keyring = /dev/null
rgw_dns_name = s3.localhost
rgw_thread_pool_size = 32
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
rgw_run_sync_thread = false
rgw_enable_usage_log = false
CONF
}

start_gateway() {
  # shellcheck disable=SC1091
  . "$dir/env"
  daemon gateway radosgw -c "$conf" -n client.rgw.a -f --rgw-frontends="beast \
endpoint=127.0.0.1:$S3_PORT ssl_endpoint=127.0.0.1:$S3_TLS_PORT \
ssl_certificate=$dir/tls/server.pem ssl_private_key=$dir/tls/server.key tcp_nodelay=1"
  until_true 60 'the gateway' curl -sf -o /dev/null --noproxy '*' "http://127.0.0.1:$S3_PORT/"
}

make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Saola test' \
    -addext 'subjectAltName=DNS:s3.localhost,DNS:*.s3.localhost,IP:127.0.0.1' \
    -keyout "$dir/tls/server.key" -out "$dir/tls/server.pem" 2>"$dir/log/openssl.err"
}

start() {
  [ ! -e "$conf" ] || { say "$dir is in use; wipe it first"; exit 1; }
  mkdir -p "$dir"/{mon,osd,rgw,log,run,tls}
  local mon_port s3_port tls_port id
  mon_port=$(free_port) s3_port=$(free_port) tls_port=$(free_port)
  cat >"$dir/env" <<ENV
S3_PORT=$s3_port
S3_TLS_PORT=$tls_port
S3_ENDPOINT=http://127.0.0.1:$s3_port
S3_TLS_ENDPOINT=https://s3.localhost:$tls_port
S3_CA_FILE=$dir/tls/server.pem
S3_ACCESS_KEY=saola-test
S3_SECRET_KEY=saola/test+secret=0123456789
S3_OTHER_ACCESS_KEY=saola-other
S3_OTHER_SECRET_KEY=another-secret-0123456789
ENV
  # shellcheck disable=SC1091
  . "$dir/env"
  if [ -n "${1:-}" ]; then watch "$1"; fi
  # Ceph opens many files; a lower hard limit than this is fine too.
  ulimit -Sn "$(ulimit -Hn)" 2>/dev/null || true
  [ "$(ulimit -Sn)" != unlimited ] && [ "$(ulimit -Sn)" -gt 65536 ] && ulimit -Sn 65536
  write_conf "$mon_port"
  make_certificate
  local fsid
  fsid=$(sed -n 's/^fsid = //p' "$conf")
  monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" "$dir/monmap" >"$dir/log/monmap.out"
  ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap"
  daemon mon ceph-mon -c "$conf" -i a -f
  until_true 60 'the monitor' admin mon stat
  id=$(cat /proc/sys/kernel/random/uuid)
  admin osd new "$id" >/dev/null
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$id" >"$dir/log/osd-mkfs.out" 2>&1
  daemon osd ceph-osd -c "$conf" -i 0 -f
  until_true 60 'the OSD' eval 'admin osd stat -f json | grep -q "\"num_up_osds\":1"'
  radosgw-admin -c "$conf" user create --uid=test --display-name=test \
    --access-key="$S3_ACCESS_KEY" --secret-key="$S3_SECRET_KEY" >"$dir/log/users.out" 2>"$dir/log/users.err"
  radosgw-admin -c "$conf" user create --uid=other --display-name=other \
    --access-key="$S3_OTHER_ACCESS_KEY" --secret-key="$S3_OTHER_SECRET_KEY" >>"$dir/log/users.out" 2>>"$dir/log/users.err"
  start_gateway
}

# Wipes everything once process $1 is gone.
watch() {
  setsid bash -c 'while kill -0 "$1" 2>/dev/null; do sleep 0.5; [ -d "$3" ] || exit 0; done; exec "$2" wipe "$3"' \
    watch "$1" "$(readlink -f "$0")" "$dir" >/dev/null 2>&1 </dev/null &
}

stop() {
  local name pid
  # Memory is all they keep, so there is nothing to end in good order; a stopped one must go too.
  for name in gateway osd mon; do
    if alive $name; then kill -KILL "$(cat "$dir/run/$name.pid")" 2>/dev/null || true; fi
  done
  for name in gateway osd mon; do
    for _ in $(seq 100); do
      pid=$(cat "$dir/run/$name.pid" 2>/dev/null || echo 0)
      # A zombie is as good as gone: its parent may never reap it in a container.
      [ "$pid" = 0 ] || ! grep -q '^State:[[:space:]]*[^Z]' "/proc/$pid/status" 2>/dev/null && break
      sleep 0.05
    done
    rm -f "$dir/run/$name.pid"
  done
}

case $command in
  start) start "${3:-}" ;;
  gateway) start_gateway ;;
  env)
    cat "$dir/env"
    for name in gateway osd mon; do
      echo "S3_${name^^}_PID=$(cat "$dir/run/$name.pid" 2>/dev/null || true)"
    done
    ;;
  bucket)
    # shellcheck disable=SC1091
    . "$dir/env"
    curl -sf --noproxy '*' --aws-sigv4 aws:amz:default:s3 --user "$S3_ACCESS_KEY:$S3_SECRET_KEY" \
      -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X PUT "$S3_ENDPOINT/${3:?bucket name}"
    ;;
  stop) stop ;;
  wipe)
    stop
    rm -rf "$dir"
    ;;
  *)
    say "unknown command '$command'"
    exit 2
    ;;
esac
