/* SPDX-License-Identifier: MIT */
#pragma once

/* Compares the introspection of a daemon with its XML in dbus/. */

#include "harness.h"

/* The members of an interface in an introspection document, one per line and sorted, with arguments,
 * signatures, access and annotations: two documents that mean the same give the same text. The caller frees
 * it. */
char *introspect_members(const char *xml, const char *interface);

/* Compares the running object of `name` with dbus/INTERFACE.xml. */
void assert_introspects(const TestBus *bus, const char *name, const char *interface);
