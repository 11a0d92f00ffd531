// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Files that could not be deleted, in the log.
#pragma once

#include <set>
#include <string>

#include "base/log.h"
#include "base/thread_annotations.h"
#include "snapshotter/snapshots.h"

namespace davit {

// Files are deleted some time after their container. Each problem is logged once. Thread-safe.
class DeletionLog {
 public:
  // Both outlive the object.
  DeletionLog(const Snapshots& snapshots, const Logger& log) : snapshots_(snapshots), log_(log) {}

  // Logs what is new.
  void Update() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (const Error& problem : snapshots_.DeletionProblems()) {
      std::string text = problem.ToString();
      if (logged_.insert(text).second) log_.Log(LogLevel::kWarning, "files not deleted", {{"error", text}});
    }
  }

 private:
  const Snapshots& snapshots_;
  const Logger& log_;
  Mutex mutex_;
  std::set<std::string> logged_ GUARDED_BY(mutex_);
};

}  // namespace davit
