/* SPDX-License-Identifier: MIT */
#include "basic/port-set.h"

#include "test.h"

static void test_ascending_and_once(void **state)
{
        static const uint16_t added[] = { 443, 22, 65535, 1, 80 }, wanted[] = { 1, 22, 80, 443, 65535 };
        PortSet set = PORT_SET_NULL;

        for (size_t i = 0; i < ELEMENTSOF(added); i++)
                assert_ok(port_set_add(&set, added[i]));
        for (size_t i = 0; i < ELEMENTSOF(added); i++)
                assert_err(port_set_add(&set, added[i]), -EEXIST);
        assert_int_equal(set.n, ELEMENTSOF(wanted));
        assert_memory_equal(set.ports, wanted, sizeof wanted);
}

static void test_limit(void **state)
{
        PortSet set = PORT_SET_NULL;

        for (uint16_t i = 0; i < PORT_SET_MAX; i++)
                assert_ok(port_set_add(&set, (uint16_t) (PORT_SET_MAX - i)));
        assert_err(port_set_add(&set, PORT_SET_MAX + 1), -ENOSPC);
        assert_int_equal(set.ports[0], 1);
        assert_int_equal(set.ports[PORT_SET_MAX - 1], PORT_SET_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ascending_and_once),
                cmocka_unit_test(test_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
