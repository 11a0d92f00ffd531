// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The RPCs of RuntimeService about statistics and metrics.

#include "cri/service/rpc.h"
#include "cri/service/runtime_service.h"
#include "cri/stats/metrics.h"

namespace davit::cri {

grpc::Status RuntimeService::ContainerStats(grpc::ServerContext* context,
                                            const v1::ContainerStatsRequest* request,
                                            v1::ContainerStatsResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ContainerStats", request->container_id(), response,
               [&](Call& call) { return runtime_.statistics().OfContainer(*request, call); });
}

grpc::Status RuntimeService::ListContainerStats(grpc::ServerContext* context,
                                                const v1::ListContainerStatsRequest* request,
                                                v1::ListContainerStatsResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ListContainerStats", request->filter().id(), response,
               [&](Call&) -> Result<v1::ListContainerStatsResponse> {
                 v1::ListContainerStatsResponse list;
                 for (v1::ContainerStats& item : TRY(runtime_.statistics().OfContainers(request->filter())))
                   *list.add_stats() = std::move(item);
                 return list;
               });
}

grpc::Status RuntimeService::PodSandboxStats(grpc::ServerContext* context,
                                             const v1::PodSandboxStatsRequest* request,
                                             v1::PodSandboxStatsResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "PodSandboxStats", request->pod_sandbox_id(), response,
               [&](Call& call) { return runtime_.statistics().OfSandbox(*request, call); });
}

grpc::Status RuntimeService::ListPodSandboxStats(grpc::ServerContext* context,
                                                 const v1::ListPodSandboxStatsRequest* request,
                                                 v1::ListPodSandboxStatsResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ListPodSandboxStats", request->filter().id(), response,
               [&](Call&) -> Result<v1::ListPodSandboxStatsResponse> {
                 v1::ListPodSandboxStatsResponse list;
                 for (v1::PodSandboxStats& item : TRY(runtime_.statistics().OfSandboxes(request->filter())))
                   *list.add_stats() = std::move(item);
                 return list;
               });
}

grpc::Status RuntimeService::ListMetricDescriptors(grpc::ServerContext* context,
                                                   const v1::ListMetricDescriptorsRequest*,
                                                   v1::ListMetricDescriptorsResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ListMetricDescriptors", "", response,
               [](Call&) -> Result<v1::ListMetricDescriptorsResponse> {
                 v1::ListMetricDescriptorsResponse list;
                 for (const v1::MetricDescriptor& item : MetricDescriptors()) *list.add_descriptors() = item;
                 return list;
               });
}

grpc::Status RuntimeService::ListPodSandboxMetrics(grpc::ServerContext* context,
                                                   const v1::ListPodSandboxMetricsRequest*,
                                                   v1::ListPodSandboxMetricsResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ListPodSandboxMetrics", "", response,
               [&](Call&) -> Result<v1::ListPodSandboxMetricsResponse> {
                 v1::ListPodSandboxMetricsResponse list;
                 for (v1::PodSandboxMetrics& item : TRY(runtime_.statistics().Metrics()))
                   *list.add_pod_metrics() = std::move(item);
                 return list;
               });
}

}  // namespace davit::cri
