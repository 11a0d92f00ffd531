// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Containers.Wait: one client that waits for the end of a container.
#pragma once

#include <atomic>
#include <memory>

#include "api/davit/v1/containers.grpc.pb.h"
#include "cri/service/news_stream.h"
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

class WaitStream final : public cri::NewsStream<api::WaitContainerRequest, api::WaitContainerResponse> {
 public:
  // Waits for the next client; each stream then listens for the one after it.
  static void Listen(WaitStreamSetting& setting) { new WaitStream(setting); }

 private:
  explicit WaitStream(WaitStreamSetting& setting);

  void ListenAgain() override { Listen(setting_); }
  Result<> Begin() override;
  Result<Turn> Next(api::WaitContainerResponse& message) override;
  void End(const grpc::Status& status) override;

  // Called once, on any thread, perhaps before BeginWait returns.
  void OnEnd(int32_t exit_code);

  WaitStreamSetting& setting_;
  std::unique_ptr<EndWaits::Place> place_;
  int32_t exit_code_ = 0;            // set before ended_
  std::atomic<bool> ended_ = false;  // OnEnd was called
  bool begun_told_ = false;          // the first message was written, or is not needed
  bool end_told_ = false;            // the last message was written
};

}  // namespace davit::local
