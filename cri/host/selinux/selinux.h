// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// SELinux on this host: whether there is any, and what its policy says of containers.
#pragma once

#include <string>

#include "base/error.h"
#include "cri/host/selinux/context.h"

namespace davit {

struct SeLinuxHost {
  bool enabled = false;
  bool enforcing = false;
  // What the policy gives containers that ask for nothing, and their files (lxc_contexts(5)). Empty: it has
  // none, and nothing can be confined by it.
  SeLinuxContext process;
  SeLinuxContext file;
  SeLinuxContext shared_file;  // of files that all containers read and none changes; may be empty alone
};

class SeLinux {
 public:
  // `root` goes in front of every path: a fixture.
  explicit SeLinux(std::string root = "") : root_(std::move(root)) {}

  // Enabled is what every program takes for it: the kernel has a policy, and selinuxfs is there to be written
  // to. In a container that is a host to ours it is not. kInvalidArgument when the policy's file with the
  // contexts is malformed.
  Result<SeLinuxHost> Describe() const;

  // Asks the kernel. kInvalidArgument when its policy knows no such context; an empty one is none.
  Result<> Check(const std::string& context) const;

 private:
  bool IsEnabled() const;
  Result<std::string> ContainerContexts() const;  // empty: there are none

  const std::string root_;
};

}  // namespace davit
