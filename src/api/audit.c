/* SPDX-License-Identifier: MIT */
/* Audit chains over HTTP, from org.devbox.Ledger1: that of this node, or on a hub what it has witnessed of a
 * device's. Entries have the form of an export; whoever trusts no hub verifies them. */

#include "api/handlers.h"
#include "api/method.h"
#include "audit/entry-bus.h"
#include "audit/export.h"
#include "basic/parse.h"
#include "proto/id.h"

#define ENTRIES_MAX 256 /* of one response */

typedef struct Range {
        const char *device; /* "": this node */
        uint64_t from;
} Range;

/* Errors: DEVBOX_ERROR_BAD_REQUEST. */
static int read_range(const HttpRequest *request, Range *ret_range)
{
        Range range = { .device = "" };
        const char *from = "0";

        int r = http_request_query(request, "device", &range.device);
        if (r == -ENOTUNIQ || (r == 0 && !device_name_valid(range.device)))
                return DEVBOX_ERROR_BAD_REQUEST;
        r = http_request_query(request, "from", &from);
        if (r == -ENOTUNIQ || parse_u64(from, 0, INT64_MAX, &range.from) < 0)
                return DEVBOX_ERROR_BAD_REQUEST;

        *ret_range = range;
        return 0;
}

static int append_range(sd_bus_message *call, const HttpRequest *request)
{
        Range range;

        return read_range(request, &range) != 0 ? -EBADMSG
                                                : sd_bus_message_append(call, "stu", range.device,
                                                                        range.from, (uint32_t) ENTRIES_MAX);
}

static int render(sd_bus_message *reply, HttpResponse **ret_response)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        AuditEntry entry = { .seq = 0 };
        const char *between = "";
        char *body;
        size_t size;

        text_append(&text, "{\"entries\":[");
        int r = sd_bus_message_enter_container(reply, 'a', "(ttqayayay)");
        while (r >= 0 && (r = sd_bus_message_at_end(reply, false)) == 0) {
                r = audit_entry_read(reply, &entry);
                text_append(&text, between);
                if (r >= 0)
                        audit_write_entry(AUDIT_FORM_JSON, &entry, &text);
                between = ",";
        }
        text_append(&text, "]}");
        if (r >= 0)
                r = text_take(&text, &body, &size);
        if (r < 0)
                return r;

        return http_response_new_take(200, "application/json", body, size, ret_response);
}

void api_handle_audit(HttpRequest *request, void *owner)
{
        static const ApiMethod method = { API_SERVICE_LEDGER, "Export", ACTION_READ_AUDIT, append_range,
                                          render };
        Range range;

        int r = read_range(request, &range);
        if (r == 0)
                api_method_start(request, owner, &method);
        else
                http_request_reject(request, r, NULL);
}
