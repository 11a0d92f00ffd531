// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The calls that wait without a thread: GetContainerEvents, ExecSync and the streamed lists.
#pragma once

#include "base/elastic_pool.h"
#include "cri/service/async_exec.h"
#include "cri/service/completion_thread.h"
#include "cri/service/event_stream.h"
#include "cri/service/list_stream.h"

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
        execs_{service, thread_, admission, starters_, log, std::move(begin_exec)},
        lists_{thread_, {log, admission}, list_makers_} {}

  // Begins to accept GetContainerEvents and ExecSync. Call it after the server is built.
  void Start();
  // For the services that have streamed lists.
  ListStreamSetting& lists() { return lists_; }
  // Blocks until every call has ended. Call it after the server's Shutdown, which cancels waiting calls.
  void Stop() { thread_.Stop(); }

 private:
  // Threads that pass commands to shims, and wait for commands that end at once.
  static constexpr size_t kMostStarters = 64;
  static constexpr size_t kMostListMakers = 8;

  ElasticPool starters_{kMostStarters};
  ElasticPool list_makers_{kMostListMakers};
  CompletionThread thread_;
  EventStreamSetting events_;
  AsyncExecSetting execs_;
  ListStreamSetting lists_;
};

}  // namespace davit::cri
