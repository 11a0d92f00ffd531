// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/wait_stream.h"

#include "cri/service/entitlement.h"
#include "local/request_checks.h"

namespace davit::local {

WaitStream::WaitStream(WaitStreamSetting& setting) : NewsStream(setting.thread), setting_(setting) {
  Accept(setting_.service, &AsyncContainersApi::RequestWait);
}

Result<> WaitStream::Begin() {
  TRY(Enter(setting_.edge.admission, cri::CallClass::kWait));
  TRY(cri::RequireEntitled(context()));
  TRY(RequireContainer(request().container()));
  place_ = TRY(setting_.containers.BeginWait(request().container(), request().condition(),
                                             [this](int32_t exit_code) { OnEnd(exit_code); }));
  begun_told_ = place_ == nullptr;
  return {};
}

void WaitStream::OnEnd(int32_t exit_code) {
  exit_code_ = exit_code;
  ended_ = true;
  Wake();
}

Result<WaitStream::Turn> WaitStream::Next(api::WaitContainerResponse& message) {
  if (end_told_) return Turn::kEnd;
  if (!begun_told_) {
    begun_told_ = true;
    return Turn::kMessage;
  }
  if (!ended_) return Turn::kNothing;
  message.set_ended(true);
  message.set_exit_code(exit_code_);
  end_told_ = true;
  return Turn::kMessage;
}

// No OnEnd follows the end of the place.
void WaitStream::End(const grpc::Status& status) {
  place_.reset();
  cri::LogRpc(setting_.edge.log, "Containers.Wait", request().container(), began_ns(), status, cri::Spans());
}

}  // namespace davit::local
