// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The services in which the methods that may wait for a long time are asynchronous.
#pragma once

#include "api/cri/v1/api.grpc.pb.h"
#include "api/davit/v1/davit.grpc.pb.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

template <typename Base>
using WithAsyncListStreams = v1::RuntimeService::WithAsyncMethod_StreamPodSandboxes<
    v1::RuntimeService::WithAsyncMethod_StreamContainers<
        v1::RuntimeService::WithAsyncMethod_StreamContainerStats<
            v1::RuntimeService::WithAsyncMethod_StreamPodSandboxStats<
                v1::RuntimeService::WithAsyncMethod_StreamPodSandboxMetrics<Base>>>>>;

using AsyncRuntimeService = WithAsyncListStreams<v1::RuntimeService::WithAsyncMethod_GetContainerEvents<
    v1::RuntimeService::WithAsyncMethod_ExecSync<v1::RuntimeService::Service>>>;

using AsyncImageService = v1::ImageService::WithAsyncMethod_StreamImages<v1::ImageService::Service>;

using AsyncImagesApi = ::davit::v1::Images::WithAsyncMethod_List<::davit::v1::Images::Service>;

}  // namespace davit::cri
