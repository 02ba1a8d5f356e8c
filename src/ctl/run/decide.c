/* SPDX-License-Identifier: MIT */
/* Decisions about a request. */

#include "ctl/run/decide.h"

#include "ctl/print.h"
#include "ctl/run/requests-client.h"

int decide_print(Ctl *ctl, const char *id, const char *done)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        if (!ctl->json)
                return print_line(stdout, "%s is %s", id, done);

        json_open_object(&json, NULL);
        json_add_string(&json, "id", id);
        json_add_string(&json, "decision", done);
        json_close_object(&json);
        return print_json(&json);
}

int decide(Ctl *ctl, const char *method, const char *id, const char *done)
{
        int r = requests_client_decide(ctl->bus, method, id, &ctl->problem);

        return r != 0 ? r : decide_print(ctl, id, done);
}
