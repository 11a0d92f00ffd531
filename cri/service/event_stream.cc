// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/event_stream.h"

#include "cri/service/status_code.h"

namespace davit::cri {

EventStream::EventStream(EventStreamSetting& setting)
    : setting_(setting),
      call_(setting.thread),
      writer_(&context_),
      called_(*this, &EventStream::OnCalled),
      written_(*this, &EventStream::OnWritten),
      news_(*this, &EventStream::OnNews),
      gone_(*this, &EventStream::OnGone),
      finished_(*this, &EventStream::OnFinished) {
  grpc::ServerCompletionQueue* queue = &setting_.thread.queue();
  context_.AsyncNotifyWhenDone(&gone_);
  setting_.service.RequestGetContainerEvents(&context_, &request_, &writer_, queue, queue, &called_);
}

void EventStream::OnCalled(bool ok) {
  if (!ok) {  // the server is shut down
    delete this;
    return;
  }
  Listen(setting_);
  Result<Admission::Place> place = setting_.admission.Enter(CallClass::kWatch);
  if (!place) return Finish(ToGrpcStatus(place.error()));
  place_ = std::move(*place);
  Begin();
}

void EventStream::Begin() {
  watcher_ = setting_.watch([this] { Wake(); }, [this] { context_.TryCancel(); });
  // The client knows now that it watches.
  writing_ = true;
  writer_.SendInitialMetadata(&written_);
}

// In the past: the completion thread hears of it at once.
void EventStream::Wake() {
  alarm_set_ = true;
  alarm_.Set(&setting_.thread.queue(), gpr_inf_past(GPR_CLOCK_MONOTONIC), &news_);
}

void EventStream::OnWritten(bool) {
  writing_ = false;
  Advance();
}

void EventStream::OnNews(bool) {
  alarm_set_ = false;
  Advance();
}

void EventStream::OnGone(bool) {
  client_gone_ = true;
  Advance();
}

void EventStream::OnFinished(bool) {
  finish_reported_ = true;
  Advance();
}

void EventStream::Advance() {
  if (finishing_) return MaybeDelete();
  if (writing_) return;
  if (client_gone_)
    return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client went away or read too slowly"));
  Result<EventFeed::Event> event = watcher_->Next();
  if (!event) return Finish(ToGrpcStatus(event.error()));
  if (*event == nullptr) return;
  writing_ = true;
  writer_.Write(**event, &written_);
}

void EventStream::Finish(const grpc::Status& status) {
  finishing_ = true;
  watcher_.reset();  // no news after this
  writer_.Finish(status, &finished_);
}

void EventStream::MaybeDelete() {
  if (finish_reported_ && client_gone_ && !alarm_set_) delete this;
}

}  // namespace davit::cri
