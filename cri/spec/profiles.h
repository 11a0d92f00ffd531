// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which seccomp and AppArmor profiles confine a container.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/spec/host_facts.h"

namespace davit::cri {

struct SeccompChoice {
  enum Kind : uint8_t { kUnconfined, kRuntimeDefault, kLocalhost };
  Kind kind = kUnconfined;
  std::string path;  // of kLocalhost: an absolute path on the host

  bool operator==(const SeccompChoice&) const = default;
};

// Unconfined if the request has no profile, as the API defines; the kubelet always sends one. A privileged
// container is always unconfined, even with an invalid profile. kInvalidArgument for an unknown type, a
// Localhost profile without an absolute path, and a path with another type.
Result<SeccompChoice> ChooseSeccomp(const ::runtime::v1::LinuxContainerSecurityContext& context);

// The name of the profile, empty for none. If the request has no profile, it is the default profile if the
// host supports that, otherwise none. If the request has RuntimeDefault or a named profile, a host without
// AppArmor is kFailedPrecondition. A privileged container has a profile only if the request names it.
// kInvalidArgument as for seccomp, but a name need not be a path.
Result<std::string> ChooseAppArmor(const ::runtime::v1::LinuxContainerSecurityContext& context,
                                   const HostFacts& host);

}  // namespace davit::cri
