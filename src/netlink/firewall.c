/* SPDX-License-Identifier: MIT */
/* The rules of what peers may reach, as text.
 *
 * A packet from the link is first matched to a kind of peer by its source and destination, which WireGuard
 * has bound to a key, and then to what that kind may reach; a connection that was opened from here may be
 * answered. What matches nothing is dropped and counted.
 *
 * It is written as nft(8) lists it, so that what is in the kernel can be compared with it by eye. */

#include "netlink/firewall.h"

#include "basic/text.h"

#define LINK_NAME_MAX 15 /* IFNAMSIZ - 1 */

/* The kernel allows nearly any byte; we allow what needs no quoting. */
static bool link_is_valid(const char *name)
{
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

        return n > 0 && n <= LINK_NAME_MAX && name[n] == '\0';
}

static bool ports_are_valid(const PortSet *set)
{
        for (size_t i = 1; i < set->n; i++)
                if (set->ports[i - 1] >= set->ports[i])
                        return false;
        return set->n <= PORT_SET_MAX;
}

static bool rule_is_valid(const FirewallRule *rule)
{
        IpPrefix masked = rule->from;
        size_t size = ip_address_size(rule->from.family);

        ip_prefix_mask(&masked);
        return size > 0 && ip_prefix_compare(&masked, &rule->from) == 0 &&
               rule->to.family == rule->from.family && rule->to.length == size * 8 &&
               ports_are_valid(&rule->tcp_ports) && ports_are_valid(&rule->udp_ports);
}

static const char *protocol_of(const IpPrefix *prefix)
{
        return prefix->family == AF_INET ? "ip" : "ip6";
}

static bool is_address(const IpPrefix *prefix)
{
        return prefix->length == ip_address_size(prefix->family) * 8;
}

/* One port, or a set of them. */
static void render_ports(Text *text, const char *protocol, const PortSet *set)
{
        if (set->n == 0)
                return;

        text_appendf(text, "\t\t%s dport %s", protocol, set->n > 1 ? "{ " : "");
        for (size_t i = 0; i < set->n; i++)
                text_appendf(text, "%s%u", i > 0 ? ", " : "", set->ports[i]);
        text_appendf(text, "%s accept\n", set->n > 1 ? " }" : "");
}

static void render_kind(Text *text, const FirewallRule *rule, size_t number)
{
        text_appendf(text, "\tchain peer%zu {\n\t\tct state established,related accept\n", number);
        if (rule->ping)
                text_appendf(text, "\t\t%s type echo-request accept\n",
                             rule->from.family == AF_INET ? "icmp" : "icmpv6");
        render_ports(text, "tcp", &rule->tcp_ports);
        render_ports(text, "udp", &rule->udp_ports);
        text_append(text, "\t\tcounter drop\n\t}\n\n");
}

static void render_dispatch(Text *text, const FirewallRule *rule, size_t number)
{
        char from[IP_PREFIX_TEXT_SIZE], to[IP_PREFIX_TEXT_SIZE];
        const char *protocol = protocol_of(&rule->from);

        text_appendf(text, "\t\t%s saddr %s %s daddr %s goto peer%zu\n", protocol,
                     is_address(&rule->from) ? ip_prefix_format_address(&rule->from, from)
                                             : ip_prefix_format(&rule->from, from),
                     protocol, ip_prefix_format_address(&rule->to, to), number);
}

/* Linux answers for each of its addresses on all of its links. */
static void render_protection(Text *text, const Firewall *firewall, const FirewallRule *rule)
{
        char to[IP_PREFIX_TEXT_SIZE];

        text_appendf(text, "\t\tiifname != { \"lo\", \"%s\" } %s daddr %s counter drop\n", firewall->link,
                     protocol_of(&rule->to), ip_prefix_format_address(&rule->to, to));
}

int firewall_render(const Firewall *firewall, char **ret_ruleset)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        if (!link_is_valid(firewall->link))
                return -EINVAL;
        for (size_t i = 0; i < firewall->n_rules; i++)
                if (!rule_is_valid(&firewall->rules[i]))
                        return -EINVAL;

        /* Declared first, so that deleting it cannot fail. */
        text_append(&text, "table inet " FIREWALL_TABLE "\n"
                           "delete table inet " FIREWALL_TABLE "\n"
                           "table inet " FIREWALL_TABLE " {\n");
        for (size_t i = 0; i < firewall->n_rules; i++)
                render_kind(&text, &firewall->rules[i], i);

        text_append(&text, "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n");
        for (size_t i = 0; i < firewall->n_rules; i++)
                render_protection(&text, firewall, &firewall->rules[i]);
        text_appendf(&text, "\t\tiifname != \"%s\" accept\n", firewall->link);
        for (size_t i = 0; i < firewall->n_rules; i++)
                render_dispatch(&text, &firewall->rules[i], i);
        text_append(&text, "\t\tcounter drop\n\t}\n\n");

        text_appendf(&text,
                     "\tchain forward {\n"
                     "\t\ttype filter hook forward priority filter; policy accept;\n"
                     "\t\tiifname \"%s\" counter drop\n"
                     "\t\toifname \"%s\" counter drop\n"
                     "\t}\n"
                     "}\n",
                     firewall->link, firewall->link);
        return text_take(&text, ret_ruleset, NULL);
}
