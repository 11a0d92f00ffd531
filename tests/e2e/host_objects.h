// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The objects of an instance on the host, found without asking the instance.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "tests/e2e/instance.h"

namespace davit::e2e {

// The shims of this instance: {sandbox id, pid}. One of them may be a spare without a pod.
std::map<std::string, pid_t> ShimsOf(const Instance& instance);

// Processes of the daemon that keep scopes of systemd in being.
std::vector<pid_t> PlaceholdersOf(const Instance& instance);

// PID 1 of a pod with a shared PID namespace.
pid_t ReaperOf(const Instance& instance, const std::string& pod);

// The host ends of pods' interfaces: links whose master is the instance's bridge.
std::vector<std::string> PodLinksOf(const Instance& instance);

// Cgroups of pods and containers below the instance's own, in all hierarchies.
std::vector<std::string> PodCgroupsOf(const Instance& instance);

// The pids of the processes in a container's PID namespace whose command line contains `text`.
std::vector<pid_t> ProcessesWith(const std::string& text);

}  // namespace davit::e2e
