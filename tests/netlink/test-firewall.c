/* SPDX-License-Identifier: MIT */
#include "netlink/firewall.h"

#include "test.h"

static IpPrefix prefix(const char *text)
{
        IpPrefix parsed;

        assert_ok(ip_prefix_parse(text, &parsed));
        return parsed;
}

#define HEAD                                                                                                \
        "table inet devbox\n"                                                                               \
        "delete table inet devbox\n"                                                                        \
        "table inet devbox {\n"

#define FORWARD                                                                                             \
        "\tchain forward {\n"                                                                               \
        "\t\ttype filter hook forward priority filter; policy accept;\n"                                    \
        "\t\tiifname \"wg0\" counter drop\n"                                                                \
        "\t\toifname \"wg0\" counter drop\n"                                                                \
        "\t}\n"                                                                                             \
        "}\n"

#define INPUT "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"

static void test_render(void **state)
{
        const FirewallRule hub[] = {
                { .from = prefix("10.42.255.0/24"), .to = prefix("10.42.0.2"), .tcp_ports = { 1, { 22 } } },
                { .from = prefix("10.42.0.0/16"),
                  .to = prefix("10.42.0.1"),
                  .ping = true,
                  .tcp_ports = { 3, { 22, 443, 8080 } },
                  .udp_ports = { 1, { 53 } } },
        };
        const FirewallRule device[] = {
                { .from = prefix("fd00::1"), .to = prefix("fd00::10"), .ping = true },
        };
        const struct {
                Firewall firewall;
                const char *ruleset;
        } rows[] = {
                { { "wg0", NULL, 0 },
                  HEAD INPUT "\t\tiifname != \"wg0\" accept\n"
                             "\t\tcounter drop\n\t}\n\n" FORWARD },
                { { "wg0", hub, 2 },
                  HEAD "\tchain peer0 {\n"
                       "\t\tct state established,related accept\n"
                       "\t\ttcp dport 22 accept\n"
                       "\t\tcounter drop\n"
                       "\t}\n\n"
                       "\tchain peer1 {\n"
                       "\t\tct state established,related accept\n"
                       "\t\ticmp type echo-request accept\n"
                       "\t\ttcp dport { 22, 443, 8080 } accept\n"
                       "\t\tudp dport 53 accept\n"
                       "\t\tcounter drop\n"
                       "\t}\n\n" INPUT "\t\tiifname != { \"lo\", \"wg0\" } ip daddr 10.42.0.2 counter drop\n"
                       "\t\tiifname != { \"lo\", \"wg0\" } ip daddr 10.42.0.1 counter drop\n"
                       "\t\tiifname != \"wg0\" accept\n"
                       "\t\tip saddr 10.42.255.0/24 ip daddr 10.42.0.2 goto peer0\n"
                       "\t\tip saddr 10.42.0.0/16 ip daddr 10.42.0.1 goto peer1\n"
                       "\t\tcounter drop\n\t}\n\n" FORWARD },
                { { "wg0", device, 1 },
                  HEAD "\tchain peer0 {\n"
                       "\t\tct state established,related accept\n"
                       "\t\ticmpv6 type echo-request accept\n"
                       "\t\tcounter drop\n"
                       "\t}\n\n" INPUT "\t\tiifname != { \"lo\", \"wg0\" } ip6 daddr fd00::10 counter drop\n"
                       "\t\tiifname != \"wg0\" accept\n"
                       "\t\tip6 saddr fd00::1 ip6 daddr fd00::10 goto peer0\n"
                       "\t\tcounter drop\n\t}\n\n" FORWARD },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *ruleset = NULL;

                assert_ok(firewall_render(&rows[i].firewall, &ruleset));
                assert_string_equal(ruleset, rows[i].ruleset);
        }
}

static void test_render_refuses(void **state)
{
        const struct {
                const char *link, *from, *to;
        } rows[] = {
                { "", "10.42.0.0/24", "10.42.0.1" },     { "wg0\" accept; #", "10.42.0.0/24", "10.42.0.1" },
                { "wg0 ", "10.42.0.0/24", "10.42.0.1" }, { "a-name-too-long-", "10.42.0.0/24", "10.42.0.1" },
                { "wg0", "10.42.0.1/24", "10.42.0.1" },  { "wg0", "10.42.0.0/24", "10.42.0.1/24" },
                { "wg0", "10.42.0.0/24", "fd00::1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const FirewallRule rule = { .from = prefix(rows[i].from), .to = prefix(rows[i].to) };
                char *ruleset = NULL;

                assert_err(firewall_render(&(Firewall){ rows[i].link, &rule, 1 }, &ruleset), -EINVAL);
                assert_null(ruleset);
        }

        const FirewallRule others[] = {
                { .from = IP_PREFIX_NULL },
                { .from = prefix("10.42.0.0/24"),
                  .to = prefix("10.42.0.1"),
                  .tcp_ports = { 2, { 443, 22 } } },
                { .from = prefix("10.42.0.0/24"),
                  .to = prefix("10.42.0.1"),
                  .udp_ports = { 2, { 22, 22 } } },
        };
        char *ruleset = NULL;
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_err(firewall_render(&(Firewall){ "wg0", &others[i], 1 }, &ruleset), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_render),
                cmocka_unit_test(test_render_refuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
