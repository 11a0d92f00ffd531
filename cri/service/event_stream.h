// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// GetContainerEvents: one watcher of events, which needs no thread.
#pragma once

#include <grpcpp/alarm.h>

#include <atomic>
#include <functional>
#include <memory>

#include "cri/pods/event_feed.h"
#include "cri/service/admission.h"
#include "cri/service/async_service.h"
#include "cri/service/completion_thread.h"

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

// Methods run on the completion thread, except Wake. The object deletes itself when its last operation has
// ended. At most one write is in progress; during a write the feed queues further events, up to its limit.
class EventStream {
 public:
  // Waits for the next client; each stream then listens for the one after it.
  static void Listen(EventStreamSetting& setting) { new EventStream(setting); }

 private:
  explicit EventStream(EventStreamSetting& setting);

  void OnCalled(bool ok);
  void OnWritten(bool ok);
  void OnNews(bool ok);
  void OnGone(bool ok);
  void OnFinished(bool ok);

  void Begin();
  // Called on any thread.
  void Wake();
  void Advance();
  void Finish(const grpc::Status& status);
  void MaybeDelete();

  EventStreamSetting& setting_;
  CompletionThread::Call call_;
  grpc::ServerContext context_;
  v1::GetEventsRequest request_;
  grpc::ServerAsyncWriter<v1::ContainerEventResponse> writer_;
  MethodCompletion<EventStream> called_;
  MethodCompletion<EventStream> written_;
  MethodCompletion<EventStream> news_;
  MethodCompletion<EventStream> gone_;
  MethodCompletion<EventStream> finished_;
  Admission::Place place_;
  grpc::Alarm alarm_;
  bool writing_ = false;
  std::atomic<bool> alarm_set_ = false;
  bool client_gone_ = false;  // gone_ was reported; after it gRPC reports only operations that were begun
  bool finishing_ = false;
  bool finish_reported_ = false;
  std::unique_ptr<EventFeed::Watcher> watcher_;
};

}  // namespace davit::cri
