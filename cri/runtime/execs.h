// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Commands in containers and streams to pods: ExecSync, Exec, Attach, PortForward.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/elastic_pool.h"
#include "base/log.h"
#include "base/worker_pool.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/pods/pod_table.h"
#include "cri/runtime/call.h"
#include "cri/runtime/confinement.h"
#include "cri/runtime/exec_output.h"
#include "streaming/targets.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

// Thread-safe, see runtime.h.
class Execs final : public streaming::StreamTargets {
 public:
  // All must outlive the object. `workers` start streams and never wait for a shim. `killers` finish commands
  // that took longer than 100 ms: they read the outcome, or kill the command. One that hangs in the kernel
  // occupies a thread for some seconds. `outputs` collects the output of such commands.
  struct Ports {
    PodTable& pods;
    const Cgroups& cgroups;
    Confinement& confinement;
    WorkerPool& workers;
    ElasticPool& killers;
    Reactor& outputs;
    const Logger& log;
  };
  explicit Execs(const Ports& ports) : ports_(ports) {}

  // ExecSync. Calls `done` once, from any thread, with the command's outcome; `call` must live until then.
  // Blocks the calling thread only for a short time. If a stop is requested by `gone`, the command is killed.
  // Of its output, `most_output` bytes are kept.
  using OnSyncExec = std::function<void(Result<v1::ExecSyncResponse>)>;
  void RunSync(const v1::ExecSyncRequest& request, Call& call, std::stop_token gone, OnSyncExec done,
               size_t most_output = ExecOutput::kMost);

  // These validate a request and return the order that is carried out when the client connects to the
  // streaming server.
  Result<streaming::ExecOrder> OrderExec(const v1::ExecRequest& request);
  Result<streaming::AttachOrder> OrderAttach(const v1::AttachRequest& request);
  Result<streaming::ForwardOrder> OrderPortForward(const v1::PortForwardRequest& request);

  // StreamTargets: carry out an order on a thread of `workers`; the callbacks run there or on the reactor's
  // thread.
  void StreamExec(const streaming::ExecOrder& order, OnStreams on_streams, OnExit on_exit) override;
  void StreamAttach(const streaming::AttachOrder& order, OnStreams on_streams) override;
  void CloseContainerInput(const std::string& container_id) override;
  void OpenSockets(const std::string& sandbox_id, OnSockets on_sockets) override;

 private:
  struct SyncExec;  // a command that was handed to a shim
  Result<std::shared_ptr<SyncExec>> BeginSync(const v1::ExecSyncRequest& request, Call& call,
                                              size_t most_output);
  Result<v1::ExecSyncResponse> EndSync(SyncExec& exec, Result<ExecOutput::End> end, Call& call);
  // Runs `end` on a thread of `killers`, or on this one if none can be started.
  void EndElsewhere(std::function<void()> end);
  // These send an order to the shim, whose answer calls the callback. If they return an error, the callback
  // is not called.
  Result<> BeginExec(const streaming::ExecOrder& order, const OnStreams& on_streams, const OnExit& on_exit);
  Result<> BeginAttach(const streaming::AttachOrder& order, const OnStreams& on_streams);
  Result<> BeginForward(const std::string& sandbox_id, const OnSockets& on_sockets);

  const Ports ports_;
};

}  // namespace davit::cri
