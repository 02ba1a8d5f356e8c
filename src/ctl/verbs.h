/* SPDX-License-Identifier: MIT */
#pragma once

/* The verbs of devboxctl, each in the file of its name. A new one gets a line here and a row in main.c. */

#include "ctl/verb.h"

extern const Verb verb_status;
extern const Verb verb_system;
extern const Verb verb_services;
extern const Verb verb_health;
extern const Verb verb_config_check;
extern const Verb verb_selftest;

extern const Verb verb_hub_init;
extern const Verb verb_invite;
extern const Verb verb_pending;
extern const Verb verb_admit;
extern const Verb verb_enroll;
extern const Verb verb_leave;
extern const Verb verb_peers;
extern const Verb verb_peer_show;
extern const Verb verb_peer_set;
extern const Verb verb_revoke;
extern const Verb verb_drift;
extern const Verb verb_doctor;

extern const Verb verb_operator_init;
extern const Verb verb_operator_keygen;
extern const Verb verb_operator_sign;
extern const Verb verb_operator_show;
extern const Verb verb_operator_export_pub;
extern const Verb verb_operator_rotate;

extern const Verb verb_manifest_sign;
extern const Verb verb_manifest_verify;
extern const Verb verb_manifest_show;
extern const Verb verb_manifest_diff;
extern const Verb verb_manifest_lint;
extern const Verb verb_manifest_ceiling;
extern const Verb verb_manifest_publish;

extern const Verb verb_person_add;
extern const Verb verb_person_list;
extern const Verb verb_person_remove;

extern const Verb verb_audit_verify;
extern const Verb verb_audit_show;
extern const Verb verb_audit_tail;
extern const Verb verb_audit_export;

extern const Verb verb_device_status;
extern const Verb verb_device_key;
extern const Verb verb_device_enroll;
extern const Verb verb_device_install;
extern const Verb verb_device_reload;
extern const Verb verb_device_accept_clock;
extern const Verb verb_device_grant;
extern const Verb verb_device_reset;

extern const Verb verb_fleet;
extern const Verb verb_capabilities;
extern const Verb verb_run;
extern const Verb verb_containers;
extern const Verb verb_requests;
extern const Verb verb_request_show;
extern const Verb verb_request_cancel;
extern const Verb verb_approvals;
extern const Verb verb_approve;
extern const Verb verb_deny;
extern const Verb verb_replay_test;

extern const Verb verb_matrix_login;
extern const Verb verb_matrix_status;
extern const Verb verb_matrix_rooms;
extern const Verb verb_matrix_identity;
extern const Verb verb_matrix_verify;
extern const Verb verb_matrix_logout;

extern const Verb verb_help;
extern const Verb verb_complete;
