#!/bin/sh
# A whole shim layer in ten lines of shell: it binds the ports of net-l3vpn that are given the host "shell-1".
# Usage: shell_shim.sh [ENDPOINT]. It knows two keys: it reads /proton/... and answers at /controller/...
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS="${1:-http://127.0.0.1:2379}"
etcdctl watch --prefix /proton/net-l3vpn/ProtonBasePort/ | while read -r event; do
    [ "$event" = PUT ] || continue
    read -r key
    read -r port
    case $port in *'"host_id":"shell-1"'*'"binding_state":"BINDING"'*)
        etcdctl put "/controller/${key#/proton/}" '{"vif_type": "ovs", "vif_details": {"port_filter": false}, "controller": "shell"}' ;;
    esac
done
