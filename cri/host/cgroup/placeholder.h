// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Processes that do nothing. systemd makes a scope only for a process that exists, and ends it with its last
// process (systemd.scope(5)): a placeholder is in a scope until the process that the scope is for has joined.
#pragma once

#include <sys/types.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/reactor.h"
#include "base/spawn.h"
#include "base/thread_annotations.h"

namespace davit::cri {

class Placeholders;

// The destructor kills the process, and does not wait for its end: a tenant's CPU limit can delay it.
class Placeholder {
 public:
  Placeholder() = default;  // without a process
  Placeholder(Placeholders& owner, ChildProcess child) : owner_(&owner), child_(std::move(child)) {}
  ~Placeholder() { End(); }
  Placeholder(Placeholder&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), child_(std::move(other.child_)) {}
  Placeholder& operator=(Placeholder&& other) noexcept;

  // Ends the process and has its pid stay in use: for a message with the pid that may be read later.
  void EndAndKeepPid();

  pid_t pid() const { return owner_ == nullptr ? 0 : child_.pid; }

 private:
  void End() noexcept;

  Placeholders* owner_ = nullptr;  // null: no process
  ChildProcess child_;
};

// Starts and reaps them. Thread-safe. Must outlive its placeholders. After the first one, it keeps a process
// ready for the next: its start would take a part of a container's.
class Placeholders {
 public:
  // `program` is started for each of them. It must end only by SIGKILL, and with the thread that has started
  // it (PR_SET_PDEATHSIG, shim/reaper_program.h): a daemon that is killed leaves none that has begun to run.
  static Result<std::unique_ptr<Placeholders>> Open(SpawnRequest program);
  // Waits for the end of all processes.
  ~Placeholders();

  Result<Placeholder> Start() EXCLUDES(mutex_);

 private:
  friend class Placeholder;

  Placeholders(SpawnRequest program, std::unique_ptr<Reactor> reactor)
      : program_(std::move(program)), reactor_(std::move(reactor)), loop_(reactor_->loop()) {}
  std::optional<ChildProcess> TakeReady() EXCLUDES(mutex_);
  void Reap(ChildProcess child) EXCLUDES(mutex_);
  void Keep(ChildProcess child) EXCLUDES(mutex_);

  // The following run on the reactor's thread.
  void ReapEnded() EXCLUDES(mutex_);
  void OnEnd(int pidfd);
  void KeepOneReady() EXCLUDES(mutex_);

  const SpawnRequest program_;
  // All processes are children of its thread, which lives as long as they may. One whose end takes long,
  // because of a tenant's CPU limit, holds up no other.
  std::unique_ptr<Reactor> reactor_;
  EventLoop& loop_;                    // the reactor's, also while that is destroyed
  std::map<int, ChildProcess> dying_;  // the reactor's: killed and watched, by pidfd
  Mutex mutex_;
  std::vector<ChildProcess> ended_ GUARDED_BY(mutex_);  // killed, not watched yet
  std::deque<ChildProcess> kept_ GUARDED_BY(mutex_);  // killed, and not to be reaped: their pids stay in use
  std::optional<ChildProcess> ready_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
