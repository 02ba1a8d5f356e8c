/* SPDX-License-Identifier: MIT */
/* What people are answered who ask about devices and requests. */

#include "matrix/report.h"

#include <inttypes.h>

#include "matrix/command.h"
#include "proto/id.h"
#include "trust/example.h"

#define REQUESTS_SHOWN 20

int report_answer(const Report *report, Answer *ret_answer)
{
        int r = MIN(report->line.error, report->block.error);
        if (r < 0)
                return r;

        *ret_answer = (Answer){ .line = strempty(report->line.data),
                                .output = BYTES(report->block.data, report->block.size) };
        return 0;
}

/* ---- !help */

/* Appends a word as command_line_parse() reads it. */
static void append_word(const char *word, Text *text)
{
        text_append(text, " ");
        if (*word != '\0' && !strpbrk(word, " \t\r\n\"'")) {
                text_append(text, word);
                return;
        }

        const char *quote = strchr(word, '\'') ? "\"" : "'";
        text_append(text, quote);
        for (; *word != '\0'; word++)
                if (*word == '"' && *quote == '"')
                        text_append(text, "\"'\"'\"");
                else
                        text_append_bytes(text, word, 1);
        text_append(text, quote);
}

static void append_approval(const Capability *capability, Text *text)
{
        if (capability->approval == APPROVAL_NONE)
                return;
        text_append(text, "  🔒");
        if (capability->approval_count > 1)
                text_appendf(text, " %" PRIi64 " people", capability->approval_count);
        if (capability->approval == APPROVAL_MESSAGE)
                text_append(text, " with !approve, not 👍");
        else if (capability->approval == APPROVAL_SIGNED)
                text_append(text, " signed, with devboxctl approve --sign");
}

static int append_capability(const Manifest *manifest, const Capability *capability, Text *text)
{
        _cleanup_(example_words_done) ExampleWords words = EXAMPLE_WORDS_NULL;

        int r = capability_example(manifest, capability, &words);
        if (r < 0)
                return r;

        text_appendf(text, "!%s", command_typed(capability_kind_name((CapabilityKind) capability->kind)));
        for (const char *word = example_words_next(&words, NULL); word;
             word = example_words_next(&words, word))
                append_word(word, text);
        append_approval(capability, text);
        text_append(text, "\n");
        return 0;
}

void report_capabilities(Report *report, const Manifest *manifest, uint64_t now_ms)
{
        bool approvals = false;

        if (!manifest)
                return text_append(&report->line,
                                   "This device has no manifest, so it does nothing. On the hub: "
                                   "devboxctl manifest publish");
        if ((uint64_t) manifest->expires_at_ms <= now_ms)
                return text_appendf(&report->line,
                                    "The manifest of %s has expired, so it does nothing. The operator signs "
                                    "it again: devboxctl manifest publish",
                                    manifest->device);

        text_appendf(&report->line, manifest->capabilities.n > 0 ? "%s can:" : "%s can nothing.",
                     manifest->device);
        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                const Capability *capability = &manifest->capabilities.items[i];

                if (append_capability(manifest, capability, &report->block) < 0)
                        report->block.error = -ENOMEM;
                approvals |= capability->approval != APPROVAL_NONE;
        }
        text_append(&report->block, approvals ? "🔒 waits for an approval in #operator-approvals\n" : "");
        text_appendf(&report->block, "also: !status  !requests  !cancel ID  !revoke %s\n", manifest->device);
}

void report_commands(Report *report)
{
        text_append(&report->line, "What a device can do is answered in its room, #dev-NAME. Here:");
        text_append(&report->block,
                    "!devices      the devices\n"
                    "!requests     what was asked of them last\n"
                    "!approve ID   lets a request run\n"
                    "!deny ID      does not\n"
                    "!cancel ID    ends one\n"
                    "!revoke NAME  takes a device out of the network, once you confirm it\n");
}

/* ---- devices */

/* "5 min ago" */
static void append_ago(Text *text, uint64_t time_ms, uint64_t now_ms)
{
        static const struct {
                uint64_t seconds;
                const char *unit;
        } units[] = { { 24 * 3600, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
        uint64_t seconds = (now_ms - MIN(time_ms, now_ms)) / 1000;
        size_t i = 0;

        while (i < ELEMENTSOF(units) - 1 && seconds < 2 * units[i].seconds)
                i++;
        text_appendf(text, "%" PRIu64 " %s ago", seconds / units[i].seconds, units[i].unit);
}

static const char *presence_of(const ReportDevice *device)
{
        return streq(device->state, "active") ? strempty(device->presence) : device->state;
}

/* " · 1 approving · 2 running", and what is wrong. */
static void append_device(Text *text, const ReportDevice *device, uint64_t now_ms)
{
        const struct {
                uint64_t n;
                const char *state;
        } counts[] = { { device->approving, "approving" },
                       { device->queued, "queued" },
                       { device->running, "running" } };

        text_append(text, presence_of(device));
        if (!streq(presence_of(device), "online") && device->last_handshake_ms > 0) {
                text_append(text, ", seen ");
                append_ago(text, device->last_handshake_ms, now_ms);
        }
        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                if (counts[i].n > 0)
                        text_appendf(text, " · %" PRIu64 " %s", counts[i].n, counts[i].state);
        if (device->manifest_version == 0)
                text_append(text, " · no manifest");
        else if (device->manifest_expires_ms <= now_ms)
                text_append(text, " · manifest expired");
        else if (device->manifest_problem)
                text_append(text, " · manifest rejected");
        if (device->quarantine)
                text_appendf(text, " · QUARANTINE: %s", device->quarantine);
}

void report_device(Report *report, const ReportDevice *device, uint64_t now_ms)
{
        text_appendf(&report->line, "%s: ", device->name);
        append_device(&report->line, device, now_ms);
        if (device->manifest_problem)
                text_appendf(&report->line, "\n%s", device->manifest_problem);
}

void report_devices(Report *report, const ReportDevice *devices, size_t n, uint64_t now_ms)
{
        if (n == 0)
                return text_append(&report->line,
                                   "There are no devices. On the hub, add one with: devboxctl invite NAME");
        text_appendf(&report->line, "%zu %s:", n, n == 1 ? "device" : "devices");
        for (size_t i = 0; i < n; i++) {
                text_appendf(&report->block, "%s: ", devices[i].name);
                append_device(&report->block, &devices[i], now_ms);
                text_append(&report->block, "\n");
        }
}

/* ---- requests */

static void append_request(Text *text, const ReportRequest *request, bool with_device)
{
        text_appendf(text, "%s  ", ulid_shown(request->id));
        if (with_device)
                text_appendf(text, "%s  ", request->device);
        text_appendf(text, "%s  %s", request->subject, request->state);
        if (request->exit_signal > 0)
                text_appendf(text, ", signal %" PRIi32, request->exit_signal);
        else if (request->exit_code >= 0)
                text_appendf(text, ", exit %" PRIi32, request->exit_code);
        text_appendf(text, "  %s  ", request->principal);
}

void report_requests(Report *report, const ReportRequest *requests, size_t n, const char *device,
                     uint64_t now_ms)
{
        size_t n_shown = 0;

        for (size_t i = 0; i < n && n_shown < REQUESTS_SHOWN; i++) {
                if (device && !streq(requests[i].device, device))
                        continue;
                append_request(&report->block, &requests[i], !device);
                append_ago(&report->block, requests[i].created_ms, now_ms);
                text_append(&report->block, "\n");
                n_shown++;
        }
        if (n_shown == 0)
                text_append(&report->line, "Nothing was asked yet; !help shows what can be.");
        else
                text_append(&report->line, n_shown == 1 ? "The last request:" : "The last requests:");
}
