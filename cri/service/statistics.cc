// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The RPCs of RuntimeService about statistics and metrics.

#include "cri/service/rpc.h"
#include "cri/service/runtime_service.h"
#include "cri/stats/metrics.h"

namespace davit {

grpc::Status RuntimeService::ContainerStats(grpc::ServerContext* context,
                                            const v1::ContainerStatsRequest* request,
                                            v1::ContainerStatsResponse* response) {
  return Serve(log_, context, "ContainerStats", request->container_id(), response,
               [&](Call& call) { return runtime_.statistics().OfContainer(*request, call); });
}

grpc::Status RuntimeService::ListContainerStats(grpc::ServerContext* context,
                                                const v1::ListContainerStatsRequest* request,
                                                v1::ListContainerStatsResponse* response) {
  return Serve(log_, context, "ListContainerStats", request->filter().id(), response,
               [&](Call&) -> Result<v1::ListContainerStatsResponse> {
                 v1::ListContainerStatsResponse list;
                 for (v1::ContainerStats& item : TRY(runtime_.statistics().OfContainers(request->filter())))
                   *list.add_stats() = std::move(item);
                 return list;
               });
}

grpc::Status RuntimeService::StreamContainerStats(
    grpc::ServerContext*, const v1::StreamContainerStatsRequest* request,
    grpc::ServerWriter<v1::StreamContainerStatsResponse>* writer) {
  Result<std::vector<v1::ContainerStats>> items = runtime_.statistics().OfContainers(request->filter());
  if (!items) return ToGrpcStatus(items.error());
  return StreamItems<v1::StreamContainerStatsResponse>(
      std::move(*items), writer,
      [](v1::StreamContainerStatsResponse& message) { return message.add_container_stats(); });
}

grpc::Status RuntimeService::PodSandboxStats(grpc::ServerContext* context,
                                             const v1::PodSandboxStatsRequest* request,
                                             v1::PodSandboxStatsResponse* response) {
  return Serve(log_, context, "PodSandboxStats", request->pod_sandbox_id(), response,
               [&](Call& call) { return runtime_.statistics().OfSandbox(*request, call); });
}

grpc::Status RuntimeService::ListPodSandboxStats(grpc::ServerContext* context,
                                                 const v1::ListPodSandboxStatsRequest* request,
                                                 v1::ListPodSandboxStatsResponse* response) {
  return Serve(log_, context, "ListPodSandboxStats", request->filter().id(), response,
               [&](Call&) -> Result<v1::ListPodSandboxStatsResponse> {
                 v1::ListPodSandboxStatsResponse list;
                 for (v1::PodSandboxStats& item : TRY(runtime_.statistics().OfSandboxes(request->filter())))
                   *list.add_stats() = std::move(item);
                 return list;
               });
}

grpc::Status RuntimeService::StreamPodSandboxStats(
    grpc::ServerContext*, const v1::StreamPodSandboxStatsRequest* request,
    grpc::ServerWriter<v1::StreamPodSandboxStatsResponse>* writer) {
  Result<std::vector<v1::PodSandboxStats>> items = runtime_.statistics().OfSandboxes(request->filter());
  if (!items) return ToGrpcStatus(items.error());
  return StreamItems<v1::StreamPodSandboxStatsResponse>(
      std::move(*items), writer,
      [](v1::StreamPodSandboxStatsResponse& message) { return message.add_pod_sandbox_stats(); });
}

grpc::Status RuntimeService::ListMetricDescriptors(grpc::ServerContext* context,
                                                   const v1::ListMetricDescriptorsRequest*,
                                                   v1::ListMetricDescriptorsResponse* response) {
  return Serve(log_, context, "ListMetricDescriptors", "", response,
               [](Call&) -> Result<v1::ListMetricDescriptorsResponse> {
                 v1::ListMetricDescriptorsResponse list;
                 for (const v1::MetricDescriptor& item : MetricDescriptors()) *list.add_descriptors() = item;
                 return list;
               });
}

grpc::Status RuntimeService::ListPodSandboxMetrics(grpc::ServerContext* context,
                                                   const v1::ListPodSandboxMetricsRequest*,
                                                   v1::ListPodSandboxMetricsResponse* response) {
  return Serve(log_, context, "ListPodSandboxMetrics", "", response,
               [&](Call&) -> Result<v1::ListPodSandboxMetricsResponse> {
                 v1::ListPodSandboxMetricsResponse list;
                 for (v1::PodSandboxMetrics& item : TRY(runtime_.statistics().Metrics()))
                   *list.add_pod_metrics() = std::move(item);
                 return list;
               });
}

grpc::Status RuntimeService::StreamPodSandboxMetrics(
    grpc::ServerContext*, const v1::StreamPodSandboxMetricsRequest*,
    grpc::ServerWriter<v1::StreamPodSandboxMetricsResponse>* writer) {
  Result<std::vector<v1::PodSandboxMetrics>> items = runtime_.statistics().Metrics();
  if (!items) return ToGrpcStatus(items.error());
  return StreamItems<v1::StreamPodSandboxMetricsResponse>(
      std::move(*items), writer,
      [](v1::StreamPodSandboxMetricsResponse& message) { return message.add_pod_sandbox_metrics(); });
}

}  // namespace davit
