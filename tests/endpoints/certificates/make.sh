#!/usr/bin/env bash
# Makes the certificates again, in this folder: root.pem to trust, and NAME.pem (chain, then key) of each TLS behaviour.
# Needs openssl. All are valid from 2020 to the last second of 9999, except tls-expired, which ended in 2021.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
always=(-startdate 20200101000000Z -enddate 99991231235959Z)
ended=(-startdate 20200101000000Z -enddate 20210101000000Z)
: > "$work/index.txt"
echo 01 > "$work/serial"
cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = own
[own]
database = $work/index.txt
serial = $work/serial
new_certs_dir = $work
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = \${ENV::SAN}
CNF
names=DNS:localhost,DNS:hooks.example.com
export SAN=$names

# key NAME [OPTIONS OF genpkey]; then signed NAME COMMON_NAME EXTENSIONS ISSUER (or "self") DATES…
key() { openssl genpkey "${@:2}" -out "$work/$1.key" 2>/dev/null; }
curve=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
signed() {
  openssl req -new -config /dev/null -subj "/CN=$2" -key "$work/$1.key" -out "$work/$1.csr" 2>/dev/null
  local by=(-cert "$work/$4.crt" -keyfile "$work/$4.key")
  if [[ $4 == self ]]; then by=(-selfsign -keyfile "$work/$1.key"); fi
  openssl ca -batch -notext -config "$work/ca.cnf" -extensions "$3" "${by[@]}" "${@:5}" \
    -in "$work/$1.csr" -out "$work/$1.crt" 2>/dev/null
}

key root "${curve[@]}" && signed root "Hookline tests, root" authority self "${always[@]}"
key between "${curve[@]}" && signed between "Hookline tests, intermediate" authority root "${always[@]}"
cp "$work/root.crt" root.pem
for name in tls-ok tls-expired tls-other-name tls-self-signed tls-incomplete-chain tls-1-0 tls-rsa-key-exchange; do
  dates=("${always[@]}") issuer=between chain=("$work/between.crt") kind=("${curve[@]}") SAN=$names
  case $name in
    tls-expired) dates=("${ended[@]}") ;;
    tls-other-name) SAN=DNS:other.example.com ;;
    tls-self-signed) issuer=self chain=() ;;
    tls-incomplete-chain) chain=() ;;
    tls-1-0 | tls-rsa-key-exchange) kind=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048) ;;
  esac
  key "$name" "${kind[@]}"
  signed "$name" "Hookline tests, $name" server "$issuer" "${dates[@]}"
  cat "$work/$name.crt" "${chain[@]}" "$work/$name.key" > "$name.pem"
done
