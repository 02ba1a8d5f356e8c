/* SPDX-License-Identifier: MIT */
/* Adds org.devbox.Matrix1 to the bus. sd-bus takes one vtable for an interface, so it is joined here from
 * the rows of the files that implement them. */

#include "matrix/method.h"

static const sd_bus_vtable *const parts[] = { matrix_account_methods, matrix_status_methods,
                                              matrix_identity_methods, matrix_verification_methods };

int matrix_add_interface(MatrixDaemon *self, const char *path)
{
        size_t n = 0;

        self->vtable[n++] = (sd_bus_vtable) SD_BUS_VTABLE_START(0);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                for (const sd_bus_vtable *row = parts[i]; row->type != _SD_BUS_VTABLE_END; row++) {
                        assert(n < MATRIX_VTABLE_MAX - 1);
                        self->vtable[n++] = *row;
                }
        self->vtable[n] = (sd_bus_vtable) SD_BUS_VTABLE_END;

        return sd_bus_add_object_vtable(self->bus, &self->slot_interface, path, MATRIX_INTERFACE,
                                        self->vtable, self);
}
