// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The signal that asks a container to end.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"

namespace davit::cri {

// The signal in the request, else the image's STOPSIGNAL ("SIGQUIT", "QUIT" or "3", in upper or lower case),
// else SIGTERM. kInvalidArgument for a signal that Linux does not have.
Result<int> StopSignalOf(::runtime::v1::Signal requested, const std::string& image_signal);

// The CRI value for a signal number; SIGNAL_RUNTIME_DEFAULT if the CRI has none.
::runtime::v1::Signal SignalToCri(int signal);

}  // namespace davit::cri
