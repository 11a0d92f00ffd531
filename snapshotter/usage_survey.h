// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How much things take on disk, for those who cannot wait for a walk over them.
#pragma once

#include <sys/types.h>

#include <array>
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

// Measures on two threads of its own, which get the processor and the disk when nobody else wants them. It
// measures what is asked for and nothing else: a node whose figures nobody reads does no walks, and has no
// thread.
//
// A tree that takes much processor time to walk is walked less often: its walks take a twentieth of a
// processor at most. It is processor time and not time that counts, for a walk on a busy node takes long
// because others do, and the figures matter most there. A reading that is asked for regularly does not become
// older than a bound, whatever its walk costs; for one that is about to, the walks get the priority of
// everybody else. The shortest walks are made first, and one thread is always there for them.
//
// Thread-safe.
class UsageSurvey {
 public:
  // `stop` turns true when the walk should be given up.
  using Measure = std::function<Result<DiskUsage>(const std::string& id, const std::atomic<bool>& stop)>;

  struct Options {
    int64_t longest_age_ms = 10'000;  // an older reading is taken again, unless its walk is a long one
    int64_t oldest_age_ms = 120'000;  // and then as well
    // The time and the processor time of the calling thread, in milliseconds; empty: the kernel's.
    std::function<int64_t()> now_ms;
    std::function<int64_t()> processor_ms;
  };

  explicit UsageSurvey(Measure measure);
  UsageSurvey(Measure measure, Options options);
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
    bool asked = false;       // it is in the queue or being measured
    int64_t fresh_at_ms = 0;  // when the reading was taken, or was asked for the first time
    int64_t due_at_ms = 0;    // not to be measured again before
    int64_t cost_ms = 0;      // processor time of the last walk
  };
  struct Walker {
    std::thread thread;
    pid_t tid = 0;
    bool busy = false;
    bool on_long_walk = false;
    bool hurried = false;  // it has the priority of everybody else
  };
  struct Walk {
    std::string id;
    int64_t began_ms = 0;
    int64_t began_processor_ms = 0;
  };

  void Ask(const std::string& id, Entry& entry) REQUIRES(mutex_);
  bool IsLate(const Entry& entry) const REQUIRES(mutex_);
  void SetPriority(Walker& walker, bool hurried) REQUIRES(mutex_);
  void Run(Walker& walker) EXCLUDES(mutex_);
  std::optional<Walk> Next(Walker& walker) EXCLUDES(mutex_);
  std::optional<std::string> TakeFromQueue(Walker& walker) REQUIRES(mutex_);
  void Keep(Walker& walker, const Walk& walk, const Result<DiskUsage>& usage) EXCLUDES(mutex_);

  const Measure measure_;
  Options options_;
  std::atomic<bool> stop_ = false;

  Mutex mutex_;
  CondVar asked_;
  CondVar measured_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
  std::deque<std::string> queue_ GUARDED_BY(mutex_);
  std::array<Walker, 2> walkers_ GUARDED_BY(mutex_);
};

}  // namespace davit
