// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Exit records on disk: what the daemon reads when it was away.
#pragma once

#include "shim/environment.h"
#include "shim/protocol.h"

namespace davit {

// Writes `exits/<container id>` as a whole file. Where that fails (a full /run) it is logged and tried again
// every second for as long as the shim lives.
void RecordExit(Environment& env, const ContainerExited& exit);

}  // namespace davit
