// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The edge: from gRPC to a verb and back, with one log line per call.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "base/error.h"
#include "base/guarded.h"
#include "base/log.h"
#include "cri/runtime/call.h"
#include "cri/service/admission.h"
#include "cri/service/status_code.h"

namespace davit {

// The client's deadline on our clock; far away when it set none.
int64_t DeadlineOf(const grpc::ServerContext& context);

void LogRpc(const Logger& log, const char* method, const std::string& id, int64_t began_ns,
            const grpc::Status& status, const Spans& spans);

// What every call passes.
struct Edge {
  const Logger& log;
  Admission& admission;
};

// Runs `verb(call)`, a Result of the response, and answers with it. `id` is what the call is about, for the
// log. An exception is answered with INTERNAL, and logged.
template <typename Response, typename Verb>
grpc::Status Serve(const Edge& edge, CallClass call_class, const grpc::ServerContext* context,
                   const char* method, const std::string& id, Response* response, Verb verb) {
  int64_t began = UnixNanoseconds();
  Call call{DeadlineOf(*context), Spans()};
  Result<Response> result = Guarded("serve", method, [&]() -> Result<Response> {
    Admission::Place place = TRY(edge.admission.Enter(call_class));
    return verb(call);
  });
  grpc::Status status = result ? grpc::Status::OK : ToGrpcStatus(result.error());
  if (result) *response = std::move(*result);
  LogRpc(edge.log, method, id, began, status, call.spans);
  return status;
}

// Items in messages that stay below the clients' receive limit of 16 MiB.
// `add(message)` returns where the next item goes.
template <typename Message, typename Item, typename Writer, typename Add>
grpc::Status StreamItems(std::vector<Item> items, Writer* writer, Add add) {
  // A message is full when it has this much. One item adds to that what its labels and annotations take,
  // which Kubernetes limits to far less than the rest.
  constexpr size_t kEnoughBytes = 1 << 20;
  Message message;
  size_t bytes = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    bytes += items[i].ByteSizeLong();
    *add(message) = std::move(items[i]);
    if (bytes < kEnoughBytes && i + 1 < items.size()) continue;
    if (!writer->Write(message)) return grpc::Status(grpc::StatusCode::CANCELLED, "the client went away");
    message.Clear();
    bytes = 0;
  }
  return grpc::Status::OK;
}

// The streaming twin of a list: what `list()`, a Result of a vector, gives, as StreamItems sends it.
template <typename Message, typename Writer, typename List, typename Add>
grpc::Status ServeStream(const Edge& edge, const char* method, Writer* writer, List list, Add add) {
  int64_t began = UnixNanoseconds();
  Result<grpc::Status> result = Guarded("serve", method, [&]() -> Result<grpc::Status> {
    Admission::Place place = TRY(edge.admission.Enter(CallClass::kStream));
    return StreamItems<Message>(TRY(list()), writer, add);
  });
  grpc::Status status = result ? *result : ToGrpcStatus(result.error());
  LogRpc(edge.log, method, "", began, status, Spans());
  return status;
}

grpc::Status Unimplemented(const std::string& what);

}  // namespace davit
