// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The calls that answer UNIMPLEMENTED, each with a sentence that says what is missing.

#include "cri/service/rpc.h"
#include "cri/service/runtime_service.h"

namespace davit::cri {

#define DAVIT_UNIMPLEMENTED(name, what)                                                                    \
  grpc::Status RuntimeService::name(grpc::ServerContext*, const v1::name##Request*, v1::name##Response*) { \
    return Unimplemented(what);                                                                            \
  }

DAVIT_UNIMPLEMENTED(CheckpointContainer, "checkpointing a container")
DAVIT_UNIMPLEMENTED(CheckpointPod, "checkpointing a pod")
DAVIT_UNIMPLEMENTED(RestorePod, "restoring a pod from a checkpoint")

}  // namespace davit::cri
