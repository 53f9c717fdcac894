#!/usr/bin/env bash
# Builds Signpost and serves data-sample/ by a private nginx until Ctrl-C. PORT chooses the port.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tests/packages.sh
. tests/packages.sh

port=${PORT:-8080}
case $port in
'' | *[!0-9]*) echo "PORT=$port is not a number" >&2; exit 2 ;;
esac
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo "Port $port is taken. Choose another: PORT=8081 ./demo.sh" >&2
    exit 1
fi

# shellcheck disable=SC2086 # one word per package
need $build_packages $demo_packages
PATH=$PATH:/usr/sbin
make -s

dir=$(mktemp -d)
pids=()
# shellcheck disable=SC2317 # called by the trap
clean() {
    trap '' INT TERM
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$dir"
}
trap clean EXIT
trap 'exit 0' INT TERM

mkdir "$dir/run"
ln -s "$PWD/site" "$dir/site"
sed "s/listen 127\.0\.0\.1:8080;/listen 127.0.0.1:$port;/" nginx-fcgi.conf >"$dir/nginx.conf"
top=$PWD
cd "$dir"

export SIGNPOST_DATA=$top/data-sample SIGNPOST_STATE=$dir/state SIGNPOST_CONFIG=/dev/null
"$top/build/signpost.fcgi" -s run/signpost.sock &
pids+=($!)
# nginx gives its workers to another user when root starts it; here both must reach the socket.
user=()
[ "$(id -u)" -ne 0 ] || user=(-g 'user root;')
nginx -e stderr -p "$dir" -c nginx.conf "${user[@]}" &
pids+=($!)

# What is nobody's is a 503 until there is a snapshot. Each path may be asked for so often only.
until [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/$RANDOM")" = 404 ]; do
    for pid in "${pids[@]}"; do
        kill -0 "$pid" 2>/dev/null || { echo "The demo could not start; see above." >&2; exit 1; }
    done
    read -r -t 0.05 <> <(:) || true
done

for file in "$SIGNPOST_DATA"/devices/*; do
    uuid=$(basename "$file")
    uuid=${uuid%.*}
    url=http://127.0.0.1:$port/api/$uuid
    printf '\n%s\n' "$url"
    if body=$(curl -sf "$url"); then
        printf '%s' "$body" | base64 -d | sed 's/^/    /'
        echo
    else
        printf '    404: '
        { "$top/build/signpost" explain "$uuid" || true; } | sed -n 's/^answer  404: //p'
    fi
done
cat <<END

Serving on http://127.0.0.1:$port/ until Ctrl-C. Change a file under data-sample/ and poll again.
Wrong paths, unknown devices and refused ones all get the same 404.
END
wait -n || true
# Ctrl-C goes to the servers too, and may end one of them before it gets here.
read -r -t 0.5 <> <(:) || true
echo "A server has ended; see above." >&2
exit 1
