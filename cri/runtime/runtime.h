// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Creates and connects the objects that implement the CRI verbs. This is the only place that knows all of
// them.
//
//   Sandboxes   pod sandboxes: run, stop, remove, status, list, update
//   Containers  containers: create, start, stop, remove, status, list, update, reopen the log
//   Execs       ExecSync, and the streams of Exec, Attach and PortForward
//   Statistics  statistics and metrics
//   NodeStatus  Status and UpdateRuntimeConfig
//   Announcer   events
//   ShimWatch   applies the reports of shims to the state of pods
//   Recovery    recovery at the daemon's start
//
// Every verb is thread-safe, with any number of concurrent calls. No lock of a pod is held during an
// operation: phases change atomically in the records (cri/pods/phases.h), and a call that finds the wrong
// phase fails, or waits for the right one until its deadline. So Status, List and Stop respond even if other
// operations hang.
#pragma once

#include "base/worker_pool.h"
#include "cri/runtime/execs.h"
#include "cri/runtime/node_status.h"
#include "cri/runtime/recovery.h"
#include "cri/runtime/statistics.h"

namespace davit::cri {

// The parts of the daemon that the verbs use. They must outlive the Runtime.
struct Host {
  const Config& config;
  const Logger& log;
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

class Runtime {
 public:
  explicit Runtime(Host host);
  // Leaves all pods running.
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
  ShimWatch watch_;
  Containers containers_;
  Sandboxes sandboxes_;
  Execs execs_;
  Statistics statistics_;
  NodeStatus node_;
  Recovery recovery_;
  // Last, so that they end first: their work uses all of the above.
  WorkerPool cleaners_;  // removal of what ended pods and containers leave behind
  WorkerPool helpers_;   // steps in parallel to a caller
  WorkerPool streams_;   // starting streams
  ElasticPool killers_;  // killing commands that timed out
};

}  // namespace davit::cri
