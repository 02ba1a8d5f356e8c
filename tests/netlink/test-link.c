/* SPDX-License-Identifier: MIT */
/* Links of this kernel, in a network namespace. */
#include "netlink/link.h"

#include "basic/fd.h"
#include "namespace.h"
#include "test.h"

static const char *kind; /* one that this kernel can make */

static int setup(void **state)
{
        static const char *const kinds[] = { "dummy", "bridge" };

        if (!namespace_enter())
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(kinds) && !kind; i++)
                if (link_create("link0", kinds[i]) == 0)
                        kind = kinds[i];
        if (!kind)
                print_message("this kernel can make neither a dummy link nor a bridge\n");
        return 0;
}

static void test_link(void **state)
{
        Link link;

        if (!kind)
                skip();
        assert_err(link_create("link0", kind), -EEXIST);
        assert_err(link_create("link1", "no-such-kind"), -EOPNOTSUPP);
        assert_err(link_read("link1", &link), -ENODEV);

        assert_ok(link_read("link0", &link));
        assert_string_equal(link.name, "link0");
        assert_string_equal(link.kind, kind);
        assert_int_equal(link.mtu, 1500);
        assert_false(link.up);

        unsigned index = link.index;
        assert_ok(link_set_mtu(index, 1420));
        assert_ok(link_set_up(index, true));
        assert_ok(link_read("link0", &link));
        assert_int_equal(link.index, index);
        assert_int_equal(link.mtu, 1420);
        assert_true(link.up);
        assert_ok(link_set_up(index, false));
        assert_ok(link_read("link0", &link));
        assert_false(link.up);
        assert_err(link_set_mtu(9999, 1420), -ENODEV);
        assert_err(link_set_up(9999, true), -ENODEV);
        assert_err(link_delete(9999), -ENODEV);
}

static void check_addresses(unsigned index, const char *const *wanted, size_t n_wanted)
{
        _cleanup_(freep) IpPrefix *addresses = NULL;
        char text[IP_PREFIX_TEXT_SIZE];
        size_t n_addresses;

        assert_ok(link_read_addresses(index, &addresses, &n_addresses));
        assert_int_equal(n_addresses, n_wanted);
        for (size_t i = 0; i < n_wanted; i++)
                assert_string_equal(ip_prefix_format(&addresses[i], text), wanted[i]);
}

static void test_addresses(void **state)
{
        IpPrefix first, second;
        Link link, lo;

        if (!kind)
                skip();
        assert_ok(link_read("link0", &link));
        assert_ok(link_read("lo", &lo));
        assert_ok(ip_prefix_parse("10.42.0.1/24", &first));
        assert_ok(ip_prefix_parse("10.43.0.1/32", &second));

        check_addresses(link.index, NULL, 0);
        assert_ok(link_add_address(link.index, &second));
        assert_ok(link_add_address(link.index, &first));
        assert_ok(link_add_address(link.index, &first));
        check_addresses(link.index, (const char *const[]){ "10.42.0.1/24", "10.43.0.1/32" }, 2);
        check_addresses(lo.index, (const char *const[]){ "127.0.0.1/8", "::1/128" }, 2);

        assert_ok(link_remove_address(link.index, &first));
        assert_err(link_remove_address(link.index, &first), -EADDRNOTAVAIL);
        check_addresses(link.index, (const char *const[]){ "10.43.0.1/32" }, 1);
        assert_err(link_add_address(9999, &first), -ENODEV);
}

typedef struct Watched {
        unsigned index; /* the link we wait for */
        unsigned n_seen;
} Watched;

static int on_link(unsigned index, void *owner)
{
        Watched *watched = owner;

        watched->n_seen += index == watched->index;
        return 0;
}

static void wait_for_change(sd_event *event, Watched *watched)
{
        watched->n_seen = 0;
        while (watched->n_seen == 0)
                assert_ok(sd_event_run(event, UINT64_MAX));
        while (sd_event_run(event, 0) > 0)
                ;
}

static void test_watch(void **state)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(link_watch_freep) LinkWatch *watch = NULL;
        Watched watched = { 0 };
        IpPrefix address;
        Link link;

        if (!kind)
                skip();
        assert_ok(sd_event_new(&event));
        assert_ok(link_watch_new(event, on_link, &watched, &watch));
        assert_ok(link_read("link0", &link));
        assert_ok(ip_prefix_parse("10.42.0.1/24", &address));
        watched.index = link.index;

        assert_ok(link_set_up(link.index, true));
        wait_for_change(event, &watched);
        assert_ok(link_add_address(link.index, &address));
        wait_for_change(event, &watched);
        assert_ok(link_remove_address(link.index, &address));
        wait_for_change(event, &watched);
        assert_ok(link_delete(link.index));
        wait_for_change(event, &watched);
        assert_ok(link_create("link0", kind));
        assert_ok(link_read("link0", &link));
        watched.index = link.index;
        wait_for_change(event, &watched);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_link),
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_watch),
        };

        return cmocka_run_group_tests(tests, setup, NULL);
}
