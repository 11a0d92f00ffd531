// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Cgroups for execs, so that all processes that a command starts can be found.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/host/cgroup/hierarchy.h"

namespace davit::cri {

class CgroupHost;

// A child of the container's cgroup, in the v2 hierarchy only and without controllers: limits and statistics
// remain those of the container. A process can leave its process group and session, but not this cgroup. The
// destructor removes it and moves remaining processes to the container's own cgroup.
//
// The object is empty, and its methods do nothing, on a host without a v2 hierarchy and where the container
// limits the number or depth of its cgroups. If the container has configured its cgroup so that the new one
// cannot have processes, that is no error here: the shim then uses the cgroup of the container's first
// process (shim/init_cgroup.h).
class ExecCgroup {
 public:
  // `container` is the path of the container's cgroup, as in CgroupHost. An existing cgroup of that name is
  // reused. The host must outlive the object.
  static Result<ExecCgroup> Make(const CgroupHost& host, const std::string& container,
                                 const std::string& name);
  // An empty object, as on a host without a v2 hierarchy.
  static ExecCgroup None() { return {}; }
  ~ExecCgroup() { Remove(); }
  ExecCgroup(ExecCgroup&& other) noexcept
      : host_(other.host_),
        container_(std::move(other.container_)),
        path_(std::exchange(other.path_, {})),
        directory_(std::move(other.directory_)),
        events_(std::move(other.events_)) {}
  ExecCgroup& operator=(ExecCgroup&&) = delete;

  // For CLONE_INTO_CGROUP; -1 if the object is empty.
  int directory() const { return directory_.get(); }
  // True if the cgroup has no processes and still exists, or if the object is empty.
  bool IsVacant() const;

  // Sends SIGKILL to all processes in it and waits until they have ended.
  Result<> Kill() const;

 private:
  ExecCgroup() = default;
  ExecCgroup(const CgroupHost& host, std::string container)
      : host_(&host), container_(std::move(container)) {}

  void Remove();
  void Empty(const CgroupHierarchy& unified) const;

  const CgroupHost* host_ = nullptr;
  std::string container_;  // relative to the hierarchy's root, like path_
  std::string path_;       // empty: the object is empty
  UniqueFd directory_;
  UniqueFd events_;  // cgroup.events
};

// The exec cgroups of one container. One is kept for the next exec, because creating and removing a cgroup
// takes longer than many probes run. Thread-safe.
class ExecCgroups {
 public:
  // The cgroup of one exec. The destructor returns it to its owner.
  class [[nodiscard]] Lease {
   public:
    // Without an owner, the destructor removes the cgroup. The owner must outlive the lease.
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
    // Like ExecCgroup::Kill. The cgroup is not reused afterwards: Linux (at least 6.18) kills every process
    // that is cloned into a cgroup that was killed once.
    Result<> Kill() {
      killed_ = true;
      return cgroup_.Kill();
    }

   private:
    ExecCgroups* owner_;
    ExecCgroup cgroup_;
    bool killed_ = false;
  };

  // Returns a vacant cgroup that no other exec uses. `container` and `host` as for ExecCgroup::Make;
  // `exec_id` is the name of the cgroup if the kept one is in use.
  Result<Lease> Take(const CgroupHost& host, const std::string& container, const std::string& exec_id)
      EXCLUDES(mutex_);

  // Removes the kept cgroup. To be called when the container has ended.
  void Forget() EXCLUDES(mutex_);

 private:
  void Return(ExecCgroup cgroup, bool killed) EXCLUDES(mutex_);

  Mutex mutex_;
  bool lent_ GUARDED_BY(mutex_) = false;
  std::optional<ExecCgroup> kept_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
