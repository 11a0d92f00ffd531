// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Containers.Wait: one client that waits for the end of a container, which needs no thread.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/support/async_stream.h>

#include <atomic>
#include <memory>

#include "api/davit/v1/containers.grpc.pb.h"
#include "cri/service/admission.h"
#include "cri/service/completion_thread.h"
#include "cri/service/rpc.h"
#include "local/local_containers.h"

namespace davit::local {

using AsyncContainersApi =
    api::Containers::WithAsyncMethod_Wait<api::Containers::WithAsyncMethod_List<api::Containers::Service>>;

// Shared by all streams; must outlive the completion thread.
struct WaitStreamSetting {
  AsyncContainersApi& service;
  cri::CompletionThread& thread;
  const cri::Edge& edge;
  LocalContainers& containers;
};

// Methods run on the completion thread, except Wake. The object deletes itself when its last operation has
// ended. At most one write is in progress.
class WaitStream {
 public:
  // Waits for the next client; each stream then listens for the one after it.
  static void Listen(WaitStreamSetting& setting) { new WaitStream(setting); }

 private:
  explicit WaitStream(WaitStreamSetting& setting);

  void OnCalled(bool ok);
  void OnWritten(bool ok);
  void OnEnd(bool ok);
  void OnGone(bool ok);
  void OnFinished(bool ok);

  Result<> Begin();
  // Called once, on any thread.
  void Wake(int32_t exit_code);
  void Advance();
  void Finish(const grpc::Status& status);
  void MaybeDelete();

  WaitStreamSetting& setting_;
  cri::CompletionThread::Call call_;
  grpc::ServerContext context_;
  api::WaitContainerRequest request_;
  grpc::ServerAsyncWriter<api::WaitContainerResponse> writer_;
  cri::MethodCompletion<WaitStream> called_;
  cri::MethodCompletion<WaitStream> written_;
  cri::MethodCompletion<WaitStream> end_;
  cri::MethodCompletion<WaitStream> gone_;
  cri::MethodCompletion<WaitStream> finished_;
  cri::Admission::Place admitted_;
  int64_t began_ns_ = 0;
  std::unique_ptr<EndWaits::Place> place_;
  grpc::Alarm alarm_;
  std::atomic<bool> alarm_set_ = false;  // since Wake; OnEnd follows
  int32_t exit_code_ = 0;                // set before the alarm
  bool ended_ = false;                   // OnEnd was called
  bool told_ = false;                    // the last message was written
  bool writing_ = false;
  bool failed_ = false;  // a write has failed: the client is gone
  bool done_ = false;    // gone_ was reported; after it gRPC reports only operations that were begun
  bool finishing_ = false;
  bool finish_reported_ = false;
};

}  // namespace davit::local
