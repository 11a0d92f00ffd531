// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The CRI's RuntimeService, in which the methods that wait for a long time are asynchronous.
#pragma once

#include "api/cri/v1/api.grpc.pb.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

using AsyncRuntimeService = v1::RuntimeService::WithAsyncMethod_GetContainerEvents<
    v1::RuntimeService::WithAsyncMethod_ExecSync<v1::RuntimeService::Service>>;

}  // namespace davit::cri
