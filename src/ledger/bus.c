/* SPDX-License-Identifier: MIT */
/* Adds org.devbox.Ledger1 to the bus. sd-bus takes one vtable for an interface, so it is joined here from
 * the rows in methods-*.c. */

#include "ledger/method.h"

static void append_rows(sd_bus_vtable *vtable, size_t *n, const sd_bus_vtable *rows)
{
        for (; rows->type != _SD_BUS_VTABLE_END; rows++) {
                assert(*n < LEDGER_VTABLE_MAX - 1);
                vtable[(*n)++] = *rows;
        }
}

int ledger_daemon_add_interface(LedgerDaemon *self, sd_bus *bus, const char *path, sd_bus_slot **ret_slot)
{
        size_t n = 0;

        self->vtable[n++] = (sd_bus_vtable) SD_BUS_VTABLE_START(0);
        append_rows(self->vtable, &n, ledger_policy_methods);
        append_rows(self->vtable, &n, ledger_request_methods);
        append_rows(self->vtable, &n, ledger_hub_methods);
        append_rows(self->vtable, &n, ledger_chain_methods);
        self->vtable[n] = (sd_bus_vtable) SD_BUS_VTABLE_END;

        return sd_bus_add_object_vtable(bus, ret_slot, path, "org.devbox.Ledger1", self->vtable, self);
}
