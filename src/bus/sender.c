/* SPDX-License-Identifier: MIT */
/* Which user a call comes from. */

#include "bus/sender.h"

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
        Senders *senders;
        Question *next;
        sd_bus_message *message;
        sd_bus_slot *slot;
};

struct Senders {
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
        Question **link = &question->senders->questions;

        while (*link && *link != question)
                link = &(*link)->next;
        if (*link) {
                *link = question->next;
                question->senders->n_questions--;
        }
        sd_bus_slot_unref(question->slot);
        sd_bus_message_unref(question->message);
        free(question);
        return NULL;
}

DEFINE_CLEANUP(Question, question_free);

static const Known *find_known(const Senders *senders, const char *name)
{
        for (size_t i = 0; i < KNOWN_MAX; i++)
                if (streq(senders->known[i].name, name))
                        return &senders->known[i];

        return NULL;
}

static void remember(Senders *senders, const char *name, uid_t uid)
{
        Known *known = &senders->known[senders->next_known];

        if (find_known(senders, name) || strlen(name) >= sizeof known->name)
                return;

        (void) snprintf(known->name, sizeof known->name, "%s", name);
        known->uid = uid;
        senders->next_known = (senders->next_known + 1) % KNOWN_MAX;
}

static int on_user(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_(question_freep) Question *question = userdata;
        Senders *senders = question->senders;
        uint32_t uid;

        /* It is gone, then nobody waits for an answer; or the bus does not tell, then it gets none. */
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "u", &uid) < 0)
                return 0;

        remember(senders, sd_bus_message_get_sender(question->message), uid);
        senders->handler(question->message, uid, senders->owner);
        return 0;
}

int senders_ask(Senders *senders, sd_bus_message *message)
{
        _cleanup_(question_freep) Question *question = NULL;
        const char *name = sd_bus_message_get_sender(message);
        const Known *known = name ? find_known(senders, name) : NULL;

        if (!name)
                return -EBADMSG;
        if (known && !senders->questions) { /* it must not overtake one that waits */
                senders->handler(message, known->uid, senders->owner);
                return 0;
        }
        if (senders->n_questions >= SENDER_QUESTIONS_MAX)
                return DEVBOX_ERROR_BUSY;

        question = calloc(1, sizeof *question);
        if (!question)
                return -ENOMEM;
        *question = (Question){ .senders = senders,
                                .next = senders->questions,
                                .message = sd_bus_message_ref(message) };
        senders->questions = question;
        senders->n_questions++;

        int r = sd_bus_call_method_async(senders->bus, &question->slot, "org.freedesktop.DBus",
                                         "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                         "GetConnectionUnixUser", on_user, question, "s", name);
        if (r < 0)
                return r;

        TAKE_PTR(question);
        return 0;
}

int senders_new(sd_bus *bus, SenderHandler handler, void *owner, Senders **ret_senders)
{
        Senders *senders = calloc(1, sizeof *senders);

        if (!senders)
                return -ENOMEM;

        *senders = (Senders){ .bus = sd_bus_ref(bus), .handler = handler, .owner = owner };
        *ret_senders = senders;
        return 0;
}

Senders *senders_free(Senders *senders)
{
        if (!senders)
                return NULL;

        while (senders->questions)
                question_free(senders->questions);
        sd_bus_unref(senders->bus);
        free(senders);
        return NULL;
}
