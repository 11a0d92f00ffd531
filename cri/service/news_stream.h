// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Methods that stream messages to a client as they come up, which needs no thread.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/support/async_stream.h>

#include <atomic>

#include "base/guarded.h"
#include "base/time.h"
#include "cri/service/admission.h"
#include "cri/service/completion_thread.h"
#include "cri/service/rpc.h"

namespace davit::cri {

// One call. A derived class says what is streamed. All methods run on the completion thread, except Wake and
// Cancel. The object deletes itself when its last operation has ended. At most one write is in progress:
// while the client does not read, Next is not called.
template <typename Request, typename Message>
class NewsStream {
 public:
  NewsStream(const NewsStream&) = delete;
  NewsStream& operator=(const NewsStream&) = delete;

 protected:
  explicit NewsStream(CompletionThread& thread)
      : thread_(thread),
        open_(thread),
        writer_(&context_),
        called_(*this, &NewsStream::OnCalled),
        written_(*this, &NewsStream::OnWritten),
        news_(*this, &NewsStream::OnNews),
        time_(*this, &NewsStream::OnTime),
        gone_(*this, &NewsStream::OnGone),
        finished_(*this, &NewsStream::OnFinished) {
    context_.AsyncNotifyWhenDone(&gone_);
  }
  virtual ~NewsStream() = default;

  // Waits for the next call of a method, Request<name> of the generated asynchronous service. The last
  // statement of the derived class's constructor.
  template <typename Service, typename Accepting>
  void Accept(Service& service,
              void (Accepting::*accept)(grpc::ServerContext*, Request*, grpc::ServerAsyncWriter<Message>*,
                                        grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*)) {
    grpc::ServerCompletionQueue* queue = &thread_.queue();
    (service.*accept)(&context_, &request_, &writer_, queue, queue, &called_);
  }

  // Makes another object, for the call after this one.
  virtual void ListenAgain() = 0;
  // The call has come: enters, and begins to watch. Once it has succeeded, the client learns that it is
  // served.
  virtual Result<> Begin() = 0;
  enum class Turn : uint8_t { kNothing, kMessage, kEnd };
  // Sets the next message; kNothing: not yet, and Wake follows; kEnd: there is no more.
  virtual Result<Turn> Next(Message& message) = 0;
  // The call has ended with this status. No Wake may follow the return.
  virtual void End(const grpc::Status& status) = 0;

  // Begin calls it: the call counts among those of the class until its end.
  Result<> Enter(Admission& admission, CallClass call_class) {
    place_ = TRY(admission.Enter(call_class));
    return {};
  }
  // There may be something to do for Next. Called on any thread, once after each Next that returned kNothing.
  void Wake() {
    alarm_set_ = true;
    alarm_.Set(&thread_.queue(), gpr_inf_past(GPR_CLOCK_MONOTONIC), &news_);  // at once
  }
  // Begin calls it: the stream ends with success at this time, nanoseconds since 1970.
  void EndAt(int64_t unix_nanoseconds) {
    timer_set_ = true;
    timer_.Set(&thread_.queue(), gpr_time_from_nanos(unix_nanoseconds, GPR_CLOCK_REALTIME), &time_);
  }
  // Ends the call, also during a write that is stuck.
  void Cancel() { context_.TryCancel(); }

  const grpc::ServerContext& context() const { return context_; }
  const Request& request() const { return request_; }
  int64_t began_ns() const { return began_ns_; }

 private:
  void OnCalled(bool ok) {
    if (!ok) {  // the server is shut down
      delete this;
      return;
    }
    began_ns_ = UnixNanoseconds();
    ListenAgain();
    Result<> begun = Guarded("serve", "stream", [this] { return Begin(); });
    if (!begun) return Finish(ToGrpcStatus(begun.error()));
    writing_ = true;
    writer_.SendInitialMetadata(&written_);
  }

  void OnWritten(bool ok) {
    writing_ = false;
    failed_ = failed_ || !ok;
    Advance();
  }

  void OnNews(bool) {
    alarm_set_ = false;
    Advance();
  }

  void OnTime(bool) {
    timer_set_ = false;
    over_ = true;
    Advance();
  }

  void OnGone(bool) {
    client_gone_ = true;
    Advance();
  }

  void OnFinished(bool) {
    finish_reported_ = true;
    Advance();
  }

  void Advance() {
    if (finishing_) return MaybeDelete();
    if (writing_) return;
    if (client_gone_ || failed_)
      return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client went away or read too slowly"));
    Message message;
    Result<Turn> turn = Guarded("serve", "stream", [&] { return Next(message); });
    if (!turn) return Finish(ToGrpcStatus(turn.error()));
    if (*turn == Turn::kEnd || (*turn == Turn::kNothing && over_)) return Finish(grpc::Status::OK);
    if (*turn == Turn::kNothing) return;
    writing_ = true;
    writer_.Write(message, &written_);
  }

  void Finish(const grpc::Status& status) {
    finishing_ = true;
    if (timer_set_) timer_.Cancel();
    End(status);
    place_ = Admission::Place();
    writer_.Finish(status, &finished_);
  }

  void MaybeDelete() {
    if (finish_reported_ && client_gone_ && !alarm_set_ && !timer_set_) delete this;
  }

  CompletionThread& thread_;
  CompletionThread::Call open_;
  grpc::ServerContext context_;
  Request request_;
  grpc::ServerAsyncWriter<Message> writer_;
  MethodCompletion<NewsStream> called_;
  MethodCompletion<NewsStream> written_;
  MethodCompletion<NewsStream> news_;
  MethodCompletion<NewsStream> time_;
  MethodCompletion<NewsStream> gone_;
  MethodCompletion<NewsStream> finished_;
  Admission::Place place_;
  int64_t began_ns_ = 0;
  grpc::Alarm alarm_;
  std::atomic<bool> alarm_set_ = false;  // OnNews follows
  grpc::Alarm timer_;
  bool timer_set_ = false;  // OnTime follows
  bool over_ = false;
  bool writing_ = false;
  bool failed_ = false;       // a write has failed: the client is gone
  bool client_gone_ = false;  // gone_ was reported; after it gRPC reports only operations that were begun
  bool finishing_ = false;
  bool finish_reported_ = false;
};

}  // namespace davit::cri
