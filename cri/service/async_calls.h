// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The calls that wait without a thread: GetContainerEvents and ExecSync.
#pragma once

#include "base/elastic_pool.h"
#include "cri/service/async_exec.h"
#include "cri/service/completion_thread.h"
#include "cri/service/event_stream.h"

namespace davit::cri {

class AsyncCalls {
 public:
  using Watch = decltype(EventStreamSetting::watch);
  using BeginExec = decltype(AsyncExecSetting::begin);

  // Construct it before the server is built. The arguments must outlive the object, and the object the
  // server.
  AsyncCalls(grpc::ServerBuilder& builder, AsyncRuntimeService& service, Admission& admission,
             const Logger& log, Watch watch, BeginExec begin_exec)
      : thread_(builder),
        events_{service, thread_, admission, std::move(watch)},
        execs_{service, thread_, admission, starters_, log, std::move(begin_exec)} {}

  // Begins to accept calls. Call it after the server is built.
  void Start();
  // Blocks until every call has ended. Call it after the server's Shutdown, which cancels waiting calls.
  void Stop() { thread_.Stop(); }

 private:
  // Threads that pass commands to shims, and wait for commands that end at once.
  static constexpr size_t kMostStarters = 64;

  ElasticPool starters_{kMostStarters};
  CompletionThread thread_;
  EventStreamSetting events_;
  AsyncExecSetting execs_;
};

}  // namespace davit::cri
