// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/runtime_service.h"

#include "cri/service/rpc.h"
#include "cri/service/version.h"

namespace davit::cri {

grpc::Status RuntimeService::Version(grpc::ServerContext* context, const v1::VersionRequest*,
                                     v1::VersionResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "Version", "", response,
               [](Call&) -> Result<v1::VersionResponse> {
                 v1::VersionResponse version;
                 version.set_version("0.1.0");  // of the kubelet's own protocol, frozen since Docker's days
                 version.set_runtime_name("davit");
                 version.set_runtime_version(kDavitVersion);
                 version.set_runtime_api_version("v1");
                 return version;
               });
}

grpc::Status RuntimeService::RuntimeConfig(grpc::ServerContext* context,
                                           const v1::RuntimeConfigRequest* request,
                                           v1::RuntimeConfigResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "RuntimeConfig", "", response,
               [&](Call& call) { return runtime_.node().RuntimeConfig(*request, call); });
}

grpc::Status RuntimeService::Status(grpc::ServerContext* context, const v1::StatusRequest* request,
                                    v1::StatusResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "Status", "", response,
               [&](Call& call) { return runtime_.node().Status(*request, call); });
}

grpc::Status RuntimeService::UpdateRuntimeConfig(grpc::ServerContext* context,
                                                 const v1::UpdateRuntimeConfigRequest* request,
                                                 v1::UpdateRuntimeConfigResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "UpdateRuntimeConfig", "", response,
               [&](Call& call) { return runtime_.node().UpdateRuntimeConfig(*request, call); });
}

grpc::Status RuntimeService::RunPodSandbox(grpc::ServerContext* context,
                                           const v1::RunPodSandboxRequest* request,
                                           v1::RunPodSandboxResponse* response) {
  return Serve(edge_, CallClass::kStart, context, "RunPodSandbox", request->config().metadata().name(),
               response, [&](Call& call) { return runtime_.sandboxes().Run(*request, call); });
}

grpc::Status RuntimeService::StopPodSandbox(grpc::ServerContext* context,
                                            const v1::StopPodSandboxRequest* request,
                                            v1::StopPodSandboxResponse* response) {
  return Serve(edge_, CallClass::kStop, context, "StopPodSandbox", request->pod_sandbox_id(), response,
               [&](Call& call) { return runtime_.sandboxes().Stop(*request, call); });
}

grpc::Status RuntimeService::RemovePodSandbox(grpc::ServerContext* context,
                                              const v1::RemovePodSandboxRequest* request,
                                              v1::RemovePodSandboxResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "RemovePodSandbox", request->pod_sandbox_id(), response,
               [&](Call& call) { return runtime_.sandboxes().Remove(*request, call); });
}

grpc::Status RuntimeService::PodSandboxStatus(grpc::ServerContext* context,
                                              const v1::PodSandboxStatusRequest* request,
                                              v1::PodSandboxStatusResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "PodSandboxStatus", request->pod_sandbox_id(), response,
               [&](Call& call) { return runtime_.sandboxes().Status(*request, call); });
}

grpc::Status RuntimeService::UpdatePodSandboxResources(grpc::ServerContext* context,
                                                       const v1::UpdatePodSandboxResourcesRequest* request,
                                                       v1::UpdatePodSandboxResourcesResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "UpdatePodSandboxResources", request->pod_sandbox_id(),
               response, [&](Call& call) { return runtime_.sandboxes().UpdateResources(*request, call); });
}

grpc::Status RuntimeService::CreateContainer(grpc::ServerContext* context,
                                             const v1::CreateContainerRequest* request,
                                             v1::CreateContainerResponse* response) {
  return Serve(edge_, CallClass::kStart, context, "CreateContainer", request->pod_sandbox_id(), response,
               [&](Call& call) { return runtime_.containers().Create(*request, call); });
}

grpc::Status RuntimeService::StartContainer(grpc::ServerContext* context,
                                            const v1::StartContainerRequest* request,
                                            v1::StartContainerResponse* response) {
  return Serve(edge_, CallClass::kStart, context, "StartContainer", request->container_id(), response,
               [&](Call& call) { return runtime_.containers().Start(*request, call); });
}

grpc::Status RuntimeService::StopContainer(grpc::ServerContext* context,
                                           const v1::StopContainerRequest* request,
                                           v1::StopContainerResponse* response) {
  return Serve(edge_, CallClass::kStop, context, "StopContainer", request->container_id(), response,
               [&](Call& call) { return runtime_.containers().Stop(*request, call); });
}

grpc::Status RuntimeService::RemoveContainer(grpc::ServerContext* context,
                                             const v1::RemoveContainerRequest* request,
                                             v1::RemoveContainerResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "RemoveContainer", request->container_id(), response,
               [&](Call& call) { return runtime_.containers().Remove(*request, call); });
}

grpc::Status RuntimeService::ContainerStatus(grpc::ServerContext* context,
                                             const v1::ContainerStatusRequest* request,
                                             v1::ContainerStatusResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ContainerStatus", request->container_id(), response,
               [&](Call& call) { return runtime_.containers().Status(*request, call); });
}

grpc::Status RuntimeService::UpdateContainerResources(grpc::ServerContext* context,
                                                      const v1::UpdateContainerResourcesRequest* request,
                                                      v1::UpdateContainerResourcesResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "UpdateContainerResources", request->container_id(),
               response, [&](Call& call) { return runtime_.containers().UpdateResources(*request, call); });
}

grpc::Status RuntimeService::ReopenContainerLog(grpc::ServerContext* context,
                                                const v1::ReopenContainerLogRequest* request,
                                                v1::ReopenContainerLogResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "ReopenContainerLog", request->container_id(), response,
               [&](Call& call) { return runtime_.containers().ReopenLog(*request, call); });
}

grpc::Status RuntimeService::Exec(grpc::ServerContext* context, const v1::ExecRequest* request,
                                  v1::ExecResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "Exec", request->container_id(), response,
               [&](Call&) -> Result<v1::ExecResponse> {
                 v1::ExecResponse answer;
                 answer.set_url(TRY(streams_.Issue(TRY(runtime_.execs().OrderExec(*request)))));
                 return answer;
               });
}

grpc::Status RuntimeService::Attach(grpc::ServerContext* context, const v1::AttachRequest* request,
                                    v1::AttachResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "Attach", request->container_id(), response,
               [&](Call&) -> Result<v1::AttachResponse> {
                 v1::AttachResponse answer;
                 answer.set_url(TRY(streams_.Issue(TRY(runtime_.execs().OrderAttach(*request)))));
                 return answer;
               });
}

grpc::Status RuntimeService::PortForward(grpc::ServerContext* context, const v1::PortForwardRequest* request,
                                         v1::PortForwardResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "PortForward", request->pod_sandbox_id(), response,
               [&](Call&) -> Result<v1::PortForwardResponse> {
                 v1::PortForwardResponse answer;
                 answer.set_url(TRY(streams_.Issue(TRY(runtime_.execs().OrderPortForward(*request)))));
                 return answer;
               });
}

grpc::Status RuntimeService::ListPodSandbox(grpc::ServerContext* context,
                                            const v1::ListPodSandboxRequest* request,
                                            v1::ListPodSandboxResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ListPodSandbox", request->filter().id(), response,
               [&](Call&) -> Result<v1::ListPodSandboxResponse> {
                 v1::ListPodSandboxResponse list;
                 for (v1::PodSandbox& item : TRY(runtime_.sandboxes().List(request->filter())))
                   *list.add_items() = std::move(item);
                 return list;
               });
}

grpc::Status RuntimeService::ListContainers(grpc::ServerContext* context,
                                            const v1::ListContainersRequest* request,
                                            v1::ListContainersResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ListContainers", request->filter().id(), response,
               [&](Call&) -> Result<v1::ListContainersResponse> {
                 v1::ListContainersResponse list;
                 for (v1::Container& item : TRY(runtime_.containers().List(request->filter())))
                   *list.add_containers() = std::move(item);
                 return list;
               });
}

void RuntimeService::AcceptListStreams(ListStreamSetting& setting) {
  cri::AcceptListStreams(
      setting, "StreamPodSandboxes", *this, &RuntimeService::RequestStreamPodSandboxes,
      [this](const auto&, const v1::StreamPodSandboxesRequest& request) {
        return runtime_.sandboxes().List(request.filter());
      },
      &v1::StreamPodSandboxesResponse::add_pod_sandboxes);
  cri::AcceptListStreams(
      setting, "StreamContainers", *this, &RuntimeService::RequestStreamContainers,
      [this](const auto&, const v1::StreamContainersRequest& request) {
        return runtime_.containers().List(request.filter());
      },
      &v1::StreamContainersResponse::add_containers);
  cri::AcceptListStreams(
      setting, "StreamContainerStats", *this, &RuntimeService::RequestStreamContainerStats,
      [this](const auto&, const v1::StreamContainerStatsRequest& request) {
        return runtime_.statistics().OfContainers(request.filter());
      },
      &v1::StreamContainerStatsResponse::add_container_stats);
  cri::AcceptListStreams(
      setting, "StreamPodSandboxStats", *this, &RuntimeService::RequestStreamPodSandboxStats,
      [this](const auto&, const v1::StreamPodSandboxStatsRequest& request) {
        return runtime_.statistics().OfSandboxes(request.filter());
      },
      &v1::StreamPodSandboxStatsResponse::add_pod_sandbox_stats);
  cri::AcceptListStreams(
      setting, "StreamPodSandboxMetrics", *this, &RuntimeService::RequestStreamPodSandboxMetrics,
      [this](const auto&, const v1::StreamPodSandboxMetricsRequest&) {
        return runtime_.statistics().Metrics();
      },
      &v1::StreamPodSandboxMetricsResponse::add_pod_sandbox_metrics);
}

}  // namespace davit::cri
