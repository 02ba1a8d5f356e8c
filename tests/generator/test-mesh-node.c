/* SPDX-License-Identifier: MIT */
/* The file of a user with fewer rights than its reader. */
#include "generator/mesh-node.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/file.h"
#include "test.h"

static void test_parse(void **state)
{
        static const struct {
                const char *text;
                MeshRole role; /* MESH_ROLE_NONE: -EINVAL */
                const char *address, *hub;
        } rows[] = {
                { "hub 10.42.0.1/24\n", MESH_ROLE_HUB, "10.42.0.1/24", NULL },
                { "hub 10.42.0.1/16\n", MESH_ROLE_HUB, "10.42.0.1/16", NULL },
                { "hub 172.31.255.253/30\n", MESH_ROLE_HUB, "172.31.255.253/30", NULL },
                { "hub 192.168.7.1/24\n", MESH_ROLE_HUB, "192.168.7.1/24", NULL },
                { "hub 100.64.0.1/24\n", MESH_ROLE_HUB, "100.64.0.1/24", NULL },
                { "device 10.42.0.10/24 10.42.0.1\n", MESH_ROLE_DEVICE, "10.42.0.10/24", "10.42.0.1/32" },
                { "" },
                { "\n" },
                { "hub" },
                { "hub\n" },
                { "hub 10.42.0.1/24" },
                { "hub 10.42.0.1/24\r\n" },
                { "hub 10.42.0.1/24\n\n" },
                { "hub 10.42.0.1/24\nListenStream=0.0.0.0:80\n" },
                { " hub 10.42.0.1/24\n" },
                { "hub  10.42.0.1/24\n" },
                { "hub 10.42.0.1/24 \n" },
                { "hub\t10.42.0.1/24\n" },
                { "Hub 10.42.0.1/24\n" },
                { "hub 10.42.0.1\n" },
                { "hub 10.42.0.1/32\n" },
                { "hub 10.42.0.1/31\n" },
                { "hub 10.42.0.1/15\n" },
                { "hub 10.42.0.1/24x\n" },
                { "hub 10.42.0.0/24\n" },
                { "hub 10.42.0.255/24\n" },
                { "hub 0.0.0.0/0\n" },
                { "hub 127.0.0.1/24\n" },
                { "hub 192.0.2.1/24\n" },
                { "hub 172.15.0.1/24\n" },
                { "hub 172.32.0.1/24\n" },
                { "hub 169.254.42.1/24\n" },
                { "hub fd00::1/64\n" },
                { "hub ::ffff:10.42.0.1/24\n" },
                { "hub 10.42.0.1/24 10.42.0.1\n" },
                { "device 10.42.0.10/24\n" },
                { "device 10.42.0.10/24 10.42.1.1\n" },
                { "device 10.42.0.10/24 10.42.0.1/24\n" },
                { "device 10.42.0.10/24 192.0.2.1\n" },
                { "device 10.42.0.10/24 10.42.0.1 10.42.0.2\n" },
                { "device 10.42.0.10/24 10.42.0.1 a a a a a a a a a a a a a a a a a a a a a a\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                bool valid = rows[i].role != MESH_ROLE_NONE;
                char text[IP_PREFIX_TEXT_SIZE];
                MeshNode node;

                print_message("%s\n", rows[i].text);
                assert_err(mesh_node_parse(rows[i].text, &node), valid ? 0 : -EINVAL);
                if (!valid)
                        continue;
                assert_int_equal(node.role, rows[i].role);
                assert_string_equal(ip_prefix_format(&node.address, text), rows[i].address);
                if (rows[i].hub)
                        assert_string_equal(ip_prefix_format(&node.hub, text), rows[i].hub);
        }
}

static void test_read(void **state)
{
        static const char good[] = "hub 10.42.0.1/24\n";
        char directory[] = "/tmp/devbox-test-mesh-node-XXXXXX", file[64], link[64], fifo[64];
        uint8_t large[100] = { 0 };
        MeshNode node = { .role = MESH_ROLE_HUB };

        assert_non_null(mkdtemp(directory));
        (void) snprintf(file, sizeof file, "%s/node", directory);
        (void) snprintf(link, sizeof link, "%s/link", directory);
        (void) snprintf(fifo, sizeof fifo, "%s/fifo", directory);

        assert_ok(mesh_node_read(file, &node));
        assert_int_equal(node.role, MESH_ROLE_NONE);

        assert_ok(file_write(file, FILE_REPLACE, 0644, bytes_of_string(good)));
        assert_ok(mesh_node_read(file, &node));
        assert_int_equal(node.role, MESH_ROLE_HUB);

        assert_ok(symlink(file, link));
        assert_err(mesh_node_read(link, &node), -ELOOP);
        assert_ok(mkfifo(fifo, 0600));
        assert_err(mesh_node_read(fifo, &node), -EBADFD);
        assert_err(mesh_node_read(directory, &node), -EISDIR);

        assert_ok(file_write(file, FILE_REPLACE, 0644, BYTES(good, sizeof good))); /* with its NUL */
        assert_err(mesh_node_read(file, &node), -EINVAL);
        assert_ok(file_write(file, FILE_REPLACE, 0644, BYTES(large, sizeof large)));
        assert_err(mesh_node_read(file, &node), -EFBIG);

        assert_ok(unlink(fifo));
        assert_ok(unlink(link));
        assert_ok(unlink(file));
        assert_ok(rmdir(directory));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
