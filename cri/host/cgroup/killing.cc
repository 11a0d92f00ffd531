// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/killing.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/file_io.h"
#include "base/pid_fd.h"
#include "base/time.h"

namespace davit::cri {
namespace {

class Deadline {
 public:
  explicit Deadline(int timeout_ms) : end_(MonotonicMilliseconds() + timeout_ms) {}
  int Remaining() const { return static_cast<int>(std::max<int64_t>(0, end_ - MonotonicMilliseconds())); }
  bool Passed() const { return Remaining() == 0; }

 private:
  int64_t end_;
};

std::unexpected<Error> StillPopulated(const std::string& path) {
  return Fail(Code::kDeadlineExceeded, "kill cgroup", path, "processes do not end");
}

void WriteV1Freezer(Hierarchies hierarchies, const std::string& path, const char* state) {
  const CgroupHierarchy* freezer = FindController(hierarchies, "freezer");
  if (freezer != nullptr && !freezer->v2)
    (void)WriteFileAt(freezer->dir.get(), path + "/freezer.state", state);
}

// Freezes the v1 cgroup and thaws it at the end of the scope. The freezer only narrows the race against
// forks: without one, or while it is slow, the caller's loop makes up for it.
class V1Freeze {
 public:
  V1Freeze(Hierarchies hierarchies, const std::string& path) : hierarchies_(hierarchies), path_(path) {
    WriteV1Freezer(hierarchies_, path_, "FROZEN");
  }
  ~V1Freeze() { WriteV1Freezer(hierarchies_, path_, "THAWED"); }
  V1Freeze(const V1Freeze&) = delete;
  V1Freeze& operator=(const V1Freeze&) = delete;

 private:
  Hierarchies hierarchies_;
  const std::string& path_;
};

Result<std::set<int>> V1Pids(Hierarchies hierarchies, const std::string& path) {
  std::set<int> pids;
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    if (hierarchy.v2) continue;
    for (int pid : TRY(PidsBelow(hierarchy, path))) pids.insert(pid);
  }
  return pids;
}

// A pid may have been taken over between the list and the open. A pid that a second list, read after the
// open, still has is the opened process: two live processes never share one.
Result<std::vector<PidFd>> SignalV1(Hierarchies hierarchies, const std::string& path) {
  V1Freeze freeze(hierarchies, path);
  std::map<int, PidFd> opened;
  for (int pid : TRY(V1Pids(hierarchies, path))) {
    if (Result<PidFd> process = PidFd::Open(pid)) opened.emplace(pid, std::move(*process));
  }
  std::vector<PidFd> killed;
  for (int pid : TRY(V1Pids(hierarchies, path))) {
    auto found = opened.find(pid);
    if (found == opened.end()) continue;
    if (found->second.Signal(SIGKILL)) killed.push_back(std::move(found->second));
  }
  return killed;
}

Result<> KillV1(Hierarchies hierarchies, const std::string& path, const Deadline& deadline) {
  while (!TRY(V1Pids(hierarchies, path)).empty()) {
    if (deadline.Passed()) return StillPopulated(path);
    for (const PidFd& process : TRY(SignalV1(hierarchies, path))) {
      if (!TRY(process.WaitExit(deadline.Remaining()))) return StillPopulated(path);
    }
  }
  return {};
}

// Waits for "populated 0"; the file becomes readable for POLLPRI at every change (cgroup-v2.rst). The kernel
// delays a change that follows another one closely, and forgets to tell it when the cgroup is removed
// meanwhile: so this looks again, too.
constexpr int kLookAgainMs = 50;
Result<> AwaitEmptyV2(const CgroupHierarchy& unified, const std::string& path, const Deadline& deadline) {
  UniqueFd events = TRY(OpenAt(unified.dir.get(), path + "/cgroup.events", O_RDONLY));
  while (true) {
    if (!TRY(ReadPopulated(events.get(), path))) return {};
    if (deadline.Passed()) return StillPopulated(path);
    pollfd poll_events = {events.get(), POLLPRI, 0};
    if (poll(&poll_events, 1, std::min(deadline.Remaining(), kLookAgainMs)) < 0 && errno != EINTR)
      return SystemError("poll", path);
  }
}

Result<> KillV2(const CgroupHierarchy& unified, const std::string& path, const Deadline& deadline) {
  TRY(WriteFileAt(unified.dir.get(), path + "/cgroup.kill", "1"));
  return AwaitEmptyV2(unified, path, deadline);
}

}  // namespace

Result<> KillCgroup(Hierarchies hierarchies, const std::string& path, int timeout_ms) {
  Deadline deadline(timeout_ms);
  // A process that v1 has frozen would not die, by whatever means; v2's freezer makes an exception for
  // SIGKILL.
  WriteV1Freezer(hierarchies, path, "THAWED");
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    if (!hierarchy.v2) continue;
    Result<> killed = KillV2(hierarchy, path, deadline);
    if (!killed && !IsNoCgroup(killed.error())) return killed;
  }
  return KillV1(hierarchies, path, deadline);
}

Result<bool> ReadPopulated(int events, const std::string& path) {
  char text[256];
  ssize_t length = TEMP_FAILURE_RETRY(pread(events, text, sizeof text, 0));
  if (length < 0) return SystemError("read", path + "/cgroup.events");
  return ValueOfKey({text, static_cast<size_t>(length)}, "populated") != 0;
}

Result<bool> IsPopulated(Hierarchies hierarchies, const std::string& path) {
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    if (!hierarchy.v2) continue;
    Result<std::string> events = ReadFileAt(hierarchy.dir.get(), path + "/cgroup.events");
    if (!events && !IsNoCgroup(events.error())) return std::unexpected(std::move(events).error());
    if (ValueOfKey(events.value_or(""), "populated") != 0) return true;
  }
  return !TRY(V1Pids(hierarchies, path)).empty();
}

Result<> RemoveCgroup(Hierarchies hierarchies, const CgroupHierarchy& hierarchy, const std::string& path) {
  if (unlinkat(hierarchy.dir.get(), path.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  // A cgroup may stay busy for a moment after its last process is gone; where there are none, there is
  // nothing to wait on.
  constexpr int kAttempts = 50;
  Result<> removed;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    removed = RemoveTree(hierarchy, path);
    if (removed || removed.error().os_errno != EBUSY) return removed;
    TRY(KillCgroup(hierarchies, path, kCgroupKillTimeoutMs));
    if (attempt > 0) poll(nullptr, 0, 2);
  }
  return removed;
}

}  // namespace davit::cri
