// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Translates a gRPC call to a verb and the result back, with one log line per call.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "base/error.h"
#include "base/guarded.h"
#include "base/log.h"
#include "cri/runtime/call.h"
#include "cri/service/admission.h"
#include "cri/service/status_code.h"

namespace davit::cri {

// The client's deadline in MonotonicMilliseconds; at most 24 hours from now, also if the client set none.
int64_t DeadlineOf(const grpc::ServerContext& context);

void LogRpc(const Logger& log, const char* method, const std::string& id, int64_t began_ns,
            const grpc::Status& status, const Spans& spans);

// The objects that every call uses.
struct Edge {
  const Logger& log;
  Admission& admission;
};

// Runs `verb(call)`, which returns a Result of the response, and sends that to the client. `id` is the object
// of the call, for the log. An exception is logged, and the response is INTERNAL.
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

// Sends the items in messages that stay below the clients' receive limit of 16 MiB. `add(message)` adds an
// empty item to the message and returns a pointer to it.
template <typename Message, typename Item, typename Writer, typename Add>
grpc::Status StreamItems(std::vector<Item> items, Writer* writer, Add add) {
  // A message with at least this size is sent. The last item can exceed it by the size of its labels and
  // annotations, which Kubernetes limits to much less than the remaining room.
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

// The streaming variant of a list call: sends the items of `list()`, which returns a Result of a vector, with
// StreamItems.
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

}  // namespace davit::cri
