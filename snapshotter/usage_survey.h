// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Disk usage of directory trees, for callers that cannot wait for a walk.
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

namespace davit::snapshotter {

struct UsageReading {
  DiskUsage usage;
  int64_t taken_at = 0;  // nanoseconds since 1970
};

// Measures on two threads of its own, with the lowest CPU and I/O priority. It measures only trees that
// callers ask for: on a node whose figures are never read there are no walks and no threads.
//
// A tree whose walk takes much CPU time is walked less often: its walks use at most a twentieth of a CPU. CPU
// time counts, not elapsed time: on a busy node a walk takes long because of other processes, and there the
// figures matter most. A reading that is requested regularly does not become older than `oldest_age_ms`,
// whatever its walk costs: from half of that age on, the walks run with normal priority. The shortest walks
// run first, and at most one of the two threads makes long walks.
//
// Thread-safe.
class UsageSurvey {
 public:
  // `stop` becomes true when the walk should be cancelled.
  using Measure = std::function<Result<DiskUsage>(const std::string& id, const std::atomic<bool>& stop)>;

  struct Options {
    int64_t longest_age_ms = 10'000;  // an older reading is renewed, unless its walk is a long one
    int64_t oldest_age_ms = 120'000;  // an older reading is renewed in any case
    // The monotonic time and the CPU time of the calling thread, in milliseconds. Empty: the kernel's clocks.
    std::function<int64_t()> now_ms;
    std::function<int64_t()> processor_ms;
  };

  explicit UsageSurvey(Measure measure);
  UsageSurvey(Measure measure, Options options);
  ~UsageSurvey();
  UsageSurvey(const UsageSurvey&) = delete;
  UsageSurvey& operator=(const UsageSurvey&) = delete;

  // Returns the last reading; if that is old, also requests a new one. Blocks only for the first reading,
  // until `deadline_ms` (MonotonicMilliseconds). nullopt if there is none by then, or if the walk failed.
  std::optional<UsageReading> Get(const std::string& id, int64_t deadline_ms) EXCLUDES(mutex_);

  // Forgets `id`, which no longer exists.
  void Forget(const std::string& id) EXCLUDES(mutex_);

 private:
  struct Entry {
    std::optional<UsageReading> reading;
    bool asked = false;       // it is queued or being measured
    int64_t fresh_at_ms = 0;  // when the reading was taken, or the first one was requested
    int64_t due_at_ms = 0;    // not measured again before this time
    int64_t cost_ms = 0;      // CPU time of the last walk
  };
  struct Walker {
    std::thread thread;
    pid_t tid = 0;
    bool busy = false;
    bool on_long_walk = false;
    bool hurried = false;  // it runs with normal priority
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

}  // namespace davit::snapshotter
