// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Cgroups for execs, so that whatever a command starts can be found again.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/host/cgroup/hierarchy.h"

namespace davit {

class CgroupHost;

// It lies below the container's, in the v2 hierarchy alone and without controllers: limits and statistics
// stay the container's. A process can leave its group and its session, but not this. Gone with the object;
// what a command has left running then goes on in the container's own cgroup.
//
// On a host without a v2 hierarchy, and where the container's owner allows no more cgroups, there is none,
// and the methods do nothing. One that the owner's division of the container's cgroup makes unfit for
// processes is no error here: the shim then uses the cgroup of the container's first process
// (shim/init_cgroup.h).
class ExecCgroup {
 public:
  // `container` is the path of the container's cgroup, as in CgroupHost. One of that name which is there
  // already is taken over. The host outlives the object.
  static Result<ExecCgroup> Make(const CgroupHost& host, const std::string& container,
                                 const std::string& name);
  // As on a host without a v2 hierarchy.
  static ExecCgroup None() { return {}; }
  ~ExecCgroup() { Remove(); }
  ExecCgroup(ExecCgroup&& other) noexcept
      : host_(other.host_),
        container_(std::move(other.container_)),
        path_(std::exchange(other.path_, {})),
        directory_(std::move(other.directory_)),
        events_(std::move(other.events_)) {}
  ExecCgroup& operator=(ExecCgroup&&) = delete;

  // For CLONE_INTO_CGROUP; -1 when there is no such cgroup.
  int directory() const { return directory_.get(); }
  // Nobody is in it, and nobody has removed it.
  bool IsVacant() const;

  // SIGKILL to everything in it; returns when they are gone.
  Result<> Kill() const;

 private:
  ExecCgroup() = default;
  ExecCgroup(const CgroupHost& host, std::string container)
      : host_(&host), container_(std::move(container)) {}

  void Remove();
  void Empty(const CgroupHierarchy& unified) const;

  const CgroupHost* host_ = nullptr;
  std::string container_;  // relative to the hierarchy's root, as path_
  std::string path_;       // empty: there is none
  UniqueFd directory_;
  UniqueFd events_;  // cgroup.events
};

// Those of one container. One of them is kept for the next exec: to make and remove a cgroup takes longer
// than much of what probes run in it. Thread-safe.
class ExecCgroups {
 public:
  // One exec's, until it goes.
  class Lease {
   public:
    // Without an owner the cgroup goes with the lease.
    Lease(ExecCgroups* owner, ExecCgroup cgroup) : owner_(owner), cgroup_(std::move(cgroup)) {}
    ~Lease() {
      if (owner_ != nullptr) owner_->Return(std::move(cgroup_), killed_);
    }
    Lease(Lease&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          cgroup_(std::move(other.cgroup_)),
          killed_(other.killed_) {}
    Lease& operator=(Lease&&) = delete;

    int directory() const { return cgroup_.directory(); }
    bool IsVacant() const { return cgroup_.IsVacant(); }
    // As ExecCgroup's. It is nobody else's after that: Linux (6.18 at least) kills whatever is cloned into a
    // cgroup that was killed once.
    Result<> Kill() {
      killed_ = true;
      return cgroup_.Kill();
    }

   private:
    ExecCgroups* owner_;
    ExecCgroup cgroup_;
    bool killed_ = false;
  };

  // Vacant, and nobody else's. `container` and `host` as ExecCgroup::Make; `exec_id` names one that is not
  // kept.
  Result<Lease> Take(const CgroupHost& host, const std::string& container, const std::string& exec_id)
      EXCLUDES(mutex_);

  // Once the container has ended.
  void Forget() EXCLUDES(mutex_);

 private:
  void Return(ExecCgroup cgroup, bool killed) EXCLUDES(mutex_);

  Mutex mutex_;
  bool lent_ GUARDED_BY(mutex_) = false;
  std::optional<ExecCgroup> kept_ GUARDED_BY(mutex_);
};

}  // namespace davit
