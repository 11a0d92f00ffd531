// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A cgroup for one exec, so that whatever its command starts can be found again.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cri/cgroup/cgroup_host.h"

namespace davit {

// It lies below the container's, in the v2 hierarchy alone and without controllers: limits and statistics
// stay the container's. A process can leave its group and its session, but not this. Gone with the object;
// what a command has left running then goes on in the container's own cgroup.
//
// On a host without a v2 hierarchy there is none, and the methods do nothing.
class ExecCgroup {
 public:
  // `container` is the path of the container's cgroup, as in CgroupHost. The host outlives the object.
  static Result<ExecCgroup> Make(const CgroupHost& host, const std::string& container,
                                 const std::string& exec_id);
  ~ExecCgroup() { Remove(); }
  ExecCgroup(ExecCgroup&& other) noexcept
      : host_(other.host_),
        container_(std::move(other.container_)),
        path_(std::exchange(other.path_, {})),
        directory_(std::move(other.directory_)) {}
  ExecCgroup& operator=(ExecCgroup&&) = delete;

  // For CLONE_INTO_CGROUP. Invalid when there is no such cgroup.
  UniqueFd TakeDirectory() { return std::move(directory_); }

  // SIGKILL to everything in it; returns when they are gone.
  Result<> Kill() const;

 private:
  ExecCgroup(const CgroupHost& host, std::string container)
      : host_(&host), container_(std::move(container)) {}

  void Remove();
  void Empty(const CgroupHierarchy& unified) const;

  const CgroupHost* host_;
  std::string container_;  // relative to the hierarchy's root, as path_
  std::string path_;       // empty: there is none
  UniqueFd directory_;
};

}  // namespace davit
