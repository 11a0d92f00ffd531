// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The CRI RuntimeService over gRPC: decodes, calls a verb, encodes.
#pragma once

#include "base/log.h"
#include "cri/runtime/runtime.h"
#include "cri/service/async_service.h"
#include "cri/service/list_stream.h"
#include "cri/service/rpc.h"
#include "streaming/server.h"

namespace davit::cri {

// AsyncCalls implements ExecSync and GetContainerEvents.
class RuntimeService final : public AsyncRuntimeService {
 public:
  RuntimeService(Runtime& runtime, streaming::StreamServer& streams, Admission& admission, const Logger& log)
      : runtime_(runtime), streams_(streams), edge_{log, admission} {}

  // Begins to accept the streamed lists. Call it after the server is built.
  void AcceptListStreams(ListStreamSetting& setting);

#define DAVIT_RPC(name)                                                             \
  grpc::Status name(grpc::ServerContext* context, const v1::name##Request* request, \
                    v1::name##Response* response) override
  DAVIT_RPC(Version);
  DAVIT_RPC(Status);
  DAVIT_RPC(RuntimeConfig);
  DAVIT_RPC(UpdateRuntimeConfig);

  DAVIT_RPC(RunPodSandbox);
  DAVIT_RPC(StopPodSandbox);
  DAVIT_RPC(RemovePodSandbox);
  DAVIT_RPC(PodSandboxStatus);
  DAVIT_RPC(ListPodSandbox);
  DAVIT_RPC(UpdatePodSandboxResources);

  DAVIT_RPC(CreateContainer);
  DAVIT_RPC(StartContainer);
  DAVIT_RPC(StopContainer);
  DAVIT_RPC(RemoveContainer);
  DAVIT_RPC(ContainerStatus);
  DAVIT_RPC(ListContainers);
  DAVIT_RPC(UpdateContainerResources);
  DAVIT_RPC(ReopenContainerLog);
  DAVIT_RPC(Exec);
  DAVIT_RPC(Attach);
  DAVIT_RPC(PortForward);

  // statistics.cc
  DAVIT_RPC(ContainerStats);
  DAVIT_RPC(ListContainerStats);
  DAVIT_RPC(PodSandboxStats);
  DAVIT_RPC(ListPodSandboxStats);
  DAVIT_RPC(ListMetricDescriptors);
  DAVIT_RPC(ListPodSandboxMetrics);

  // Not implemented yet: each returns UNIMPLEMENTED with an explanation.
  DAVIT_RPC(CheckpointContainer);
  DAVIT_RPC(CheckpointPod);
  DAVIT_RPC(RestorePod);
#undef DAVIT_RPC

 private:
  Runtime& runtime_;
  streaming::StreamServer& streams_;
  const Edge edge_;
};

}  // namespace davit::cri
