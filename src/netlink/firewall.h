/* SPDX-License-Identifier: MIT */
#pragma once

/* What peers may reach on this machine: one nftables table of ours, "inet devbox". It concerns packets of
 * the WireGuard link only. What it does not allow is dropped, nothing is forwarded, and the addresses it
 * protects are reachable through that link and loopback only. Other tables may drop more. Source: nft(8),
 * libnftables(3). */

#include "basic/ip-prefix.h"
#include "basic/port-set.h"

#define FIREWALL_TABLE "devbox"

/* One kind of peer: what those may reach whose source address is in `from`, at the address `to`. */
typedef struct FirewallRule {
        IpPrefix from; /* masked */
        IpPrefix to;   /* one address of this machine, of the same family */
        bool ping;     /* answers are always let in, ICMP errors with them */
        PortSet tcp_ports, udp_ports;
} FirewallRule;

typedef struct Firewall {
        const char *link;
        const FirewallRule *rules; /* the first whose `from` and `to` match decides */
        size_t n_rules;
} Firewall;

/* The ruleset that replaces the table in one transaction, as text; the caller frees it. `link` must be a
 * valid name of one. Errors: -EINVAL a link, address or port that is not as described above;
 * -ENOMEM. */
int firewall_render(const Firewall *firewall, char **ret_ruleset);

/* ---- nftables, of the process's network namespace. Requests are synchronous: the kernel answers inside
 * send(2). */

/* Runs a ruleset as one transaction: all of it or nothing. Errors: -EIO it was rejected; the reason is
 * logged at debug; -ENOMEM. */
int nftables_run(const char *ruleset);

/* The table as nft(8) would list it, without counters: two listings differ if and only if the table was
 * changed. "" if there is none. The caller frees it. Errors: -EIO, -ENOMEM. */
int nftables_list(char **ret_listing);
