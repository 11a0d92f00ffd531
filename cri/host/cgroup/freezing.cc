// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/freezing.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/file_io.h"
#include "base/time.h"

namespace davit::cri {
namespace {

// How to talk to a hierarchy's freezer.
struct Freezer {
  const CgroupHierarchy* hierarchy;
  const char* switch_file;
  const char* freeze;
  const char* thaw;
};

constexpr Freezer kV2 = {nullptr, "/cgroup.freeze", "1", "0"};
constexpr Freezer kV1 = {nullptr, "/freezer.state", "FROZEN", "THAWED"};

Result<Freezer> FindFreezer(Hierarchies hierarchies, const std::string& path) {
  auto unified = std::ranges::find_if(hierarchies, &CgroupHierarchy::v2);
  Freezer freezer = unified != hierarchies.end() ? kV2 : kV1;
  freezer.hierarchy = unified != hierarchies.end() ? &*unified : FindController(hierarchies, "freezer");
  if (freezer.hierarchy != nullptr) return freezer;
  return Fail(Code::kUnimplemented, "freeze cgroup", path, "this host has no freezer");
}

Result<> Ask(const Freezer& freezer, const std::string& path, const char* state) {
  return WriteFileAt(freezer.hierarchy->dir.get(), path + freezer.switch_file, state);
}

// v2: "frozen 1" in cgroup.events, which becomes readable for POLLPRI at each change. v1 has the state
// "FREEZING" until all processes are frozen, goes on only when it is asked again, and tells nobody.
constexpr int kLookAgainMs = 10;

Result<bool> HasFrozen(const Freezer& freezer, const std::string& path, int events) {
  if (!freezer.hierarchy->v2) {
    TRY(Ask(freezer, path, freezer.freeze));
    return TRY(ReadFileAt(freezer.hierarchy->dir.get(), path + freezer.switch_file))
        .starts_with(freezer.freeze);
  }
  char text[256];
  ssize_t length = TEMP_FAILURE_RETRY(pread(events, text, sizeof text, 0));
  if (length < 0) return SystemError("read", path + "/cgroup.events");
  return ValueOfKey({text, static_cast<size_t>(length)}, "frozen") != 0;
}

Result<> AwaitFrozen(const Freezer& freezer, const std::string& path, int timeout_ms) {
  int64_t deadline = MonotonicMilliseconds() + timeout_ms;
  UniqueFd events;
  if (freezer.hierarchy->v2)
    events = TRY(OpenAt(freezer.hierarchy->dir.get(), path + "/cgroup.events", O_RDONLY));
  while (!TRY(HasFrozen(freezer, path, events.get()))) {
    int64_t left = deadline - MonotonicMilliseconds();
    if (left <= 0)
      return Fail(Code::kDeadlineExceeded, "freeze cgroup", path, "a process of it does not stop");
    pollfd change = {events.get(), POLLPRI, 0};  // without a descriptor: only time passes
    if (poll(&change, 1, static_cast<int>(std::min<int64_t>(left, kLookAgainMs))) < 0 && errno != EINTR)
      return SystemError("poll", path);
  }
  return {};
}

}  // namespace

Result<> FreezeCgroup(Hierarchies hierarchies, const std::string& path, int timeout_ms) {
  Freezer freezer = TRY(FindFreezer(hierarchies, path));
  TRY(Ask(freezer, path, freezer.freeze));
  Result<> frozen = AwaitFrozen(freezer, path, timeout_ms);
  if (!frozen) (void)Ask(freezer, path, freezer.thaw);
  return frozen;
}

Result<> ThawCgroup(Hierarchies hierarchies, const std::string& path) {
  Freezer freezer = TRY(FindFreezer(hierarchies, path));
  Result<> thawed = Ask(freezer, path, freezer.thaw);
  return !thawed && IsNoCgroup(thawed.error()) ? Result<>() : thawed;
}

Result<bool> IsCgroupFrozen(Hierarchies hierarchies, const std::string& path) {
  Freezer freezer = TRY(FindFreezer(hierarchies, path));
  const char* file = freezer.hierarchy->v2 ? "/cgroup.freeze" : "/freezer.self_freezing";
  Result<std::string> state = ReadFileAt(freezer.hierarchy->dir.get(), path + file);
  if (!state && IsNoCgroup(state.error())) return false;
  return TRY(std::move(state)).starts_with('1');
}

}  // namespace davit::cri
