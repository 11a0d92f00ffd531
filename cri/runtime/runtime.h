// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The CRI verbs, wired together. This is the only place that knows all of them.
//
//   Sandboxes   pod sandboxes: run, stop, remove, status, list, update
//   Containers  containers: create, start, stop, remove, status, list, update, reopen the log
//   Execs       ExecSync, and the streams of Exec, Attach and PortForward
//   Statistics  statistics and metrics
//   NodeStatus  Status and UpdateRuntimeConfig
//   Announcer   events
//   ShimWatch   what shims report becomes the state of pods
//   Recovery    a daemon's start
//
// Every verb is thread-safe: any number of calls at a time. No pod has a lock that is held across an
// operation: phases change atomically in the records (cri/pods/phases.h), and a call that finds the wrong
// phase fails, or waits for the right one until its deadline. So Status, List and Stop answer whatever else
// hangs.
#pragma once

#include "base/worker_pool.h"
#include "cri/runtime/execs.h"
#include "cri/runtime/node_status.h"
#include "cri/runtime/recovery.h"
#include "cri/runtime/statistics.h"

namespace davit {

// What the verbs work with. It outlives the Runtime.
struct Host {
  const Config& config;
  const Logger& log;
  PodStore& records;
  std::function<Result<>()> records_health;
  Snapshots& snapshots;
  ImageLookup& images;
  const Cgroups& cgroups;
  PodNetwork& network;
  Shims& shims;
  Reactor& outputs;  // of commands that ExecSync waits for
  SeccompCompiler& seccomp;
  AppArmor& apparmor;
  const SeLinux& selinux;
  HostFacts facts;
  cdi::Registry cdi;
};

class Runtime {
 public:
  explicit Runtime(Host host);
  // Leaves every pod running.
  ~Runtime();

  // Called once, before serving.
  Result<> Recover() { return recovery_.Run(); }

  Sandboxes& sandboxes() { return sandboxes_; }
  Containers& containers() { return containers_; }
  Execs& execs() { return execs_; }
  Statistics& statistics() { return statistics_; }
  NodeStatus& node() { return node_; }
  Announcer& announcer() { return announcer_; }

 private:
  const Host host_;
  PodTable pods_;
  PodDirectories files_;
  Confinement confinement_;
  Announcer announcer_;
  ContainerCleanup cleanup_;
  DeletionLog deletions_;
  ContainerPlanner planner_;
  WorkerPool cleaners_;  // what ended pods and containers leave
  WorkerPool helpers_;   // steps beside a caller's
  WorkerPool streams_;   // starting streams
  ShimWatch watch_;
  Containers containers_;
  Sandboxes sandboxes_;
  Execs execs_;
  Statistics statistics_;
  NodeStatus node_;
  Recovery recovery_;
};

}  // namespace davit
