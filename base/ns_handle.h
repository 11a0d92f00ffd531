// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An open descriptor of a namespace (namespaces(7)).
#pragma once

#include <sched.h>

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// Keeps the namespace alive. A handle of a mount namespace also keeps all its mounts: do not hold it for
// long.
class NsHandle {
 public:
  NsHandle() = default;
  explicit NsHandle(UniqueFd fd) : fd_(std::move(fd)) {}

  // Opens a namespace of the calling thread. `name` as below /proc/PID/ns/: "net", "ipc", "mnt"...
  static Result<NsHandle> OfSelf(const std::string& name);

  // Moves the calling thread into the namespace. `type` is the expected CLONE_NEW* flag: EINVAL if the
  // namespace has another type (setns(2)).
  Result<> Enter(int type) const;

  int get() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }
  UniqueFd Take() { return std::move(fd_); }

 private:
  UniqueFd fd_;
};

}  // namespace davit
