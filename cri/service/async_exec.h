// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// ExecSync without a thread that waits for the command.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "base/elastic_pool.h"
#include "base/log.h"
#include "cri/runtime/call.h"
#include "cri/service/admission.h"
#include "cri/service/async_service.h"
#include "cri/service/completion_thread.h"

namespace davit::cri {

// Shared by all calls; must outlive the completion thread.
struct AsyncExecSetting {
  using Done = std::function<void(Result<v1::ExecSyncResponse>)>;

  AsyncRuntimeService& service;
  CompletionThread& thread;
  Admission& admission;
  ElasticPool& starters;
  const Logger& log;
  // Begins a command; called on a thread of `starters`. Calls `done` exactly once, on any thread, also if the
  // command cannot be started. A stop of `gone` is requested when the client disconnects or the server stops.
  std::function<void(const v1::ExecSyncRequest&, Call&, std::stop_token gone, Done done)> begin;
};

// One call. Methods run on the completion thread, except Begin and Answer. The object deletes itself when its
// last operation has ended.
class AsyncExec {
 public:
  // Waits for the next call; each call then listens for the one after it.
  static void Listen(AsyncExecSetting& setting) { new AsyncExec(setting); }

 private:
  explicit AsyncExec(AsyncExecSetting& setting);

  void OnCalled(bool ok);
  void OnGone(bool ok);
  void OnFinished(bool ok);

  void Enter();
  void Begin();
  void Answer(Result<v1::ExecSyncResponse> result);
  void MaybeDelete();

  AsyncExecSetting& setting_;
  CompletionThread::Call open_;
  grpc::ServerContext context_;
  v1::ExecSyncRequest request_;
  grpc::ServerAsyncResponseWriter<v1::ExecSyncResponse> writer_;
  MethodCompletion<AsyncExec> called_;
  MethodCompletion<AsyncExec> gone_;
  MethodCompletion<AsyncExec> finished_;
  Admission::Place place_;
  Call call_;
  int64_t began_ns_ = 0;
  std::stop_source client_;
  bool client_gone_ = false;
  bool finish_reported_ = false;
};

}  // namespace davit::cri
