#!/bin/sh
# The service on a Debian machine, step by step; docs/how-to/deploy.md explains them. As root, from a checkout:
#
#     DOMAIN=related.example.org SITE=https://www.example.org WRITERS=192.0.2.10 MAIL=you@example.org \
#         deploy/debian/setup.sh all
#
# or one step after the other: packages user program settings database units proxy certificate start. Each may be run
# again: what is there stays, an update is `program` and `start`. ROOT is put in front of every path that is written, to
# look at what a step does without touching the machine.
set -eu

source=$(cd "$(dirname "$0")/../.." && pwd)
root=${ROOT:-}
home=$root/opt/recommender
configuration=$root/etc/recommender
STEPS='packages user program settings database units proxy certificate start'

say() { echo "setup: $*"; }
need() {
    for name in "$@"; do
        eval "value=\${$name:-}"
        [ -n "$value" ] || { echo "setup: $name is missing; the head of $0 says what it is" >&2; exit 2; }
    done
}
# Where the files go beside a real root, there are users to own them.
own() { [ -n "$root" ] || chown "$@"; }

packages() {
    # Python, the database, the proxy, certificates. No compiler.
    apt-get update
    apt-get install --yes --no-install-recommends \
        python3 python3-venv postgresql nginx-light certbot gettext-base ca-certificates openssl
}

user() {
    getent passwd recommender >/dev/null ||
        useradd --system --user-group --home-dir /var/lib/recommender --shell /usr/sbin/nologin recommender
    install -d -o recommender -g recommender -m 0700 /var/lib/recommender
}

program() {
    # Each installation is a folder of its own; `current` names the one that runs, so that an update can be taken back:
    # ln -sfn /opt/recommender/OLD /opt/recommender/current && systemctl restart recommender
    version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$source/recommender/version.py")
    target=$home/$version-$(date -u +%Y%m%d%H%M%S)
    mkdir -p "$home"
    "$source/deploy/install.sh" "$target"
    ln -sfn "$(basename "$target")" "$home/current"
    install -D -m 0755 "$source/deploy/backup.sh" "$root/usr/local/lib/recommender/backup.sh"
    # The command as the operator calls it: with the service's settings, and as its user.
    install -d "$root/usr/local/bin"
    cat > "$root/usr/local/bin/recommender" <<'COMMAND'
#!/bin/sh
cd /var/lib/recommender || exit 1
exec runuser -u recommender -- env RECOMMENDER_CONFIG=/etc/recommender/recommender.toml HF_HUB_OFFLINE=1 \
    /opt/recommender/current/bin/recommender "$@"
COMMAND
    chmod 0755 "$root/usr/local/bin/recommender"
}

settings() {
    need DOMAIN SITE
    install -d -m 0750 "$configuration"
    own root:recommender "$configuration"
    file=$configuration/recommender.toml
    if [ -e "$file" ]; then say "$file stays as it is"; return; fi
    # Over a local socket PostgreSQL knows the user from the system: there is no password to keep.
    database=${DATABASE:-postgresql+psycopg:///recommender?host=/var/run/postgresql}
    key=$("$home/current/bin/python" -c 'import secrets; print(secrets.token_urlsafe(32))')
    umask 027
    sed -e "s#DATABASE#$database#; s#KEY#$key#; s#DOMAIN#$DOMAIN#; s#SITE#$SITE#" \
        "$source/deploy/recommender.toml" > "$file"
    own root:recommender "$file"
    chmod 0640 "$file"
}

database() {
    if ! runuser -u postgres -- psql -tAc "SELECT 1 FROM pg_roles WHERE rolname = 'recommender'" | grep -q 1; then
        runuser -u postgres -- createuser recommender
    fi
    if ! runuser -u postgres -- psql -lqtA | grep -q '^recommender|'; then
        runuser -u postgres -- createdb --owner recommender --encoding UTF8 --template template0 recommender
    fi
}

units() {
    install -d "$root/etc/systemd/system"
    install -m 0644 "$source"/deploy/systemd/*.service "$source"/deploy/systemd/*.timer "$root/etc/systemd/system/"
}

proxy() {
    need DOMAIN WRITERS
    install -d "$root/etc/nginx/conf.d" "$root/var/lib/recommender-acme" "$root/var/cache/nginx"
    tls=$configuration/tls
    install -d -m 0750 "$tls"
    # nginx doesn't start without a certificate, and certbot needs nginx: the first one is this machine's own.
    if [ ! -e "$tls/fullchain.pem" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$DOMAIN" \
            -addext "subjectAltName=DNS:$DOMAIN" -keyout "$tls/privkey.pem" -out "$tls/fullchain.pem" 2>/dev/null
        chmod 0640 "$tls/privkey.pem"
    fi
    export DOMAIN WRITERS UPSTREAM=127.0.0.1:8000 TLS=$tls CACHE=$root/var/cache/nginx/recommender \
        ACME=$root/var/lib/recommender-acme HTTP_PORT="${HTTP_PORT:-80}" HTTPS_PORT="${HTTPS_PORT:-443}"
    envsubst '$DOMAIN $WRITERS $UPSTREAM $TLS $CACHE $ACME $HTTP_PORT $HTTPS_PORT' \
        < "$source/deploy/nginx/recommender.conf.template" |
        sed "s#access_log /dev/stdout recommender#access_log ${LOGS:-$root/var/log/nginx}/recommender.log recommender#" \
        > "$root/etc/nginx/conf.d/recommender.conf"
}

certificate() {
    need DOMAIN MAIL
    # The proxy answers the challenge on port 80; the timer of Debian's package renews, and the hook tells nginx.
    certbot certonly --webroot --webroot-path /var/lib/recommender-acme --domain "$DOMAIN" --email "$MAIL" \
        --agree-tos --non-interactive --deploy-hook 'systemctl reload nginx'
    ln -sfn "/etc/letsencrypt/live/$DOMAIN/fullchain.pem" /etc/recommender/tls/fullchain.pem
    ln -sfn "/etc/letsencrypt/live/$DOMAIN/privkey.pem" /etc/recommender/tls/privkey.pem
    systemctl reload nginx
}

start() {
    nginx -t
    systemctl daemon-reload
    systemctl enable --now postgresql nginx recommender recommender-build.timer recommender-backup.timer
    systemctl restart recommender
    systemctl reload nginx
    say "running; recommender status shows what it holds"
}

[ $# -gt 0 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
[ "$1" != all ] || set -- packages user program settings database units proxy start certificate
for step in "$@"; do
    case " $STEPS " in
        *" $step "*) say "$step"; "$step" ;;
        *) echo "setup: $step is not a step; they are $STEPS" >&2; exit 2 ;;
    esac
done
