// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/thread_annotations.h"
#include "shim/protocol.h"

namespace davit::cri {

// The running streamed execs of one sandbox and the callbacks for their ends. Thread-safe.
class ExecTable {
 public:
  // Called once, on the reactor's thread; with nullopt if the shim died and the exit code is unknown.
  using OnEnd = std::function<void(const std::optional<shim::ExecExited>&)>;

  void Expect(const std::string& exec_id, OnEnd on_end) EXCLUDES(mutex_);
  void Forget(const std::string& exec_id) EXCLUDES(mutex_);
  void Finish(const shim::ExecExited& exited) EXCLUDES(mutex_);
  // To be called when the shim has died: calls all callbacks with nullopt.
  void FinishAll() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::map<std::string, OnEnd> waiting_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
