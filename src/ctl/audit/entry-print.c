/* SPDX-License-Identifier: MIT */
/* Entries of a chain for a person. */

#include "ctl/audit/entry-print.h"

#include <inttypes.h>

#include "audit/body.h"
#include "basic/utf8.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "trust/approval.h"

static void add_word(Text *text, const char *word)
{
        if (word)
                text_appendf(text, " %s", word);
}

/* Of an entry whose body is valid. */
static void describe(const AuditEntry *entry, const AuditBody *body, Text *text)
{
        if (body->status && entry->type != AUDIT_REQUEST_ACCEPTED)
                add_word(text, body->status);
        add_word(text, body->reason);
        add_word(text, body->entry ? body->entry : body->capability);
        if (entry->type == AUDIT_EVENT)
                add_word(text, audit_event_names[body->event]);
        add_word(text, body->subject);
        add_word(text, body->principal);
        add_word(text, body->device);
        if (entry->type == AUDIT_ROOT || entry->type == AUDIT_MANIFEST)
                text_appendf(text, " epoch %" PRIi64 ", version %" PRIi64 "%s", body->epoch, body->version,
                             body->gap ? ", some before it were never seen" : "");
        if (entry->type == AUDIT_REQUEST_FINISHED)
                text_appendf(text, " exit %" PRIi64, body->exit_code);
        if (entry->type == AUDIT_SUPPRESSED)
                text_appendf(text, " %" PRIi64 " times", body->count);
        if (entry->type == AUDIT_CHECKPOINT)
                text_appendf(text, " size %" PRIi64, body->size);
        if (entry->type == AUDIT_CLOCK)
                text_appendf(text, " by %+" PRIi64 " ms", body->to_ms - body->from_ms);
        if (entry->type == AUDIT_CONFIRMATION) {
                char moment[FIGURE_MAX];

                text_appendf(text, " at %s", format_moment(moment, (uint64_t) body->confirmed_at_ms));
        }
        add_word(text, body->arguments);
        for (size_t i = 0; i < body->approvals.n; i++) {
                const AuditApproval *approval = &body->approvals.items[i];

                text_appendf(text, "%s %s (%s%s%s)", i == 0 ? " approved by" : ",", approval->approver,
                             approval_tier_names[approval->tier], approval->approval_msg_id ? ", " : "",
                             strempty(approval->approval_msg_id));
        }
        for (size_t i = 0; i < body->details.n; i++)
                text_appendf(text, " %s=%s", body->details.items[i].key, body->details.items[i].value);
        add_word(text, body->request_id);
}

static void describe_entry(const AuditEntry *entry, Text *text)
{
        AuditBody *body = NULL;
        char moment[FIGURE_MAX];

        text_appendf(text, "%8" PRIu64 "  %s  %-12s", entry->seq, format_moment(moment, entry->time_ms),
                     audit_type_name(entry->type));
        int r = entry->type < _AUDIT_TYPE_MAX
                        ? audit_body_parse((AuditType) entry->type, entry->body, &body, NULL)
                        : -EBADMSG;
        if (r == 0) {
                describe(entry, body, text);
                audit_body_free((AuditType) entry->type, body);
        } else
                text_append(text, " (unreadable)");
        if (text->error == 0)
                (void) utf8_sanitize(text->data);
        text_append(text, "\n");
}

void audit_print_entry(const Ctl *ctl, const AuditEntry *entry, Text *text)
{
        text_reset(text);
        if (ctl->json)
                audit_write_entry(AUDIT_FORM_JSON, entry, text);
        else
                describe_entry(entry, text);
}

int audit_print_end(Ctl *ctl, int next, uint64_t seq)
{
        if (next == AUDIT_NEXT_PART || next == AUDIT_NEXT_MALFORMED)
                return problem_set(&ctl->problem, DEVBOX_ERROR_AUDIT_UNAVAILABLE,
                                   "the chain cannot be read on after entry %" PRIu64
                                   "; see: devboxctl audit verify",
                                   seq);

        return next < 0 ? next : 0;
}
