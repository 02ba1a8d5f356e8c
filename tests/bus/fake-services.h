/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

/* The org.freedesktop.systemd1 that starts targets, whose units are all active, and an
 * org.freedesktop.timedate1 whose clock is right. A job is a line on standard output. */
int fake_services_add(sd_bus *bus);
