// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/exec_table.h"

namespace davit::cri {

void ExecTable::Expect(const std::string& exec_id, OnEnd on_end) {
  MutexLock lock(mutex_);
  waiting_[exec_id] = std::move(on_end);
}

void ExecTable::Forget(const std::string& exec_id) {
  MutexLock lock(mutex_);
  waiting_.erase(exec_id);
}

void ExecTable::Finish(const shim::ExecExited& exited) {
  OnEnd on_end;
  {
    MutexLock lock(mutex_);
    auto waiting = waiting_.extract(exited.exec_id);
    if (waiting.empty()) return;
    on_end = std::move(waiting.mapped());
  }
  on_end(exited);
}

void ExecTable::FinishAll() {
  std::map<std::string, OnEnd> waiting;
  {
    MutexLock lock(mutex_);
    waiting.swap(waiting_);
  }
  for (auto& [id, on_end] : waiting) on_end(std::nullopt);
}

}  // namespace davit::cri
