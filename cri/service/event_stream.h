// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// GetContainerEvents: one watcher of events.
#pragma once

#include <functional>
#include <memory>

#include "cri/pods/event_feed.h"
#include "cri/service/async_service.h"
#include "cri/service/news_stream.h"

namespace davit::cri {

// Shared by all streams; must outlive the completion thread.
struct EventStreamSetting {
  AsyncRuntimeService& service;
  CompletionThread& thread;
  Admission& admission;
  std::function<std::unique_ptr<EventFeed::Watcher>(std::function<void()> on_news,
                                                    std::function<void()> cut_off)>
      watch;
};

// During a write the feed queues further events, up to its limit.
class EventStream final : public NewsStream<v1::GetEventsRequest, v1::ContainerEventResponse> {
 public:
  // Waits for the next client; each stream then listens for the one after it.
  static void Listen(EventStreamSetting& setting) { new EventStream(setting); }

 private:
  explicit EventStream(EventStreamSetting& setting);

  void ListenAgain() override { Listen(setting_); }
  Result<> Begin() override;
  Result<Turn> Next(v1::ContainerEventResponse& message) override;
  void End(const grpc::Status& status) override;

  EventStreamSetting& setting_;
  std::unique_ptr<EventFeed::Watcher> watcher_;
};

}  // namespace davit::cri
