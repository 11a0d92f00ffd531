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

grpc::Status Unimplemented(const std::string& what);

}  // namespace davit::cri
