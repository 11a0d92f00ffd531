// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/async_exec.h"

#include "base/guarded.h"
#include "cri/service/rpc.h"

namespace davit::cri {

AsyncExec::AsyncExec(AsyncExecSetting& setting)
    : setting_(setting),
      open_(setting.thread),
      writer_(&context_),
      called_(*this, &AsyncExec::OnCalled),
      gone_(*this, &AsyncExec::OnGone),
      finished_(*this, &AsyncExec::OnFinished) {
  grpc::ServerCompletionQueue* queue = &setting_.thread.queue();
  context_.AsyncNotifyWhenDone(&gone_);
  setting_.service.RequestExecSync(&context_, &request_, &writer_, queue, queue, &called_);
}

void AsyncExec::OnCalled(bool ok) {
  if (!ok) {  // the server is shut down
    delete this;
    return;
  }
  AsyncExecSetting& setting = setting_;
  Enter();  // before Listen, so that Listen does not delay the command; may delete this object
  Listen(setting);
}

void AsyncExec::Enter() {
  began_ns_ = UnixNanoseconds();
  call_ = Call{DeadlineOf(context_), Spans()};
  Result<> entered = Guarded("serve", "ExecSync", [this]() -> Result<> {
    place_ = TRY(setting_.admission.Enter(CallClass::kExec));
    setting_.starters.Post([this] { Begin(); });
    return {};
  });
  if (!entered) Answer(std::unexpected(std::move(entered).error()));
}

void AsyncExec::Begin() {
  auto answered = std::make_shared<std::atomic<bool>>(false);
  auto answer = [this, answered](Result<v1::ExecSyncResponse> result) {
    if (!answered->exchange(true)) Answer(std::move(result));
  };
  Result<> begun = Guarded("serve", "ExecSync", [&]() -> Result<> {
    setting_.begin(request_, call_, client_.get_token(), answer);
    return {};
  });
  if (!begun) answer(std::unexpected(std::move(begun).error()));
}

void AsyncExec::Answer(Result<v1::ExecSyncResponse> result) {
  grpc::Status status = result ? grpc::Status::OK : ToGrpcStatus(result.error());
  LogRpc(setting_.log, "ExecSync", request_.container_id(), began_ns_, status, call_.spans);
  place_ = Admission::Place();
  // From here on another thread may delete this object.
  if (result)
    writer_.Finish(*result, status, &finished_);
  else
    writer_.FinishWithError(status, &finished_);
}

void AsyncExec::OnGone(bool) {
  client_gone_ = true;
  client_.request_stop();
  MaybeDelete();
}

void AsyncExec::OnFinished(bool) {
  finish_reported_ = true;
  MaybeDelete();
}

void AsyncExec::MaybeDelete() {
  if (finish_reported_ && client_gone_) delete this;
}

}  // namespace davit::cri
