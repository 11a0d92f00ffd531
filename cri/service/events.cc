// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/rpc.h"
#include "cri/service/runtime_service.h"

namespace davit {
namespace {

// gRPC tells a handler that its client is gone only when asked.
constexpr int64_t kLookForClientMs = 1'000;

}  // namespace

grpc::Status RuntimeService::GetContainerEvents(grpc::ServerContext* context, const v1::GetEventsRequest*,
                                                grpc::ServerWriter<v1::ContainerEventResponse>* writer) {
  auto watcher = runtime_.announcer().Watch([context] { context->TryCancel(); });
  // The client knows now that it watches.
  writer->SendInitialMetadata();
  while (!context->IsCancelled()) {
    Result<EventFeed::Event> event = watcher->Next(MonotonicMilliseconds() + kLookForClientMs);
    if (!event) return ToGrpcStatus(event.error());
    if (*event && !writer->Write(**event)) break;
  }
  return grpc::Status(grpc::StatusCode::CANCELLED, "the client went away or read too slowly");
}

}  // namespace davit
