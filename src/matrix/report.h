/* SPDX-License-Identifier: MIT */
#pragma once

/* What people are answered who ask about a device, the devices or the requests: a line, and below it rows
 * short enough for a phone. Pure functions of what the daemons answered. Memory that is short shows in the
 * texts' errors. */

#include "basic/text.h"
#include "matrix/answer.h"
#include "trust/manifest.h"

typedef struct Report {
        Text line, block;
} Report;

#define REPORT_NULL ((Report){ 0 })

static inline void report_done(Report *report)
{
        text_done(&report->line);
        text_done(&report->block);
}

/* Borrowed from the report. Errors: -ENOMEM. */
int report_answer(const Report *report, Answer *ret_answer);

/* !help in a device's room: what its manifest allows, each as it is typed. NULL: it has no manifest. */
void report_capabilities(Report *report, const Manifest *manifest, uint64_t now_ms);

/* !help elsewhere. */
void report_commands(Report *report);

/* As ListDevices of org.devbox.Dispatch1 has it. Texts NULL: none. */
typedef struct ReportDevice {
        const char *name, *state, *presence, *quarantine, *manifest_problem;
        uint64_t last_handshake_ms, manifest_version, manifest_expires_ms, approving, queued, running;
} ReportDevice;

/* !status */
void report_device(Report *report, const ReportDevice *device, uint64_t now_ms);

/* !devices */
void report_devices(Report *report, const ReportDevice *devices, size_t n, uint64_t now_ms);

/* As ListRequests has it. */
typedef struct ReportRequest {
        const char *id, *device, *subject, *principal, *state;
        uint64_t created_ms;
        int32_t exit_code, exit_signal; /* -1 and 0: none */
} ReportRequest;

/* !requests, the newest first; `device` NULL: of all, and each row has its device's name. */
void report_requests(Report *report, const ReportRequest *requests, size_t n, const char *device,
                     uint64_t now_ms);
