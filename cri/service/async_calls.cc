// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/async_calls.h"

namespace davit::cri {

void AsyncCalls::Start() {
  EventStream::Listen(events_);
  AsyncExec::Listen(execs_);
  thread_.Start();
}

}  // namespace davit::cri
