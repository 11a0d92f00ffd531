// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Methods that send a list as a stream (StreamPodSandboxes of the CRI and its siblings). A call needs a
// thread only while its list is made: a client that reads slowly, or not at all, costs memory and a place.
#pragma once

#include <grpcpp/support/async_stream.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/elastic_pool.h"
#include "base/guarded.h"
#include "base/time.h"
#include "cri/service/completion_thread.h"
#include "cri/service/rpc.h"

namespace davit::cri {

// Moves the items into messages that stay below the clients' receive limit of 16 MiB. `add` adds an empty
// item to a message and returns a pointer to it. No items: no message.
template <typename Message, typename Item>
std::vector<Message> PackItems(std::vector<Item> items, Item* (Message::*add)()) {
  // A message with at least this size is full. The last item can exceed it by the size of its labels and
  // annotations, which Kubernetes limits to much less than the remaining room; a local container has at most
  // some 2 MiB (local/spec_check.h).
  constexpr size_t kEnoughBytes = 1 << 20;
  std::vector<Message> messages;
  size_t bytes = kEnoughBytes;
  for (Item& item : items) {
    if (bytes >= kEnoughBytes) {
      messages.emplace_back();
      bytes = 0;
    }
    bytes += item.ByteSizeLong();
    *(messages.back().*add)() = std::move(item);
  }
  return messages;
}

// Shared by all methods; must outlive the completion thread.
struct ListStreamSetting {
  CompletionThread& thread;
  Edge edge;
  ElasticPool& makers;  // make the lists; a list of statistics may wait for a measurement
};

template <typename Request, typename Message>
struct ListMethod {
  const char* name;
  // Asks gRPC for the next call of the method: Request<name> of the generated asynchronous service.
  std::function<void(grpc::ServerContext*, Request*, grpc::ServerAsyncWriter<Message>*, void* tag)> accept;
  std::function<Result<std::vector<Message>>(const grpc::ServerContext&, const Request&)> list;
};

// One call. Methods run on the completion thread, except Make. The object deletes itself when its last
// operation has ended. At most one write is in progress.
template <typename Request, typename Message>
class ListStream {
 public:
  using Method = std::shared_ptr<const ListMethod<Request, Message>>;

  // Waits for the next call; each call then listens for the one after it.
  static void Listen(ListStreamSetting& setting, Method method) {
    new ListStream(setting, std::move(method));
  }

 private:
  ListStream(ListStreamSetting& setting, Method method)
      : setting_(setting),
        method_(std::move(method)),
        open_(setting.thread),
        writer_(&context_),
        called_(*this, &ListStream::OnCalled),
        written_(*this, &ListStream::OnWritten),
        gone_(*this, &ListStream::OnGone),
        finished_(*this, &ListStream::OnFinished) {
    context_.AsyncNotifyWhenDone(&gone_);
    method_->accept(&context_, &request_, &writer_, &called_);
  }

  void OnCalled(bool ok) {
    if (!ok) {  // the server is shut down
      delete this;
      return;
    }
    began_ns_ = UnixNanoseconds();
    Listen(setting_, method_);
    Result<> entered = Guarded("serve", method_->name, [this]() -> Result<> {
      place_ = TRY(setting_.edge.admission.Enter(CallClass::kStream));
      setting_.makers.Post([this] { Make(); });
      return {};
    });
    if (!entered) Finish(ToGrpcStatus(entered.error()));
  }

  void Make() {
    Result<std::vector<Message>> made =
        Guarded("serve", method_->name, [this] { return method_->list(context_, request_); });
    if (!made) return Finish(ToGrpcStatus(made.error()));
    messages_ = std::move(*made);
    Advance();
  }

  // Another thread may delete this object as soon as the last call in here has begun.
  void Advance() {
    if (sent_ == messages_.size()) return Finish(grpc::Status::OK);
    Message message = std::move(messages_[sent_++]);
    writer_.Write(message, &written_);
  }

  void OnWritten(bool ok) {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client went away"));
    Advance();
  }

  // Another thread may delete this object as soon as the last call in here has begun.
  void Finish(const grpc::Status& status) {
    LogRpc(setting_.edge.log, method_->name, "", began_ns_, status, Spans());
    place_ = Admission::Place();
    writer_.Finish(status, &finished_);
  }

  void OnGone(bool) {
    client_gone_ = true;
    MaybeDelete();
  }

  void OnFinished(bool) {
    finish_reported_ = true;
    MaybeDelete();
  }

  void MaybeDelete() {
    if (finish_reported_ && client_gone_) delete this;
  }

  ListStreamSetting& setting_;
  const Method method_;
  CompletionThread::Call open_;
  grpc::ServerContext context_;
  Request request_;
  grpc::ServerAsyncWriter<Message> writer_;
  MethodCompletion<ListStream> called_;
  MethodCompletion<ListStream> written_;
  MethodCompletion<ListStream> gone_;
  MethodCompletion<ListStream> finished_;
  Admission::Place place_;
  int64_t began_ns_ = 0;
  std::vector<Message> messages_;
  size_t sent_ = 0;
  bool client_gone_ = false;
  bool finish_reported_ = false;
};

// Accepts calls of one method until the server is shut down. `accept` is Request<name> of the generated
// asynchronous service, `list(context, request)` returns a Result of a vector of items, and `add` adds an
// item to a message. `service` must outlive the completion thread.
template <typename Service, typename Accepting, typename Request, typename Message, typename Item,
          typename List>
void AcceptListStreams(ListStreamSetting& setting, const char* name, Service& service,
                       void (Accepting::*accept)(grpc::ServerContext*, Request*,
                                                 grpc::ServerAsyncWriter<Message>*, grpc::CompletionQueue*,
                                                 grpc::ServerCompletionQueue*, void*),
                       List list, Item* (Message::*add)()) {
  ListMethod<Request, Message> method{
      name,
      [&setting, &service, accept](grpc::ServerContext* context, Request* request,
                                   grpc::ServerAsyncWriter<Message>* writer, void* tag) {
        grpc::ServerCompletionQueue* queue = &setting.thread.queue();
        (service.*accept)(context, request, writer, queue, queue, tag);
      },
      [list, add](const grpc::ServerContext& context, const Request& request)
          -> Result<std::vector<Message>> { return PackItems<Message>(TRY(list(context, request)), add); }};
  ListStream<Request, Message>::Listen(
      setting, std::make_shared<const ListMethod<Request, Message>>(std::move(method)));
}

}  // namespace davit::cri
