// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How an exec that was handed over ended.
#pragma once

#include <string>

#include "base/error.h"
#include "shim/protocol.h"

namespace davit {

// Receives the one frame that the socket of an exec gets (FdRole::kOutcome). kUnavailable: the shim is gone.
Result<ExecExited> ReceiveExecOutcome(int socket, const std::string& container_id);

}  // namespace davit
