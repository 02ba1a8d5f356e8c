/* SPDX-License-Identifier: MIT */
/* The link itself. */

#include "mesh/interface.h"

#include <stdio.h>

#define ADDRESS_STEPS_MAX 64 /* what is left is for the next round */

void interface_done(Interface *interface)
{
        free(interface->ruleset);
        free(interface->listing);
        *interface = INTERFACE_NULL;
}

/* ---- which WireGuard */

static int take_link(Interface *interface, const Link *link)
{
        if (!streq(link->kind, "wireguard") && !streq(link->kind, "tun"))
                return -EEXIST;

        interface->kind = streq(link->kind, "tun") ? INTERFACE_USERSPACE : INTERFACE_KERNEL;
        interface->index = link->index;
        return 0;
}

int interface_look(Interface *interface)
{
        Link link;

        int r = link_read(MESH_LINK, &link);
        return r < 0 ? r : take_link(interface, &link);
}

int interface_find(Interface *interface)
{
        int r = interface_look(interface);
        if (r != -ENODEV)
                return r;

        interface->index = 0;
        r = link_create(MESH_LINK, "wireguard");
        if (r == -EOPNOTSUPP) {
                interface->kind = INTERFACE_USERSPACE;
                return 0;
        }
        return r < 0 ? r : interface_look(interface);
}

/* ---- rules */

static int apply_rules(Interface *interface, const Desired *desired)
{
        _cleanup_(freep) char *ruleset = strdup(desired->ruleset), *listing = NULL;

        if (!ruleset)
                return -ENOMEM;
        int r = nftables_run(ruleset);
        if (r < 0)
                return r;
        r = nftables_list(&listing);
        if (r < 0)
                return r;

        free(interface->ruleset);
        free(interface->listing);
        interface->ruleset = TAKE_PTR(ruleset);
        interface->listing = TAKE_PTR(listing);
        return 0;
}

int interface_settle_rules(Interface *interface, const Desired *desired, interface_drift_handler_t on_drift,
                           void *owner)
{
        _cleanup_(freep) char *listing = NULL;
        bool is_current = interface->ruleset && streq(interface->ruleset, desired->ruleset);

        if (is_current) {
                int r = nftables_list(&listing);
                if (r < 0)
                        return r;
                if (streq(listing, interface->listing))
                        return 0;
                on_drift(DRIFT_FIREWALL, listing[0] == '\0' ? "the table is missing" : "the table differs",
                         owner);
        }

        return apply_rules(interface, desired);
}

/* ---- the link */

typedef struct Addresses {
        const IpPrefix *addresses;
        size_t n;
} Addresses;

static bool has_address(const Addresses *set, const IpPrefix *address)
{
        for (size_t i = 0; i < set->n; i++)
                if (ip_prefix_compare(&set->addresses[i], address) == 0)
                        return true;
        return false;
}

/* The first IPv4 address that is in `a` and not in `b`; NULL: none. */
static const IpPrefix *find_missing(const Addresses *a, const Addresses *b)
{
        for (size_t i = 0; i < a->n; i++)
                if (a->addresses[i].family == AF_INET && !has_address(b, &a->addresses[i]))
                        return &a->addresses[i];
        return NULL;
}

/* One difference; 1: there was one. */
static int settle_address(unsigned index, const Desired *desired, interface_drift_handler_t on_drift,
                          void *owner)
{
        const Addresses wanted = { desired->addresses, desired->n_addresses };
        _cleanup_(freep) IpPrefix *running = NULL;
        char text[IP_PREFIX_TEXT_SIZE];
        size_t n;

        int r = link_read_addresses(index, &running, &n);
        if (r < 0)
                return r;
        const IpPrefix *extra = find_missing(&(Addresses){ running, n }, &wanted);
        const IpPrefix *missing = find_missing(&wanted, &(Addresses){ running, n });
        if (!extra && !missing)
                return 0;

        on_drift(DRIFT_ADDRESS, ip_prefix_format(extra ? extra : missing, text), owner);
        r = extra ? link_remove_address(index, extra) : link_add_address(index, missing);
        return r < 0 && r != -EADDRNOTAVAIL ? r : 1;
}

int interface_settle_link(const Desired *desired, interface_drift_handler_t on_drift, void *owner)
{
        Link link;

        int r = link_read(MESH_LINK, &link);
        if (r < 0)
                return r;
        if (link.mtu != desired->mtu) {
                char detail[32];

                (void) snprintf(detail, sizeof detail, "%u", link.mtu);
                on_drift(DRIFT_MTU, detail, owner);
                r = link_set_mtu(link.index, desired->mtu);
                if (r < 0)
                        return r;
        }
        for (unsigned i = 0; i < ADDRESS_STEPS_MAX; i++) {
                r = settle_address(link.index, desired, on_drift, owner);
                if (r <= 0)
                        break;
        }
        if (r < 0 || link.up)
                return r;

        on_drift(DRIFT_LINK_DOWN, "", owner);
        return link_set_up(link.index, true);
}

int interface_remove(Interface *interface)
{
        int r = interface_look(interface);
        if (r >= 0)
                r = link_delete(interface->index);
        if (r < 0 && r != -ENODEV)
                return r;

        interface->index = 0;
        if (!interface->ruleset)
                return 0;
        free(TAKE_PTR(interface->ruleset));
        return nftables_run("table inet " FIREWALL_TABLE "\ndelete table inet " FIREWALL_TABLE "\n");
}
