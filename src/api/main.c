/* SPDX-License-Identifier: MIT */
/* devbox-api. */

#include "api/api.h"

int main(int argc, char **argv)
{
        static const DaemonOption options[] = {
                { "listen", "ADDRESS",
                  "listen here as well: 127.0.0.1:8080, [::1]:8080 or /path/of/a/socket", api_add_listen },
                { NULL, NULL, NULL, NULL },
        };
        static const DaemonType type = {
                .name = "devbox-api",
                .summary = "Answers HTTP on the sockets that systemd hands over (devbox-api.socket).",
                .manual = "devbox-api(8)",
                .options = options,
                .new = api_new,
                .free = api_free,
                .start = api_start,
                .reload = api_reload,
                .stop = api_stop,
        };

        return daemon_run(&type, argc, argv);
}
