// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How much things take on disk, for those who cannot wait for a walk over them.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "snapshotter/disk_usage.h"

namespace davit {

struct UsageReading {
  DiskUsage usage;
  int64_t taken_at = 0;  // nanoseconds since 1970
};

// Measures on a thread of its own, which gets the processor and the disk when nobody else wants them. It
// measures what is asked for and nothing else: a node whose figures nobody reads does no walks, and has no
// thread. A tree that takes long to walk is walked less often: walks take a twentieth of the time at most.
//
// Thread-safe.
class UsageSurvey {
 public:
  // `stop` turns true when the walk should be given up.
  using Measure = std::function<Result<DiskUsage>(const std::string& id, const std::atomic<bool>& stop)>;

  // A reading is taken again when it is older than `longest_age_ms`.
  explicit UsageSurvey(Measure measure, int64_t longest_age_ms = 10'000);
  ~UsageSurvey();
  UsageSurvey(const UsageSurvey&) = delete;
  UsageSurvey& operator=(const UsageSurvey&) = delete;

  // The last reading; when that is old, the next one is on its way afterwards. The first one is waited for
  // until `deadline_ms` (MonotonicMilliseconds). Nothing when there is none by then, or when it failed.
  std::optional<UsageReading> Get(const std::string& id, int64_t deadline_ms) EXCLUDES(mutex_);

  // `id` is no more.
  void Forget(const std::string& id) EXCLUDES(mutex_);

 private:
  struct Entry {
    std::optional<UsageReading> reading;
    bool asked = false;     // it is in the queue or being measured
    int64_t due_at_ms = 0;  // not to be measured again before
  };

  void Ask(const std::string& id, Entry& entry) REQUIRES(mutex_);
  void Run() EXCLUDES(mutex_);
  std::optional<std::string> Next() EXCLUDES(mutex_);
  void Keep(const std::string& id, const Result<DiskUsage>& usage, int64_t walk_ms) EXCLUDES(mutex_);

  const Measure measure_;
  const int64_t longest_age_ms_;
  std::atomic<bool> stop_ = false;

  Mutex mutex_;
  CondVar asked_;
  CondVar measured_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
  std::deque<std::string> queue_ GUARDED_BY(mutex_);
  std::thread thread_ GUARDED_BY(mutex_);
};

}  // namespace davit
