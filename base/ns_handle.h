// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A namespace, held open (namespaces(7)).
#pragma once

#include <sched.h>

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// Holding one keeps the namespace alive. A mount namespace handle also pins all its mounts: do not keep one
// for long.
class NsHandle {
 public:
  NsHandle() = default;
  explicit NsHandle(UniqueFd fd) : fd_(std::move(fd)) {}

  // `name` as below /proc/PID/ns/: "net", "ipc", "mnt"...
  static Result<NsHandle> OfSelf(const std::string& name);

  // Moves the calling thread into the namespace; `type` is its CLONE_NEW* flag, so that a wrong one is
  // EINVAL.
  Result<> Enter(int type) const;

  int get() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }
  UniqueFd Take() { return std::move(fd_); }

 private:
  UniqueFd fd_;
};

}  // namespace davit
