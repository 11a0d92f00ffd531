// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/event_stream.h"

namespace davit::cri {

EventStream::EventStream(EventStreamSetting& setting) : NewsStream(setting.thread), setting_(setting) {
  Accept(setting_.service, &AsyncRuntimeService::RequestGetContainerEvents);
}

Result<> EventStream::Begin() {
  TRY(Enter(setting_.admission, CallClass::kWatch));
  watcher_ = setting_.watch([this] { Wake(); }, [this] { Cancel(); });
  return {};
}

Result<EventStream::Turn> EventStream::Next(v1::ContainerEventResponse& message) {
  EventFeed::Event event = TRY(watcher_->Next());
  if (event == nullptr) return Turn::kNothing;
  message = *event;
  return Turn::kMessage;
}

void EventStream::End(const grpc::Status&) {
  watcher_.reset();
}

}  // namespace davit::cri
