// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/late_logs.h"

#include <utility>

namespace davit::shim {

void LateLogs::Adopt(std::unique_ptr<LogPump> pump) {
  LogPump* adopted = pump.get();
  pumps_[adopted] = std::move(pump);
  adopted->FinishLater([this, adopted] { OnWritten(adopted); });
}

void LateLogs::OnWritten(LogPump* pump) {
  std::unique_ptr<LogPump> written =
      std::move(pumps_[pump]);  // it is calling: lives until the end of this function
  pumps_.erase(pump);
  if (!pumps_.empty() || !on_empty_) return;
  std::exchange(on_empty_, nullptr)();
}

}  // namespace davit::shim
