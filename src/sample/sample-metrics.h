/* SPDX-License-Identifier: MIT */
#pragma once

/* A system sample as metrics. */

#include "codec/prometheus.h"
#include "sample/sample.h"

/* Adds the families of the machine: devbox_boot_time_seconds and those that follow it. */
void system_sample_add_metrics(Prometheus *prometheus, const SystemSample *sample);
