// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Logs files that could not be deleted.
#pragma once

#include <set>
#include <string>

#include "base/log.h"
#include "base/thread_annotations.h"
#include "snapshotter/snapshots.h"

namespace davit::cri {

// Files are deleted some time after their container, in the background. Each problem is logged once.
// Thread-safe.
class DeletionLog {
 public:
  // Both must outlive the object.
  DeletionLog(const snapshotter::Snapshots& snapshots, const Logger& log)
      : snapshots_(snapshots), log_(log) {}

  // Logs problems that are new since the last call.
  void Update() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (const Error& problem : snapshots_.DeletionProblems()) {
      std::string text = problem.ToString();
      if (logged_.insert(text).second) log_.Log(LogLevel::kWarning, "files not deleted", {{"error", text}});
    }
  }

 private:
  const snapshotter::Snapshots& snapshots_;
  const Logger& log_;
  Mutex mutex_;
  std::set<std::string> logged_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
