// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Streamed execs in flight.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/thread_annotations.h"
#include "shim/protocol.h"

namespace davit {

// Streamed execs in flight of one sandbox, so that the event of an exec's end finds who waits for it.
class ExecTable {
 public:
  // Called once, with nothing when the shim is gone and nobody knows; on the reactor's thread.
  using OnEnd = std::function<void(const std::optional<ExecExited>&)>;

  void Expect(const std::string& exec_id, OnEnd on_end) EXCLUDES(mutex_);
  void Forget(const std::string& exec_id) EXCLUDES(mutex_);
  void Finish(const ExecExited& exited) EXCLUDES(mutex_);
  // The shim is gone: every exec ends with the code of a lost process.
  void FinishAll() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::map<std::string, OnEnd> waiting_ GUARDED_BY(mutex_);
};

}  // namespace davit
