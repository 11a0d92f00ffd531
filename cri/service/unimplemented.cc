// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The calls that answer UNIMPLEMENTED, each with a sentence that says what is missing.

#include "cri/service/rpc.h"
#include "cri/service/runtime_service.h"

namespace davit {

#define DAVIT_UNIMPLEMENTED(name, what)                                                                    \
  grpc::Status RuntimeService::name(grpc::ServerContext*, const v1::name##Request*, v1::name##Response*) { \
    return Unimplemented(what);                                                                            \
  }
#define DAVIT_UNIMPLEMENTED_STREAM(name, what)                                      \
  grpc::Status RuntimeService::name(grpc::ServerContext*, const v1::name##Request*, \
                                    grpc::ServerWriter<v1::name##Response>*) {      \
    return Unimplemented(what);                                                     \
  }

DAVIT_UNIMPLEMENTED(PodSandboxStats, "statistics of pods")
DAVIT_UNIMPLEMENTED(ListPodSandboxStats, "statistics of pods")
DAVIT_UNIMPLEMENTED_STREAM(StreamPodSandboxStats, "statistics of pods")
DAVIT_UNIMPLEMENTED(ListMetricDescriptors, "metrics")
DAVIT_UNIMPLEMENTED(ListPodSandboxMetrics, "metrics of pods")
DAVIT_UNIMPLEMENTED_STREAM(StreamPodSandboxMetrics, "metrics of pods")
DAVIT_UNIMPLEMENTED(CheckpointContainer, "checkpointing a container")
DAVIT_UNIMPLEMENTED(CheckpointPod, "checkpointing a pod")
DAVIT_UNIMPLEMENTED(RestorePod, "restoring a pod from a checkpoint")

grpc::Status RuntimeService::GetContainerEvents(grpc::ServerContext*, const v1::GetEventsRequest*,
                                                grpc::ServerWriter<v1::ContainerEventResponse>*) {
  return Unimplemented("the stream of container events");
}

}  // namespace davit
