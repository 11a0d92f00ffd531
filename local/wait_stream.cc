// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/wait_stream.h"

#include "cri/service/entitlement.h"
#include "local/request_checks.h"

namespace davit::local {
WaitStream::WaitStream(WaitStreamSetting& setting)
    : setting_(setting),
      call_(setting.thread),
      writer_(&context_),
      called_(*this, &WaitStream::OnCalled),
      written_(*this, &WaitStream::OnWritten),
      end_(*this, &WaitStream::OnEnd),
      gone_(*this, &WaitStream::OnGone),
      finished_(*this, &WaitStream::OnFinished) {
  grpc::ServerCompletionQueue* queue = &setting_.thread.queue();
  context_.AsyncNotifyWhenDone(&gone_);
  setting_.service.RequestWait(&context_, &request_, &writer_, queue, queue, &called_);
}

void WaitStream::OnCalled(bool ok) {
  if (!ok) {  // the server is shut down
    delete this;
    return;
  }
  began_ns_ = UnixNanoseconds();
  Listen(setting_);
  Result<> begun = Guarded("serve", "Containers.Wait", [this] { return Begin(); });
  if (!begun) return Finish(cri::ToGrpcStatus(begun.error()));
  Advance();
}

Result<> WaitStream::Begin() {
  admitted_ = TRY(setting_.edge.admission.Enter(cri::CallClass::kWait));
  TRY(cri::RequireEntitled(context_));
  TRY(RequireContainer(request_.container()));
  place_ = TRY(setting_.containers.BeginWait(request_.container(), request_.condition(),
                                             [this](int32_t exit_code) { Wake(exit_code); }));
  if (place_ == nullptr) return {};
  writing_ = true;
  writer_.Write(api::WaitContainerResponse(), &written_);
  return {};
}

// In the past: the completion thread hears of it at once.
void WaitStream::Wake(int32_t exit_code) {
  exit_code_ = exit_code;
  alarm_set_ = true;
  alarm_.Set(&setting_.thread.queue(), gpr_inf_past(GPR_CLOCK_MONOTONIC), &end_);
}

void WaitStream::OnWritten(bool ok) {
  writing_ = false;
  failed_ = failed_ || !ok;
  Advance();
}

void WaitStream::OnEnd(bool) {
  alarm_set_ = false;
  ended_ = true;
  Advance();
}

void WaitStream::OnGone(bool) {
  done_ = true;
  Advance();
}

void WaitStream::OnFinished(bool) {
  finish_reported_ = true;
  Advance();
}

void WaitStream::Advance() {
  if (finishing_) return MaybeDelete();
  if (writing_) return;
  if (done_ || failed_) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client went away"));
  if (told_) return Finish(grpc::Status::OK);
  if (!ended_) return;
  api::WaitContainerResponse answer;
  answer.set_ended(true);
  answer.set_exit_code(exit_code_);
  told_ = writing_ = true;
  writer_.Write(answer, &written_);
}

// No Wake follows the end of the place.
void WaitStream::Finish(const grpc::Status& status) {
  finishing_ = true;
  place_.reset();
  cri::LogRpc(setting_.edge.log, "Containers.Wait", request_.container(), began_ns_, status, cri::Spans());
  admitted_ = cri::Admission::Place();
  writer_.Finish(status, &finished_);
}

void WaitStream::MaybeDelete() {
  if (finish_reported_ && done_ && !alarm_set_) delete this;
}

}  // namespace davit::local
