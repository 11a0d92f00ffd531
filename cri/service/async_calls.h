// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The calls that wait without a thread: GetContainerEvents and ExecSync.
#pragma once

#include "base/elastic_pool.h"
#include "cri/service/async_exec.h"
#include "cri/service/completion_thread.h"
#include "cri/service/event_stream.h"

namespace davit {

class AsyncCalls {
 public:
  using Watch = decltype(EventStreamSetting::watch);
  using BeginExec = decltype(AsyncExecSetting::begin);

  // Before the server is built. What is given outlives the object; the object outlives the server.
  AsyncCalls(grpc::ServerBuilder& builder, AsyncRuntimeService& service, Admission& admission,
             const Logger& log, Watch watch, BeginExec begin_exec)
      : thread_(builder),
        events_{service, thread_, admission, std::move(watch)},
        execs_{service, thread_, admission, starters_, log, std::move(begin_exec)} {}

  // After the server is built: takes calls.
  void Start();
  // After the server's Shutdown, which cancels what still waits: returns when every call has ended.
  void Stop() { thread_.Stop(); }

 private:
  // Threads that hand commands over to shims, and wait for those that end at once.
  static constexpr size_t kMostStarters = 64;

  ElasticPool starters_{kMostStarters};
  CompletionThread thread_;
  EventStreamSetting events_;
  AsyncExecSetting execs_;
};

}  // namespace davit
