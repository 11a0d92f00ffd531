// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/shim_home.h"

#include "cri/host/cgroup/hierarchy.h"

namespace davit::cri {

Result<std::unique_ptr<ShimHome>> ShimHome::Open(Make make) {
  auto made = std::make_shared<const Made>(TRY(make()));
  return std::unique_ptr<ShimHome>(new ShimHome(std::move(make), std::move(made)));
}

Result<> ShimHome::MoveCallingThread() const {
  return Now()->cgroup.MoveCallingThread();
}

Result<> ShimHome::JoinAfterSpawn(pid_t pid) {
  MadePtr made = Now();
  Result<> joined = made->cgroup.JoinAfterSpawn(pid);
  if (joined || !IsNoCgroup(joined.error())) return joined;
  MadePtr renewed = TRY(Renew(made));
  return renewed->cgroup.JoinAfterSpawn(pid);
}

ShimHome::MadePtr ShimHome::Now() const {
  MutexLock lock(mutex_);
  return made_;
}

// Another thread may have found it gone, too.
Result<ShimHome::MadePtr> ShimHome::Renew(const MadePtr& gone) {
  MutexLock lock(mutex_);
  if (made_ == gone) made_ = std::make_shared<const Made>(TRY(make_()));
  return made_;
}

}  // namespace davit::cri
