// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/events_api.h"

#include "base/time.h"
#include "cri/service/entitlement.h"

namespace davit::local {

// One client that watches.
class EventsApi::Stream final : public cri::NewsStream<api::WatchEventsRequest, api::Event> {
 public:
  Stream(EventsApi& api, cri::CompletionThread& thread) : NewsStream(thread), api_(api), thread_(thread) {
    Accept(api_, &EventsApi::RequestWatch);
  }

 private:
  void ListenAgain() override { new Stream(api_, thread_); }

  Result<> Begin() override {
    TRY(Enter(api_.edge_.admission, cri::CallClass::kWait));
    TRY(cri::RequireEntitled(context()));
    if (request().since() < 0 || request().until() < 0)
      return Fail(Code::kInvalidArgument, "watch events", "since or until", "is negative");
    watch_ = api_.events_.Begin(request().since(), [this] { Wake(); }, [this] { Cancel(); });
    if (request().until() > 0) EndAt(request().until());
    return {};
  }

  Result<Turn> Next(api::Event& message) override {
    cri::Feed<api::Event>::Event event = TRY(watch_->Next());
    if (event == nullptr) return Turn::kNothing;
    if (request().until() > 0 && event->happened_at() > request().until()) return Turn::kEnd;
    message = *event;
    return Turn::kMessage;
  }

  void End(const grpc::Status& status) override {
    watch_.reset();
    cri::LogRpc(api_.edge_.log, "Events.Watch", "", began_ns(), status, cri::Spans());
  }

  EventsApi& api_;
  cri::CompletionThread& thread_;
  std::unique_ptr<EventLog::Watch> watch_;
};

void EventsApi::AcceptAsync(cri::CompletionThread& thread) {
  new Stream(*this, thread);
}

}  // namespace davit::local
