// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Receives the outcome of an exec that was passed to a shim with HandExec.
#pragma once

#include <string>

#include "base/error.h"
#include "shim/protocol.h"

namespace davit::cri {

// Receives the single frame on the outcome socket of an exec (FdRole::kOutcome). kUnavailable if the shim has
// died.
Result<shim::ExecExited> ReceiveExecOutcome(int socket, const std::string& container_id);

}  // namespace davit::cri
