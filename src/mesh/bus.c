/* SPDX-License-Identifier: MIT */
/* Adds org.devbox.Mesh1 to the bus. sd-bus takes one vtable for an interface, so it is joined here from the
 * rows of the files that implement them. */

#include "mesh/method.h"

static const sd_bus_vtable *const parts[] = {
        mesh_status_methods,     mesh_setup_methods,     mesh_peer_methods, mesh_manifest_methods,
        mesh_invitation_methods, mesh_admission_methods, mesh_join_methods,
};

int mesh_add_interface(MeshDaemon *self, sd_bus *bus, const char *path, sd_bus_slot **ret_slot)
{
        size_t n = 0;

        self->vtable[n++] = (sd_bus_vtable) SD_BUS_VTABLE_START(0);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                for (const sd_bus_vtable *row = parts[i]; row->type != _SD_BUS_VTABLE_END; row++) {
                        assert(n < MESH_VTABLE_MAX - 1);
                        self->vtable[n++] = *row;
                }
        self->vtable[n] = (sd_bus_vtable) SD_BUS_VTABLE_END;

        return sd_bus_add_object_vtable(bus, ret_slot, path, MESH_INTERFACE, self->vtable, self);
}
