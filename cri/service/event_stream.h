// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// GetContainerEvents: one watcher of events, which costs no thread.
#pragma once

#include <grpcpp/alarm.h>

#include <atomic>
#include <functional>
#include <memory>

#include "cri/pods/event_feed.h"
#include "cri/service/admission.h"
#include "cri/service/async_service.h"
#include "cri/service/completion_thread.h"

namespace davit {

// What all streams share; it outlives the completion thread.
struct EventStreamSetting {
  AsyncRuntimeService& service;
  CompletionThread& thread;
  Admission& admission;
  std::function<std::unique_ptr<EventFeed::Watcher>(std::function<void()> on_news,
                                                    std::function<void()> cut_off)>
      watch;
};

// On the completion thread, which owns it: it is deleted when its last operation has ended. At most one write
// is in progress; the feed keeps the events that come meanwhile, within its bounds.
class EventStream {
 public:
  // Waits for the next client, and for the one after that.
  static void Listen(EventStreamSetting& setting) { new EventStream(setting); }

 private:
  explicit EventStream(EventStreamSetting& setting);

  void OnCalled(bool ok);
  void OnWritten(bool ok);
  void OnNews(bool ok);
  void OnGone(bool ok);
  void OnFinished(bool ok);

  void Begin();
  // From any thread.
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
  bool client_gone_ = false;  // and gone_ has been reported, the last thing that gRPC says on its own
  bool finishing_ = false;
  bool finish_reported_ = false;
  std::unique_ptr<EventFeed::Watcher> watcher_;
};

}  // namespace davit
