#!/bin/sh
# A signed round trip with curl and openssl: place a quote far from the market, find it, cancel it.
# Wants REST, KEY, SECRET and PASSPHRASE in the environment, from the line `python -m runner exchange` prints.
set -eu

signed() { # METHOD PATH_AND_QUERY [BODY]
    at=$(date +%s)000
    sign=$(printf '%s' "$at$1$2${3-}" | openssl dgst -sha256 -hmac "$SECRET" -binary | openssl base64 -A)
    curl -sS -X "$1" "$REST$2" ${3:+--data "$3"} -H "ACCESS-KEY: $KEY" -H "ACCESS-SIGN: $sign" \
        -H "ACCESS-TIMESTAMP: $at" -H "ACCESS-PASSPHRASE: $PASSPHRASE" -H "Content-Type: application/json"
    echo
}

bid=$(curl -sS "$REST/api/v2/mix/market/ticker?symbol=ETHUSDT&productType=USDT-FUTURES" |
    sed 's/.*"bidPr":"\([0-9]*\).*/\1/')
quote='{"symbol":"ETHUSDT","productType":"USDT-FUTURES","marginMode":"isolated","marginCoin":"USDT","side":"buy"'
quote="$quote"',"orderType":"limit","force":"post_only","size":"0.1","price":"'$((bid - 50))'","clientOid":"hello-1"}'
signed POST /api/v2/mix/order/place-order "$quote"
signed GET "/api/v2/mix/order/orders-pending?productType=USDT-FUTURES"
signed POST /api/v2/mix/order/cancel-order '{"symbol":"ETHUSDT","productType":"USDT-FUTURES","clientOid":"hello-1"}'
signed GET "/api/v2/mix/order/detail?symbol=ETHUSDT&productType=USDT-FUTURES&clientOid=hello-1"
