/* SPDX-License-Identifier: MIT */
/* Which user a call comes from. */

#include "bus/caller.h"

#include <stdio.h>

#include "proto/error.h"

#define KNOWN_MAX 32

typedef struct Known {
        char name[64];
        uid_t uid;
} Known;

/* A message whose sender the bus is being asked for. */
typedef struct Question Question;
struct Question {
        CallerCache *callers;
        Question *next;
        sd_bus_message *message;
        sd_bus_slot *slot;
};

struct CallerCache {
        sd_bus *bus;
        SenderHandler handler;
        void *owner;
        Known known[KNOWN_MAX]; /* the oldest is overwritten */
        size_t next_known;
        Question *questions;
        size_t n_questions;
};

static Question *question_free(Question *question)
{
        Question **link = &question->callers->questions;

        while (*link && *link != question)
                link = &(*link)->next;
        if (*link) {
                *link = question->next;
                question->callers->n_questions--;
        }
        sd_bus_slot_unref(question->slot);
        sd_bus_message_unref(question->message);
        free(question);
        return NULL;
}

DEFINE_CLEANUP(Question, question_free);

static const Known *find_known(const CallerCache *callers, const char *name)
{
        for (size_t i = 0; i < KNOWN_MAX; i++)
                if (streq(callers->known[i].name, name))
                        return &callers->known[i];

        return NULL;
}

static void remember(CallerCache *callers, const char *name, uid_t uid)
{
        Known *known = &callers->known[callers->next_known];

        if (find_known(callers, name) || strlen(name) >= sizeof known->name)
                return;

        (void) snprintf(known->name, sizeof known->name, "%s", name);
        known->uid = uid;
        callers->next_known = (callers->next_known + 1) % KNOWN_MAX;
}

static int on_user(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_(question_freep) Question *question = userdata;
        CallerCache *callers = question->callers;
        uint32_t uid;

        /* It is gone, then nobody waits for an answer; or the bus does not tell, then it gets none. */
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "u", &uid) < 0)
                return 0;

        remember(callers, sd_bus_message_get_sender(question->message), uid);
        callers->handler(question->message, uid, callers->owner);
        return 0;
}

int caller_resolve_uid(CallerCache *callers, sd_bus_message *message)
{
        _cleanup_(question_freep) Question *question = NULL;
        const char *name = sd_bus_message_get_sender(message);
        const Known *known = name ? find_known(callers, name) : NULL;

        if (!name)
                return -EBADMSG;
        if (known && !callers->questions) { /* it must not overtake one that waits */
                callers->handler(message, known->uid, callers->owner);
                return 0;
        }
        if (callers->n_questions >= SENDER_QUESTIONS_MAX)
                return DEVBOX_ERROR_BUSY;

        question = calloc(1, sizeof *question);
        if (!question)
                return -ENOMEM;
        *question = (Question){ .callers = callers,
                                .next = callers->questions,
                                .message = sd_bus_message_ref(message) };
        callers->questions = question;
        callers->n_questions++;

        int r = sd_bus_call_method_async(callers->bus, &question->slot, "org.freedesktop.DBus",
                                         "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                         "GetConnectionUnixUser", on_user, question, "s", name);
        if (r < 0)
                return r;

        TAKE_PTR(question);
        return 0;
}

int caller_cache_new(sd_bus *bus, SenderHandler handler, void *owner, CallerCache **ret_senders)
{
        CallerCache *callers = calloc(1, sizeof *callers);

        if (!callers)
                return -ENOMEM;

        *callers = (CallerCache){ .bus = sd_bus_ref(bus), .handler = handler, .owner = owner };
        *ret_senders = callers;
        return 0;
}

CallerCache *caller_cache_free(CallerCache *callers)
{
        if (!callers)
                return NULL;

        while (callers->questions)
                question_free(callers->questions);
        sd_bus_unref(callers->bus);
        free(callers);
        return NULL;
}
