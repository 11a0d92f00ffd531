// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>

namespace davit {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// posix_spawn's two descriptions of the child, freed together.
struct SpawnSetup {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  SpawnSetup() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
};

void DescribeSignals(SpawnSetup& setup) {
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&setup.attributes, &all);
  posix_spawnattr_setsigmask(&setup.attributes, &none);
  posix_spawnattr_setflags(&setup.attributes,
                           POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
}

// dup2 in two rounds: first out of the way of all targets, so that no assignment overwrites a source still to
// be used.
Result<> DescribeDescriptors(SpawnSetup& setup, const SpawnRequest& request, std::vector<UniqueFd>& parked) {
  int highest = 2;
  for (auto [ours, theirs] : request.fds) highest = std::max({highest, theirs});
  for (int fd = 0; fd <= 2; ++fd) {
    bool named =
        std::any_of(request.fds.begin(), request.fds.end(), [fd](auto& pair) { return pair.second == fd; });
    if (!named) posix_spawn_file_actions_addopen(&setup.actions, fd, "/dev/null", O_RDWR, 0);
  }
  for (auto [ours, theirs] : request.fds) {
    UniqueFd copy(fcntl(ours, F_DUPFD_CLOEXEC, highest + 1));
    if (!copy) return SystemError("fcntl(F_DUPFD_CLOEXEC)", std::to_string(ours));
    posix_spawn_file_actions_adddup2(&setup.actions, copy.get(), theirs);
    parked.push_back(std::move(copy));
  }
  // Whatever another library left inheritable stays here.
  posix_spawn_file_actions_addclosefrom_np(&setup.actions, highest + 1);
  posix_spawn_file_actions_addchdir_np(&setup.actions, request.cwd.c_str());
  return {};
}

// The child's own descriptors are rearranged before it executes the program, so one of ours is named through
// our process.
std::string ProgramPath(const std::string& program) {
  constexpr std::string_view kOwnDescriptor = "/proc/self/fd/";
  if (!program.starts_with(kOwnDescriptor)) return program;
  return "/proc/" + std::to_string(getpid()) + "/fd/" + program.substr(kOwnDescriptor.size());
}

}  // namespace

Result<ChildProcess> Spawn(const SpawnRequest& request) {
  SpawnSetup setup;
  std::vector<UniqueFd> parked;
  DescribeSignals(setup);
  TRY(DescribeDescriptors(setup, request, parked));

  std::vector<char*> argv = Pointers(request.args);
  std::vector<char*> envp = Pointers(request.env);
  ChildProcess child;
  std::string program = ProgramPath(request.program);
  int err =
      posix_spawn(&child.pid, program.c_str(), &setup.actions, &setup.attributes, argv.data(), envp.data());
  if (err != 0) return SystemError("posix_spawn", request.program, err);
  child.pidfd = TRY(PidFd::Open(child.pid));  // not yet reaped, so the pid is still ours
  return child;
}

Result<ExitStatus> Reap(const ChildProcess& child) {
  siginfo_t info{};
  if (TEMP_FAILURE_RETRY(waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WEXITED)) < 0) {
    return SystemError("waitid", std::to_string(child.pid));
  }
  if (info.si_code == CLD_EXITED) return ExitStatus{info.si_status, 0};
  return ExitStatus{128 + info.si_status, info.si_status};
}

}  // namespace davit
