// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the daemon lends to the runtime.
#pragma once

#include <functional>

#include "base/clock.h"
#include "base/log.h"
#include "base/reactor.h"
#include "cri/config/config.h"
#include "cri/host/apparmor/apparmor.h"
#include "cri/host/cdi/registry.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/host/seccomp/compiler.h"
#include "cri/host/selinux/selinux.h"
#include "cri/network/pod_network.h"
#include "cri/records/pod_store.h"
#include "cri/shims/shims.h"
#include "cri/spec/host_facts.h"
#include "images/image_lookup.h"
#include "snapshotter/snapshots.h"

namespace davit::cri {

// The parts of the daemon that the verbs use. They must outlive the Runtime.
struct Host {
  const Config& config;
  const Logger& log;
  const Clock& clock;
  PodStore& records;
  std::function<Result<>()> records_health;
  snapshotter::Snapshots& snapshots;
  images::ImageLookup& images;
  const Cgroups& cgroups;
  PodNetwork& network;
  Shims& shims;
  Reactor& outputs;  // collects the output of ExecSync commands
  SeccompCompiler& seccomp;
  AppArmor& apparmor;
  const SeLinux& selinux;
  HostFacts facts;
  cdi::Registry cdi;
};

}  // namespace davit::cri
