# SPDX-License-Identifier: MIT
"""src/netlink with the kernel's own WireGuard; each program has a network namespace of its own."""

PROGRAMS = ["netlink-link", "netlink-nftables", "netlink-wireguard-live vm", "netlink-wireguard-tunnel"]
