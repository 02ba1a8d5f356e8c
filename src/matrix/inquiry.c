/* SPDX-License-Identifier: MIT */
/* Commands that only ask: !help, !status, !devices and !requests. */

#include "bus/dictionary.h"
#include "matrix/execution.h"
#include "matrix/report.h"

#define DEVICES_MAX  16384 /* more than a mesh has peers */
#define REQUESTS_MAX 1000  /* ListRequests has no more */

static uint64_t now_ms(void)
{
        return time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
}

static void answer(Execution *execution, const Report *report)
{
        Answer parts;

        if (report_answer(report, &parts) < 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        execution_answer(execution, parts.line, parts.output);
}

/* ---- !help */

static void on_manifest(BusRequest *call, const BusReply *reply)
{
        Execution *execution = CONTAINER_OF(call, Execution, call);
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(report_done) Report report = REPORT_NULL;
        bool is_missing = reply->reason == DEVBOX_ERROR_MANIFEST_MISSING;

        if (reply->reason != 0 && !is_missing)
                return execution_reject(execution, reply->reason, reply->detail);
        if (!is_missing && directory_parse_manifest(reply->message, &manifest) != 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        report_capabilities(&report, manifest, now_ms());
        answer(execution, &report);
}

void help_start(Execution *execution)
{
        BusClient *mesh = &execution->self->mesh;
        _cleanup_(report_done) Report report = REPORT_NULL;

        if (execution->journal.device)
                return bus_client_send_take(
                        mesh, &execution->call,
                        bus_client_new_call(mesh, "GetManifest", "s", execution->journal.device),
                        on_manifest);
        report_commands(&report);
        answer(execution, &report);
}

/* ---- !status, !devices */

static const BusField device_fields[] = {
        BUS_FIELD("name", BUS_TEXT, ReportDevice, name, BUS_REQUIRED),
        BUS_FIELD("state", BUS_TEXT, ReportDevice, state, BUS_REQUIRED),
        BUS_FIELD("presence", BUS_TEXT, ReportDevice, presence),
        BUS_FIELD("quarantine", BUS_TEXT, ReportDevice, quarantine),
        BUS_FIELD("manifest_problem", BUS_TEXT, ReportDevice, manifest_problem),
        BUS_FIELD("last_handshake_ms", BUS_UINT64, ReportDevice, last_handshake_ms),
        BUS_FIELD("manifest_version", BUS_UINT64, ReportDevice, manifest_version),
        BUS_FIELD("manifest_expires_at_ms", BUS_UINT64, ReportDevice, manifest_expires_ms),
        BUS_FIELD("approving", BUS_UINT64, ReportDevice, approving),
        BUS_FIELD("queued", BUS_UINT64, ReportDevice, queued),
        BUS_FIELD("running", BUS_UINT64, ReportDevice, running),
};
static const BusDictionary device_dictionary = BUS_DICTIONARY(device_fields);
static const BusRows device_rows = { .row = &device_dictionary,
                                     .row_size = sizeof(ReportDevice),
                                     .max = DEVICES_MAX };

static void on_device(BusRequest *call, const BusReply *reply)
{
        Execution *execution = CONTAINER_OF(call, Execution, call);
        _cleanup_(report_done) Report report = REPORT_NULL;
        ReportDevice device = { .name = NULL };

        if (reply->reason != 0)
                return execution_reject(execution, reply->reason, reply->detail);
        if (bus_dictionary_read(reply->message, &device_dictionary, &device) < 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        report_device(&report, &device, now_ms());
        answer(execution, &report);
}

void status_start(Execution *execution)
{
        BusClient *dispatch = &execution->self->dispatch;

        if (!execution->journal.device)
                return devices_start(execution);
        bus_client_send_take(dispatch, &execution->call,
                             bus_client_new_call(dispatch, "GetDevice", "s", execution->journal.device),
                             on_device);
}

static void on_devices(BusRequest *call, const BusReply *reply)
{
        Execution *execution = CONTAINER_OF(call, Execution, call);
        _cleanup_(report_done) Report report = REPORT_NULL;
        _cleanup_(freep) void *devices = NULL;
        size_t n = 0;

        if (reply->reason != 0)
                return execution_reject(execution, reply->reason, reply->detail);
        if (bus_rows_read_new(reply->message, &device_rows, &devices, &n) < 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        report_devices(&report, devices, n, now_ms());
        answer(execution, &report);
}

void devices_start(Execution *execution)
{
        BusClient *dispatch = &execution->self->dispatch;

        bus_client_send_take(dispatch, &execution->call, bus_client_new_call(dispatch, "ListDevices", NULL),
                             on_devices);
}

/* ---- !requests */

static void on_requests(BusRequest *call, const BusReply *reply)
{
        static const BusField fields[] = {
                BUS_FIELD("id", BUS_TEXT, ReportRequest, id, BUS_REQUIRED),
                BUS_FIELD("device", BUS_TEXT, ReportRequest, device, BUS_REQUIRED),
                BUS_FIELD("subject", BUS_TEXT, ReportRequest, subject, BUS_REQUIRED),
                BUS_FIELD("principal", BUS_TEXT, ReportRequest, principal, BUS_REQUIRED),
                BUS_FIELD("state", BUS_TEXT, ReportRequest, state, BUS_REQUIRED),
                BUS_FIELD("created_at_ms", BUS_UINT64, ReportRequest, created_ms),
                BUS_FIELD("exit_code", BUS_INT32, ReportRequest, exit_code),
                BUS_FIELD("exit_signal", BUS_INT32, ReportRequest, exit_signal),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        static const BusRows rows = { .row = &dictionary,
                                      .row_size = sizeof(ReportRequest),
                                      .max = REQUESTS_MAX };
        Execution *execution = CONTAINER_OF(call, Execution, call);
        _cleanup_(report_done) Report report = REPORT_NULL;
        _cleanup_(freep) void *requests = NULL;
        size_t n = 0;

        if (reply->reason != 0)
                return execution_reject(execution, reply->reason, reply->detail);
        if (bus_rows_read_new(reply->message, &rows, &requests, &n) < 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        report_requests(&report, requests, n, execution->journal.device, now_ms());
        answer(execution, &report);
}

void requests_start(Execution *execution)
{
        BusClient *dispatch = &execution->self->dispatch;

        bus_client_send_take(
                dispatch, &execution->call,
                bus_client_new_call(dispatch, "ListRequests", "bu", false, (unsigned) REQUESTS_MAX),
                on_requests);
}
