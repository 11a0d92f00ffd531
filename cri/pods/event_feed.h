// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Events of pods for the clients that watch them.
#pragma once

#include "api/cri/v1/api.pb.h"
#include "cri/pods/feed.h"

namespace davit::cri {

using EventFeed = Feed<::runtime::v1::ContainerEventResponse>;

}  // namespace davit::cri
