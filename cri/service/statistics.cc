// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The RPCs of RuntimeService about statistics and metrics.

#include "cri/service/rpc.h"
#include "cri/service/runtime_service.h"

namespace davit {

grpc::Status RuntimeService::ContainerStats(grpc::ServerContext* context,
                                            const v1::ContainerStatsRequest* request,
                                            v1::ContainerStatsResponse* response) {
  return Serve(log_, context, "ContainerStats", request->container_id(), response,
               [&](Call& call) { return runtime_.ContainerStats(*request, call); });
}

grpc::Status RuntimeService::ListContainerStats(grpc::ServerContext* context,
                                                const v1::ListContainerStatsRequest* request,
                                                v1::ListContainerStatsResponse* response) {
  return Serve(log_, context, "ListContainerStats", request->filter().id(), response,
               [&](Call&) -> Result<v1::ListContainerStatsResponse> {
                 v1::ListContainerStatsResponse list;
                 for (v1::ContainerStats& item : TRY(runtime_.ListContainerStats(request->filter())))
                   *list.add_stats() = std::move(item);
                 return list;
               });
}

grpc::Status RuntimeService::StreamContainerStats(
    grpc::ServerContext*, const v1::StreamContainerStatsRequest* request,
    grpc::ServerWriter<v1::StreamContainerStatsResponse>* writer) {
  Result<std::vector<v1::ContainerStats>> items = runtime_.ListContainerStats(request->filter());
  if (!items) return ToGrpcStatus(items.error());
  return StreamItems<v1::StreamContainerStatsResponse>(
      std::move(*items), writer,
      [](v1::StreamContainerStatsResponse& message) { return message.add_container_stats(); });
}

}  // namespace davit
