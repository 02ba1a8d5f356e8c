/* SPDX-License-Identifier: MIT */
/* Only the services of fake-services.h. */

#include <stdlib.h>
#include <systemd/sd-event.h>

#include "fake-services.h"

int main(void)
{
        sd_event *event = NULL;
        sd_bus *bus = NULL;

        int r = sd_event_default(&event);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = fake_services_add(bus);
        return r < 0 ? EXIT_FAILURE : sd_event_loop(event);
}
