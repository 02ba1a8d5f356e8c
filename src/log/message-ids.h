/* SPDX-License-Identifier: MIT */
#pragma once

/* Lasting events: each has its explanation for the operator in units/devbox.catalog (journalctl -x). */

#define MESSAGE_CONFIG_INVALID  "8e0826457cb7cce0261bb8cb58912a79"
#define MESSAGE_CONFIG_RELOADED "c2b881deba3cfd1a6abca7f77950a6f6"
#define MESSAGE_INSECURE_EXPOSE "687afdb8adf0fab6f7bf791c0f5e4b76"
#define MESSAGE_ACTION_ACCEPTED "20b73c35f540f87a4ad3616b08f2cb8d"
#define MESSAGE_ACTION_DENIED   "6a3066e028cff0475e9267b11ded8227"
#define MESSAGE_COLLECTOR_LOST  "923e40addc599a1efcb64c2b42fe8f4b"
#define MESSAGE_COLLECTOR_BACK  "62cf97027a80c6812899e6f4db17ee0e"
#define MESSAGE_SYSTEMD_LOST    "d68a3735b811d231c14e2a1e52380a9e"
