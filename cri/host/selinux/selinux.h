// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// SELinux on this host: whether it is enabled, and its policy for containers.
#pragma once

#include <string>

#include "base/error.h"
#include "cri/host/selinux/context.h"

namespace davit::cri {

struct SeLinuxHost {
  bool enabled = false;
  bool enforcing = false;
  // The contexts of containers that request none, and of their files (lxc_contexts(5)). Empty: the policy has
  // none, and containers cannot be confined by it.
  SeLinuxContext process;
  SeLinuxContext file;
  SeLinuxContext shared_file;  // of read-only files shared by all containers; may be empty alone
};

class SeLinux {
 public:
  // `root` is prepended to every path, for tests.
  explicit SeLinux(std::string root = "") : root_(std::move(root)) {}

  // Enabled means that the kernel has a policy and that selinuxfs is writable, as other programs define it.
  // In a container that serves as our host it is therefore disabled. kInvalidArgument if a context in the
  // policy's lxc_contexts file is malformed.
  Result<SeLinuxHost> Describe() const;

  // Asks the kernel whether its policy knows the context; if not, kInvalidArgument. An empty context is
  // valid.
  Result<> Check(const std::string& context) const;

 private:
  bool IsEnabled() const;
  Result<std::string> ContainerContexts() const;  // empty: no contexts

  const std::string root_;
};

}  // namespace davit::cri
