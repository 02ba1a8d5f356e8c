/* SPDX-License-Identifier: MIT */
/* Counters of network devices. */

#include "collector/netdev.h"

#include "basic/text.h"
#include "test.h"

#define HEAD                                                                                                \
        "Inter-|   Receive                            |  Transmit\n"                                        \
        " face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop\n"

#define ZEROS "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

static void test_columns(void **state)
{
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        assert_ok(netdev_parse(HEAD "    lo: " ZEROS "  eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
                               &sample));
        assert_int_equal(sample.n_networks, 2);
        assert_string_equal(sample.networks[0].device, "lo");

        const NetworkSample *network = &sample.networks[1];
        assert_string_equal(network->device, "eth0");
        assert_int_equal(network->receive_bytes, 1);
        assert_int_equal(network->receive_packets, 2);
        assert_int_equal(network->receive_errors, 3);
        assert_int_equal(network->receive_drops, 4);
        assert_int_equal(network->transmit_bytes, 9);
        assert_int_equal(network->transmit_packets, 10);
        assert_int_equal(network->transmit_errors, 11);
        assert_int_equal(network->transmit_drops, 12);
}

static void test_an_absurd_number_is_unknown(void **state)
{
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        assert_ok(
                netdev_parse("eth0: 1 99999999999999999999 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", &sample));
        assert_int_equal(sample.n_networks, 1);
        assert_int_equal(sample.networks[0].receive_bytes, 1);
        assert_true(sample.networks[0].receive_packets == SAMPLE_UNKNOWN);
        assert_int_equal(sample.networks[0].receive_errors, 3);
        assert_int_equal(sample.networks[0].transmit_drops, 12);
}

static void test_other_lines_are_skipped(void **state)
{
        static const char head[] = HEAD;
        static const char *const texts[] = {
                "",
                head,
                "garbage\n\n\n: : :\n",
                "eth0: 1 2 3\n",
                "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x\n",
                "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", /* truncated */
                ":1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
                "a-name-longer-than-any:" ZEROS,
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(system_sample_done) SystemSample sample = { 0 };

                assert_ok(netdev_parse(texts[i], &sample));
                assert_int_equal(sample.n_networks, 0);
        }
}

/* Valid UTF-8 is kept. What is escaped stays distinct from every other name. */
static void test_names(void **state)
{
        static const struct {
                const char *line, *device;
        } rows[] = {
                { "eth0:1:" ZEROS, "eth0:1" },
                { "wl\303\2440:" ZEROS, "wl\303\2440" }, /* wlä0 */
                { "wl\303\2660:" ZEROS, "wl\303\2660" }, /* wlö0 */
                { "\360\237\220\247:" ZEROS, "\360\237\220\247" },
                { "a\377b:" ZEROS, "a\\xffb" },
                { "a\376b:" ZEROS, "a\\xfeb" },
                { "a_b:" ZEROS, "a_b" },
                { "a\001b:" ZEROS, "a\\x01b" },
                { "a\177b:" ZEROS, "a\\x7fb" },
                { "a\302\205b:" ZEROS, "a\\xc2\\x85b" }, /* U+0085, a control */
                { "a\303:" ZEROS, "a\\xc3" },            /* truncated */
                { "\300\257:" ZEROS, "\\xc0\\xaf" },     /* overlong */
                { "a\\xffb:" ZEROS, "a\\x5cxffb" },      /* not the escape of a\377b */
                { "a\"b:" ZEROS, "a\"b" },               /* escaped by JSON and by the metrics */
        };
        _cleanup_(system_sample_done) SystemSample sample = { 0 };
        _cleanup_(text_done) Text text = TEXT_NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                text_append(&text, rows[i].line);
        assert_ok(netdev_parse(text.data, &sample));
        assert_int_equal(sample.n_networks, ELEMENTSOF(rows));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(sample.networks[i].device, rows[i].device);
}

static void test_of_too_many_veth_are_left_out(void **state)
{
        _cleanup_(system_sample_done) SystemSample sample = { 0 };
        _cleanup_(text_done) Text text = TEXT_NULL;

        text_append(&text, HEAD);
        for (int i = 0; i < 10000; i++)
                text_appendf(&text, "veth%d: " ZEROS, i);
        text_append(&text, "  eth0: " ZEROS);

        assert_ok(netdev_parse(text.data, &sample));
        assert_int_equal(sample.n_networks, SAMPLE_NETWORKS_MAX);
        assert_string_equal(sample.networks[0].device, "eth0");
        assert_string_equal(sample.networks[1].device, "veth0");
        assert_string_equal(sample.networks[SAMPLE_NETWORKS_MAX - 1].device, "veth62");
}

static void test_of_too_many_the_last_are_left_out(void **state)
{
        _cleanup_(system_sample_done) SystemSample sample = { 0 };
        _cleanup_(text_done) Text text = TEXT_NULL;

        for (int i = 0; i < SAMPLE_NETWORKS_MAX + 1; i++)
                text_appendf(&text, "eth%d: " ZEROS, i);

        assert_ok(netdev_parse(text.data, &sample));
        assert_int_equal(sample.n_networks, SAMPLE_NETWORKS_MAX);
        assert_string_equal(sample.networks[SAMPLE_NETWORKS_MAX - 1].device, "eth63");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_columns),
                cmocka_unit_test(test_an_absurd_number_is_unknown),
                cmocka_unit_test(test_other_lines_are_skipped),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_of_too_many_veth_are_left_out),
                cmocka_unit_test(test_of_too_many_the_last_are_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
