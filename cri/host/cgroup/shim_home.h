// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The cgroup of the shims, made anew if somebody removes it while the daemon runs.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cri/host/cgroup/placeholder.h"
#include "cri/host/cgroup/shim_cgroup.h"

namespace davit::cri {

// Thread-safe.
class ShimHome {
 public:
  struct Made {
    ShimCgroup cgroup;
    Placeholder keeper;  // keeps the cgroup while there is no shim, where it needs that
  };
  // Makes the cgroup, or opens the one that exists. Called on any thread, once at a time.
  using Make = std::function<Result<Made>()>;

  static Result<std::unique_ptr<ShimHome>> Open(Make make);

  // As in ShimCgroup.
  Result<> MoveCallingThread() const EXCLUDES(mutex_);
  // As in ShimCgroup. If the cgroup is gone, because an operator has stopped its scope for example, the
  // process joins a new one.
  Result<> JoinAfterSpawn(pid_t pid) EXCLUDES(mutex_);

 private:
  using MadePtr = std::shared_ptr<const Made>;

  ShimHome(Make make, MadePtr made) : make_(std::move(make)), made_(std::move(made)) {}
  MadePtr Now() const EXCLUDES(mutex_);
  Result<MadePtr> Renew(const MadePtr& gone) EXCLUDES(mutex_);

  const Make make_;
  mutable Mutex mutex_;
  MadePtr made_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
