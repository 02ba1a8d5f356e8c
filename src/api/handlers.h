/* SPDX-License-Identifier: MIT */
#pragma once

/* What routes.c calls, by the file that has it. */

#include "http/request.h"

/* actions.c */
void api_handle_restart(HttpRequest *request, void *owner);
void api_handle_run_tests(HttpRequest *request, void *owner);
void api_handle_run(HttpRequest *request, void *owner);

/* audit.c */
void api_handle_audit(HttpRequest *request, void *owner);

/* mesh.c */
void api_handle_mesh(HttpRequest *request, void *owner);
void api_handle_mesh_peers(HttpRequest *request, void *owner);
void api_handle_revoke(HttpRequest *request, void *owner);
void api_handle_enroll(HttpRequest *request, void *owner);

/* requests.c */
void api_handle_requests(HttpRequest *request, void *owner);
void api_handle_approvals(HttpRequest *request, void *owner);
void api_handle_approve(HttpRequest *request, void *owner);
void api_handle_deny(HttpRequest *request, void *owner);
void api_handle_devices(HttpRequest *request, void *owner);
void api_handle_containers(HttpRequest *request, void *owner);
void api_handle_device(HttpRequest *request, void *owner);
