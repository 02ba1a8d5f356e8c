/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

/* Adds the interface, with two devices and the containers of one, and its name. */
int fake_dispatch_add(sd_bus *bus);
