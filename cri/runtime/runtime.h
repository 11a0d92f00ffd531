// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Creates and connects the objects that implement the CRI verbs. This is the only place that knows all of
// them.
//
//   Sandboxes   pod sandboxes: run, stop, remove, status, list, update
//   Containers  containers: create, start, stop, remove, status, list, update, reopen the log
//   Processes   containers: the first process and all of them, for the local containers
//   Execs       ExecSync, and the streams of Exec, Attach and PortForward
//   Sessions    commands and containers with the streams of a client at this node, for Davit's own API
//   Statistics  statistics and metrics
//   NodeStatus  Status, RuntimeConfig and UpdateRuntimeConfig
//   NetworkReport  the node's network, for Davit's own API
//   Announcer   events
//   ShimWatch   applies the reports of shims to the state of pods
//   Recovery    recovery at the daemon's start
//
// Every verb is thread-safe, with any number of concurrent calls. No lock of a pod is held during an
// operation, except one per container while its cgroup changes: phases change atomically in the records
// (cri/pods/phases.h), and a call that finds the wrong phase fails, or waits for the right one until its
// deadline. So Status, List and Stop respond even if other operations hang.
#pragma once

#include "base/worker_pool.h"
#include "cri/runtime/execs.h"
#include "cri/runtime/host.h"
#include "cri/runtime/network_report.h"
#include "cri/runtime/node_status.h"
#include "cri/runtime/processes.h"
#include "cri/runtime/recovery.h"
#include "cri/runtime/sessions.h"
#include "cri/runtime/statistics.h"

namespace davit::cri {

class Runtime {
 public:
  explicit Runtime(Host host);
  // Leaves all pods running.
  ~Runtime();

  // Called once, before serving; see Recovery::Run.
  Result<> Recover(std::chrono::milliseconds patience, const std::set<std::string>& kept_layers = {}) {
    return recovery_.Run(patience, kept_layers);
  }

  Sandboxes& sandboxes() { return sandboxes_; }
  Containers& containers() { return containers_; }
  const Processes& processes() const { return processes_; }
  Execs& execs() { return execs_; }
  Sessions& sessions() { return sessions_; }
  Statistics& statistics() { return statistics_; }
  NodeStatus& node() { return node_; }
  const NetworkReport& network_report() const { return network_report_; }
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
  Processes processes_;
  Execs execs_;
  Sessions sessions_;
  Statistics statistics_;
  NodeStatus node_;
  NetworkReport network_report_;
  Recovery recovery_;
  // Last, so that they end first: their work uses all of the above.
  WorkerPool cleaners_;  // removal of what ended pods and containers leave behind
  WorkerPool helpers_;   // steps in parallel to a caller
  WorkerPool streams_;   // starting streams
  ElasticPool killers_;  // finishing commands that took longer than 100 ms
};

}  // namespace davit::cri
